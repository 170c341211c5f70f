// Command dockerregistry is the registry that the operator installs in the test clusters. It takes no arguments:
// as in OpenShift, everything comes from environment variables (see package registry).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/registry"
	"github.com/sirupsen/logrus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dockerregistry:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	settings, environ, err := registry.Translate(os.Environ())
	if err != nil {
		return err
	}
	// distribution and its AWS SDK read the process environment and nothing else.
	os.Clearenv()
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	config, err := registry.Configuration()
	if err != nil {
		return err
	}
	server, err := registry.New(ctx, config, settings)
	if err != nil {
		return err
	}
	logrus.Infof("listening on %s, storage %s", server.Addr(), config.Storage.Type())
	return server.Run(ctx)
}
