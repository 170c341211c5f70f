package s3server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// connectProxy is an HTTP proxy that knows CONNECT to the names of the S3 endpoint and nothing else. A process
// outside the cluster's network namespace reaches virtual-hosted buckets through it without a DNS entry.
type connectProxy struct {
	domain string
	// target is the TLS listener; port is its port, which names may be given with besides 443.
	target, port string
}

// ServeHTTP opens a tunnel.
func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is proxied", http.StatusMethodNotAllowed)
		return
	}
	if !p.allowed(r.Host) {
		http.Error(w, fmt.Sprintf("%s is not an S3 name of this cluster", r.Host), http.StatusForbidden)
		return
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	server, err := dialer.DialContext(r.Context(), "tcp", p.target)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer client.Close()
	// http.Server forgets connections that were hijacked; its base context, which this one comes from, ends them.
	stop := context.AfterFunc(r.Context(), func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	pipe := func(dst net.Conn, src io.Reader) {
		_, _ = io.Copy(dst, src)
		done <- struct{}{}
	}
	// The client may have sent its first bytes with the request.
	go pipe(server, buffered)
	go pipe(client, server)
	// Either side's end is the tunnel's: TLS says goodbye before it closes.
	<-done
}

func (p *connectProxy) allowed(hostPort string) bool {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil || (port != "443" && port != p.port) {
		return false
	}
	return host == p.domain || strings.HasSuffix(host, "."+p.domain)
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
