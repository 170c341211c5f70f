// Package connect is an HTTP proxy that knows CONNECT to the names of one server and nothing else. A process outside the
// cluster's network namespace reaches names through it that no DNS server of its own knows.
package connect

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// Proxy opens tunnels to one listener.
type Proxy struct {
	// Target is the address of the listener.
	Target string
	// Allowed tells why an address, host:port, does not lead there.
	Allowed func(address string) error
}

// ServeHTTP opens a tunnel.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is proxied", http.StatusMethodNotAllowed)
		return
	}
	if err := p.Allowed(r.Host); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	server, err := dialer.DialContext(r.Context(), "tcp", p.Target)
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
