package swift

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// version is a path segment that names a version of Keystone's API.
var version = regexp.MustCompile(`^v[123]`)

// hostName is a DNS name, whole.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?\.?$`)

// mounts are the prefixes below which Keystone is installed behind a web server, and to which the version may be left
// off. Any other path without a version is more likely a slip of the hand than a place where Keystone is.
var mounts = []string{"identity", "keystone"}

// normalAuthURL is the URL of Keystone in the one form that operator and registry use, with a version in it.
func normalAuthURL(given string, authVersion int) (string, error) {
	text := strings.TrimSpace(given)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil {
		// The parser's error quotes the text, which may hold a password.
		return "", errors.New("it is not a URL")
	}
	parsed.Scheme = strings.ToLower(parsed.Scheme)
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return "", errors.New("its scheme is neither http nor https")
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return "", errors.New("it has more than scheme, host, port and path")
	}
	if parsed.Host, err = normalHost(parsed); err != nil {
		return "", err
	}
	if parsed.Path, err = versioned(normalPath(parsed.Path), authVersion); err != nil {
		return "", err
	}
	parsed.RawPath = ""
	return parsed.String(), nil
}

// normalHost is the host in lower case, without the port that the scheme stands for.
func normalHost(u *url.URL) (string, error) {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		if !strings.HasPrefix(u.Host, "[") {
			return "", errors.New("its IPv6 address has to be in brackets")
		}
		host = "[" + host + "]"
	} else if err != nil && !hostName.MatchString(host) {
		return "", errors.New("it has no valid host name or address")
	}
	if port == "" || port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return host, nil
	}
	return host + ":" + port, nil
}

// normalPath is p without dot segments and double slashes; a slash at the end stays.
func normalPath(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// versioned is p with the version of the API in it.
func versioned(p string, authVersion int) (string, error) {
	segments := strings.Split(strings.Trim(p, "/"), "/")
	last := segments[len(segments)-1]
	switch {
	case p == "/":
		return fmt.Sprintf("/v%d", authVersion), nil
	case version.MatchString(segments[0]), version.MatchString(last):
		return p, nil
	case slices.Contains(mounts, last):
		return fmt.Sprintf("%s/v%d", strings.TrimSuffix(p, "/"), authVersion), nil
	}
	return "", errors.New("its path does not name the version of Keystone's API, as /v3 or /identity/v3 do")
}
