// Package registry is the operand of the test clusters: the image registry that the operator installs, made of
// distribution and of what OpenShift's build of it adds to its environment variables.
//
// Left out on purpose, because it needs OpenShift's own APIs: authentication (everyone may push and pull),
// image streams, pull-through, quota, signatures.
package registry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/health"
	"github.com/distribution/distribution/v3/registry/handlers"
	// The drivers that this registry has; another one in REGISTRY_STORAGE is an error at start. distribution v3 has none
	// for Swift.
	_ "github.com/distribution/distribution/v3/registry/storage/driver/azure"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/gcs"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	// What the operator renders for spec.storage.s3.cloudFront.
	_ "github.com/distribution/distribution/v3/registry/storage/driver/middleware/cloudfront"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"
	"github.com/docker/go-metrics"
	"github.com/sirupsen/logrus"
)

const (
	// HealthPath answers 200, or 503 with the failed checks; it is what the pod's probes ask.
	HealthPath = "/healthz"
	// MetricsPath serves Prometheus metrics where they are enabled.
	MetricsPath = "/extensions/v2/metrics"

	// baseConfiguration is what the environment does not say.
	baseConfiguration = "version: 0.1\nlog:\n  formatter: text\n"

	// drainTimeout fits into the pod's grace period of 55 s after its preStop hook of 25 s.
	drainTimeout = 25 * time.Second
)

// Configuration reads distribution's configuration from the environment of the process, which must be the one that
// Translate returned.
func Configuration() (config *configuration.Configuration, err error) {
	// distribution panics on some contradictions, two storage drivers for example.
	defer recovered("configuration", &err)
	return configuration.Parse(strings.NewReader(baseConfiguration))
}

// Server is a registry that listens.
type Server struct {
	app      *handlers.App
	server   *http.Server
	listener net.Listener
	drain    time.Duration
}

// New makes the storage driver and listens; from then on Addr is known.
func New(ctx context.Context, config *configuration.Configuration, settings Settings) (*Server, error) {
	if err := configureLog(config.Log); err != nil {
		return nil, err
	}
	if settings.CredentialsFile != "" {
		if _, err := os.Stat(settings.CredentialsFile); err != nil {
			return nil, fmt.Errorf("AWS credentials: %w", err)
		}
	}
	config.HTTP.Debug.Prometheus.Enabled = settings.Metrics
	app, err := newApp(ctx, config)
	if err != nil {
		return nil, err
	}
	checks := health.NewRegistry()
	app.RegisterHealthChecks(checks)

	handler, err := withAdmin(ctx, config, app)
	if err != nil {
		return nil, errors.Join(err, app.Shutdown())
	}
	listener, err := listen(ctx, config.HTTP, settings)
	if err != nil {
		return nil, errors.Join(err, app.Shutdown())
	}
	drain := config.HTTP.DrainTimeout
	if drain == 0 {
		drain = drainTimeout
	}
	return &Server{
		app:      app,
		server:   &http.Server{Handler: routes(handler, checks, settings), ReadHeaderTimeout: time.Minute},
		listener: listener,
		drain:    drain,
	}, nil
}

// Addr is the address that the registry listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then stops listening and lets the requests in flight end.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(s.listener) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving on %s: %w", s.Addr(), err), s.app.Shutdown())
	case <-ctx.Done():
	}
	logrus.Infof("draining connections for at most %s", s.drain)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	err := s.server.Shutdown(deadline)
	if err != nil {
		err = errors.Join(fmt.Errorf("draining connections: %w", err), s.server.Close())
	}
	return errors.Join(err, s.app.Shutdown())
}

// newApp turns the panics with which distribution reports a bad configuration into errors.
func newApp(ctx context.Context, config *configuration.Configuration) (app *handlers.App, err error) {
	defer recovered("starting the registry", &err)
	// The app outlives the signal that ends ctx: requests in flight use its context while they drain.
	return handlers.NewApp(context.WithoutCancel(ctx), config), nil
}

func recovered(doing string, err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%s: %v", doing, cause)
	}
}

func routes(app http.Handler, checks *health.Registry, settings Settings) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, r *http.Request) {
		writeHealth(w, checks.CheckStatus(r.Context()))
	})
	if settings.Metrics {
		mux.Handle("GET "+MetricsPath, metrics.Handler())
	}
	// As in distribution's own program, a registry whose storage is gone refuses instead of failing half-way.
	mux.Handle("/", whenHealthy(checks, limited(settings.Reads, settings.Writes, app)))
	return mux
}

func whenHealthy(checks *health.Registry, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failed := checks.CheckStatus(r.Context()); len(failed) > 0 {
			writeHealth(w, failed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func writeHealth(w http.ResponseWriter, failed map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	if len(failed) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(failed)
}

func listen(ctx context.Context, config configuration.HTTP, settings Settings) (net.Listener, error) {
	network := config.Net
	if network == "" {
		network = "tcp"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, network, config.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", config.Addr, err)
	}
	if config.TLS.Certificate == "" && config.TLS.Key == "" {
		return listener, nil
	}
	pair, err := newCertificate(config.TLS.Certificate, config.TLS.Key)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return tls.NewListener(listener, &tls.Config{
		GetCertificate: pair.get,
		MinVersion:     settings.MinVersion,
		CipherSuites:   settings.CipherSuites,
		NextProtos:     []string{"h2", "http/1.1"},
	}), nil
}

func configureLog(config configuration.Log) error {
	level, err := logrus.ParseLevel(string(config.Level))
	if err != nil {
		return fmt.Errorf("log level: %w", err)
	}
	logrus.SetLevel(level)
	logrus.SetFormatter(&logrus.TextFormatter{TimestampFormat: time.RFC3339Nano})
	return nil
}
