// Command oc is what the operator's pruner runs in the test clusters: of OpenShift's client it has `oc adm prune images`.
// It acts as the ServiceAccount of its pod.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/pruner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, describe(err))
		stop()
		os.Exit(1)
	}
}

// describe shows answers of the API server in oc's form, which the pruner's script looks for.
func describe(err error) string {
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		return fmt.Sprintf("Error from server (%s): %v", answer.Status().Reason, err)
	}
	return "error: " + err.Error()
}

func run(ctx context.Context, args []string) error {
	options, err := pruner.Parse(args)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster this pod is in: %w", err)
	}
	config.UserAgent = pruner.UserAgent
	// One process, a few dozen requests; the default limits would make a run of one second take five.
	config.QPS, config.Burst = 50, 100
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return pruner.Run(ctx, options, client, config.BearerToken, os.Stdout)
}
