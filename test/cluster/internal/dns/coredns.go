// Package dns runs CoreDNS as the cluster's DNS server.
package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// Config is what CoreDNS needs to know.
type Config struct {
	Kube       string
	Dir        string
	Kubeconfig string
	// S3Domain is answered, with every name below it, with the S3 server's address: an S3 client that is given an
	// endpoint puts the bucket's name in front of it. So is STSHost: the S3 server is both.
	S3Domain, STSHost string
	S3Address         netip.Addr
}

// Start starts CoreDNS as a process beside the control plane rather than as a pod: it needs no image, and is up before
// the first node.
func Start(g *process.Group, c Config) error {
	path := filepath.Join(c.Dir, "Corefile")
	if err := os.WriteFile(path, []byte(corefile(c)), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err := g.Start(process.Spec{
		Name: "coredns", Path: c.Kube, Dir: c.Dir,
		Args: []string{"coredns", "-conf", path},
	})
	return err
}

// corefile answers for the cluster, the S3 server, and for nothing else: with NXDOMAIN at once, as there is no way out
// and a forwarded question would only time out. The three are server blocks of their own because the order of plugins is
// CoreDNS's, not the file's: in one block the template would answer before the kubernetes plugin is asked.
func corefile(c Config) string {
	record := "A"
	if c.S3Address.Is6() {
		record = "AAAA"
	}
	return fmt.Sprintf(`%[5]s:53 in-addr.arpa:53 ip6.arpa:53 {
	bind %[1]s
	errors
	ready 127.0.0.1:8181
	kubernetes %[5]s in-addr.arpa ip6.arpa {
		kubeconfig %[6]s
		pods insecure
		ttl 5
	}
}
%[2]s:53 %[8]s:53 {
	bind %[1]s
	errors
	template IN %[7]s {
		match ^((.*\.)?%[3]s|%[9]s)\.$
		answer "{{ .Name }} 5 IN %[7]s %[4]s"
	}
	template ANY ANY {
		rcode NOERROR
	}
}
.:53 {
	bind %[1]s
	errors
	template ANY ANY {
		rcode NXDOMAIN
	}
}
`, addresses.DNS, c.S3Domain, regexp.QuoteMeta(c.S3Domain), c.S3Address, addresses.ClusterDomain, c.Kubeconfig, record,
		c.STSHost, regexp.QuoteMeta(c.STSHost))
}

// Wait waits until the server resolves the API server's service, which it does once it has read the cluster's services.
func Wait(ctx context.Context, g *process.Group) error {
	resolver := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, net.JoinHostPort(addresses.DNS, "53"))
		},
	}
	name := "kubernetes.default.svc." + addresses.ClusterDomain + "."
	return g.Until(ctx, "the DNS server", time.Minute, func(ctx context.Context) error {
		_, err := resolver.LookupHost(ctx, name)
		if err != nil {
			return fmt.Errorf("resolving %s: %w", name, err)
		}
		return nil
	})
}
