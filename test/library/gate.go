package library

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Gate is an HTTP proxy that stands between a process and the internet: what is meant for a host of a cloud goes to a
// server on this machine instead, under the very name and over TLS. Hosts that it does not know go to the proxy behind
// it, which refuses what is not of this machine. So the operator runs as it does in production: no endpoint is patched.
type Gate struct {
	// URL is for HTTPS_PROXY.
	URL string
	// CA is the PEM of the authority that signs for the hosts, for SSL_CERT_FILE.
	CA []byte

	parent   string
	listener net.Listener
	key      *ecdsa.PrivateKey
	ca       *x509.Certificate

	mu           sync.Mutex
	routes       []route
	certificates map[string]*tls.Certificate
	refused      []string
}

// route leads to a server.
type route struct {
	match func(host string) bool
	to    http.Handler
}

// OpenGate starts a gate on loopback; parent is the host and port of the proxy behind it.
func OpenGate(ctx context.Context, parent string) (*Gate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate to the clouds"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	g := &Gate{parent: parent, key: key, certificates: map[string]*tls.Certificate{}, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if g.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if g.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	g.URL = "http://" + g.listener.Addr().String()
	go func() {
		// Ends when the listener does.
		_ = (&http.Server{Handler: http.HandlerFunc(g.connect), ReadHeaderTimeout: time.Minute}).Serve(g.listener)
	}()
	return g, nil
}

// Close stops listening. Connections that are open end with the process at their other end.
func (g *Gate) Close() error { return g.listener.Close() }

// Lead sends what is meant for the hosts that match to the server at target, whose certificate is that of ca. The Host
// header stays what the client sent unless rewrite gives another.
func (g *Gate) Lead(match func(host string) bool, target string, ca []byte, rewrite func(host string) string) error {
	parsed, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("leading to %s: %w", target, err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = parsed.Scheme, parsed.Host
			r.Out.Host = r.In.Host
			if rewrite != nil {
				r.Out.Host = rewrite(r.In.Host)
			}
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, ServerName: parsed.Hostname()}},
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.routes = append(g.routes, route{match, proxy})
	return nil
}

// Refused are the hosts that nobody behind the gate knew.
func (g *Gate) Refused() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.refused...)
}

// connect answers CONNECT, the only method that clients of HTTPS use with a proxy.
func (g *Gate) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	to := g.find(host)
	var behind net.Conn
	if to == nil {
		if behind, err = g.ask(r.Context(), r.Host); err != nil {
			g.mu.Lock()
			g.refused = append(g.refused, r.Host)
			g.mu.Unlock()
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		defer behind.Close()
	}
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	// The client may have sent its first bytes with the request.
	client := ahead{connection, buffered}
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	if behind != nil {
		pipe(client, behind)
		return
	}
	g.serve(client, host, to)
}

func (g *Gate) find(host string) http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.routes {
		if r.match(host) {
			return r.to
		}
	}
	return nil
}

// ask opens a tunnel through the proxy behind the gate.
func (g *Gate) ask(ctx context.Context, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", g.parent)
	if err != nil {
		return nil, err
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address}
	if err := request.Write(connection); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("no server of this machine is %s: %s", address, response.Status), connection.Close())
	}
	return connection, nil
}

// pipe copies both ways until one side ends.
func pipe(client, behind net.Conn) {
	done := make(chan struct{}, 2)
	move := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go move(behind, client)
	go move(client, behind)
	<-done
}

// serve is the host, on one connection.
func (g *Gate) serve(client net.Conn, host string, to http.Handler) {
	secured := tls.Server(client, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return g.certificate(host)
	}})
	only := &single{connection: secured, ended: make(chan struct{})}
	server := &http.Server{Handler: to, ReadHeaderTimeout: time.Minute, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			only.once.Do(func() { close(only.ended) })
		}
	}}
	_ = server.Serve(only)
}

// certificate is the one of a host, made when it is first asked for.
func (g *Gate) certificate(host string) (*tls.Certificate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.certificates[host]; known != nil {
		return known, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, g.ca, g.key.Public(), g.key)
	if err != nil {
		return nil, err
	}
	made := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: g.key}
	g.certificates[host] = made
	return made, nil
}

// ahead is a connection of which a part has been read.
type ahead struct {
	net.Conn
	read io.Reader
}

// Read begins with that part.
func (a ahead) Read(p []byte) (int, error) { return a.read.Read(p) }

// single is a listener with one connection.
type single struct {
	connection net.Conn
	accepted   bool
	once       sync.Once
	ended      chan struct{}
}

// Accept gives the connection, and then waits for its end.
func (s *single) Accept() (net.Conn, error) {
	if !s.accepted {
		s.accepted = true
		return s.connection, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

// Close has nothing to close: the connection is its server's.
func (s *single) Close() error { return nil }

// Addr is the connection's.
func (s *single) Addr() net.Addr { return s.connection.LocalAddr() }
