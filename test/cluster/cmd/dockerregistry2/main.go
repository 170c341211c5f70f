// Command dockerregistry2 is a registry of distribution's version 2, for storage that version 3 has no driver for:
// OpenStack Swift. Like command dockerregistry it takes no arguments; everything comes from environment variables. It
// serves tests of what the operator renders, without TLS and without what OpenShift adds.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/docker/distribution/configuration"
	"github.com/docker/distribution/registry/handlers"
	_ "github.com/docker/distribution/registry/storage/driver/swift"
	"github.com/sirupsen/logrus"
)

// base is what has to be in a file; the environment supplies the rest.
const base = "version: 0.1\nlog:\n  accesslog:\n    disabled: true\n"

// grace is for requests in flight when the registry is told to end.
const grace = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dockerregistry2:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := configuration.Parse(strings.NewReader(base))
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	app, err := newApp(ctx, config)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	logrus.Infof("listening on %s, storage %s", listener.Addr(), config.Storage.Type())
	server := &http.Server{Handler: app, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("ending: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// newApp makes an error of the panics by which distribution says that storage cannot be reached.
func newApp(ctx context.Context, config *configuration.Configuration) (app *handlers.App, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("starting: %v", problem)
		}
	}()
	app = handlers.NewApp(ctx, config)
	app.RegisterHealthChecks()
	return app, nil
}
