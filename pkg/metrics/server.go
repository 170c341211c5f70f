package metrics

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// reloadInterval is how often the material is looked at. The kubelet itself takes up to a minute to project a changed
// Secret, so a file notification would gain nothing.
const reloadInterval = 5 * time.Second

// ErrAddressChanged ends Serve: everything else reloads in place, but a listener cannot move.
var ErrAddressChanged = errors.New("the address to serve on has changed")

// Material is what the server needs from outside and reloads while it runs.
type Material struct {
	// Address to listen on.
	Address string
	// TLS has the key pair, the minimum version and the suites.
	TLS *tls.Config
	// Digest changes with the content it was made from.
	Digest string
}

// Checks are the two questions the kubelet asks. Each returns nil when all is well.
type Checks struct {
	Healthy func() error
	Ready   func() error
}

// Server serves /metrics, /healthz and /readyz over HTTPS.
type Server struct {
	load     func() (Material, error)
	listener net.Listener
	address  string
	current  atomic.Pointer[Material]
	http     *http.Server
	clock    clock.WithTicker
	failed   string
}

// Listen loads the material and opens the listener, so that a wrong configuration ends the start and not a scrape.
func Listen(ctx context.Context, load func() (Material, error), gatherer prometheus.Gatherer, checks Checks, c clock.WithTicker) (*Server, error) {
	material, err := load()
	if err != nil {
		return nil, err
	}
	s := &Server{load: load, address: material.Address, clock: c}
	s.current.Store(&material)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", material.Address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", material.Address, err)
	}
	s.listener = listener
	s.http = &http.Server{
		Handler:           newHandler(gatherer, checks),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       90 * time.Second,
		ErrorLog:          log.New(handshakeLog{}, "", 0),
	}
	return s, nil
}

// Addr is the address the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until the context ends, then lets running requests finish for a moment.
func (s *Server) Serve(ctx context.Context) error {
	listener := tls.NewListener(s.listener, &tls.Config{
		MinVersion: tls.VersionTLS12, // a floor for the linters: every handshake takes the configuration below
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.current.Load().TLS, nil
		},
	})
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(listener) }()
	err := s.reload(ctx, served)
	// The context has ended, so the grace has to come from elsewhere.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if shutdown := s.http.Shutdown(grace); shutdown != nil {
		_ = s.http.Close()
	}
	return err
}

// reload looks at the material until the context ends, the server dies or the address changes.
func (s *Server) reload(ctx context.Context, served <-chan error) error {
	ticker := s.clock.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-served:
			return fmt.Errorf("serving metrics on %s: %w", s.address, err)
		case <-ticker.C():
			if err := s.reloadOnce(); err != nil {
				return err
			}
		}
	}
}

// reloadOnce takes new material into use. What cannot be loaded is logged once and changes nothing: a half-written
// pair must not take the endpoint down.
func (s *Server) reloadOnce() error {
	material, err := s.load()
	if err != nil {
		if s.failed != err.Error() {
			klog.Errorf("Keeping the current certificate and TLS settings: %v", err)
		}
		s.failed = err.Error()
		return nil
	}
	s.failed = ""
	if material.Address != s.address {
		return fmt.Errorf("%w: from %s to %s", ErrAddressChanged, s.address, material.Address)
	}
	if material.Digest != s.current.Load().Digest {
		s.current.Store(&material)
		klog.Info("Reloaded the certificate and TLS settings of the metrics server")
	}
	return nil
}

func newHandler(gatherer prometheus.Gatherer, checks Checks) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	mux.Handle("GET /healthz", answer(checks.Healthy))
	mux.Handle("GET /readyz", answer(checks.Ready))
	return mux
}

func answer(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}
}

// handshakeLog keeps the scanners and probes that hang up in mid-handshake out of the log at its normal level.
type handshakeLog struct{}

func (handshakeLog) Write(line []byte) (int, error) {
	klog.V(4).Info(strings.TrimSpace(string(line)))
	return len(line), nil
}
