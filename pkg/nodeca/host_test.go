package nodeca

import (
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	long := strings.Repeat("a.", 127) + "a"
	for _, tc := range []struct{ name, key, want string }{
		{"a host", "registry.example.com", "registry.example.com"},
		{"a host with a port", "registry.example.com..5000", "registry.example.com:5000"},
		{"a port with a colon, as a file may have it", "registry.example.com:5000", "registry.example.com:5000"},
		{"a host without a domain", "registry..5000", "registry:5000"},
		{"the registry itself", "image-registry.openshift-image-registry.svc.cluster.local..5000", "image-registry.openshift-image-registry.svc.cluster.local:5000"},
		{"upper case, which image references may have", "Registry.Example", "Registry.Example"},
		{"an IPv4 address", "1.1.1.1..5000", "1.1.1.1:5000"},
		{"an IPv4 address without port", "10.0.0.1", "10.0.0.1"},
		{"an IPv6 address with a port", "fd00....1..5000", "[fd00::1]:5000"},
		{"a whole IPv6 address with a port", "fd00..0..0..0..0..0..0..1..443", "[fd00:0:0:0:0:0:0:1]:443"},
		{"a whole IPv6 address, of which the last part is no port", "fd00..0..0..0..0..0..0..1", "[fd00:0:0:0:0:0:0:1]"},
		{"an IPv6 address whose last part cannot be a port", "fd00....abcd", "[fd00::abcd]"},
		{"an IPv6 address whose last part has a leading zero", "fd00....1..0500", "[fd00::1:0500]"},
		{"an IPv6 address that would end in two colons without its last part", "fd00....1", "[fd00::1]"},
		{"a file extension where a port should be", "quay.example..443.crt", ""},
		{"port 0", "registry.example.com..0", ""},
		{"a port that is too large", "registry.example.com..65536", ""},
		{"a port with a sign", "registry.example.com..+1", ""},
		{"no port after the dots", "registry.example.com..", ""},
		{"no host before them", "..5000", ""},
		{"two ports", "a..1..2", ""},
		{"dots in the middle", "a..b..5000", ""},
		{"a dot at the end", "registry.example.com.", ""},
		{"an underscore", "my_registry", ""},
		{"a hyphen in front", "-registry", ""},
		{"a name that DNS cannot have", long, ""},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Host(tc.key)
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("Host(%q) = %q, %v; want %q", tc.key, got, err, tc.want)
			}
		})
	}
}
