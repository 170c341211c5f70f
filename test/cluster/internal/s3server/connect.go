package s3server

import (
	"fmt"
	"net"
	"strings"
)

// leadsHere tells whether an address that a tunnel is asked for is one of the server's names. port is that of the TLS
// listener, which names may be given with besides 443.
func leadsHere(address, port string, o Options) error {
	host, asked, err := net.SplitHostPort(address)
	named := host == o.Domain || strings.HasSuffix(host, "."+o.Domain) || o.Identity.enabled() && host == o.Identity.Host
	if err != nil || (asked != "443" && asked != port) || !named {
		return fmt.Errorf("%s is not an S3 name of this cluster", address)
	}
	return nil
}

// reachable turns the address of a listener on all interfaces into one that can be dialled.
func reachable(address net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "", fmt.Errorf("address of the TLS listener: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
