package s3server

import (
	"net"
	"net/http"
	"strings"
)

// target is what a request addresses.
type target struct {
	bucket string
	// key is the object's, without a leading slash; empty for requests on the bucket itself.
	key string
}

// parseTarget understands both ways to address a bucket; below an address, which has no names below it, there is only the
// one in the path. ok is false for a host name that is not this server's: such a request was not meant for it.
func parseTarget(r *http.Request, domain string) (t target, ok bool) {
	host := hostName(r.Host)
	path := strings.TrimPrefix(r.URL.Path, "/")
	if host == domain || net.ParseIP(host) != nil {
		t.bucket, t.key, _ = strings.Cut(path, "/")
		return t, true
	}
	bucket, ok := strings.CutSuffix(host, "."+domain)
	return target{bucket: bucket, key: path}, ok
}

func hostName(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]") // of an IPv6 address without a port
}

// accessKeyID is the public half of the key pair that signed the request, from its header or, for a presigned
// URL, from its query.
func accessKeyID(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, rest, signed := strings.Cut(r.Header.Get("Authorization"), "Credential="); signed {
		credential = rest
	}
	id, _, _ := strings.Cut(credential, "/")
	return id
}
