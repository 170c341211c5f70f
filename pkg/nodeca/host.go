package nodeca

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// separator stands for a colon in the key of a ConfigMap, which cannot hold one.
const separator = ".."

// maxHost is the longest name that DNS knows.
const maxHost = 253

// hostName is a host as image references have it; an IPv4 address is one, too.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$`)

// Host is the name of the folder in which a container runtime looks for the certificates of the registry that the key
// of a ConfigMap names: HOST or HOST:PORT, with an IPv6 address in brackets. A key has two dots for each colon. The last
// two come before the port, so that fd00....1..5000 is [fd00::1]:5000; where that makes no sense, as in fd00....a, the
// key is an address without port.
func Host(key string) (string, error) {
	text := strings.ReplaceAll(key, separator, ":")
	if colon := strings.LastIndex(text, ":"); colon >= 0 && isPort(text[colon+1:]) {
		host, port := text[:colon], text[colon:]
		if isIPv6(host) {
			return "[" + host + "]" + port, nil
		}
		if isName(host) {
			return text, nil
		}
	}
	switch {
	case isIPv6(text):
		return "[" + text + "]", nil
	case isName(text):
		return text, nil
	}
	return "", fmt.Errorf("key %q names no registry: HOST or HOST%sPORT is expected", key, separator)
}

func isName(text string) bool { return len(text) <= maxHost && hostName.MatchString(text) }

// isPort wants a number as people write it: with a zero in front it is a part of an address.
func isPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0 && strconv.FormatUint(number, 10) == text
}

func isIPv6(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is6() && address.Zone() == ""
}
