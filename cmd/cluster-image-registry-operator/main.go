// Command cluster-image-registry-operator installs the OpenShift image registry and manages its configuration.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/nodeca"
	"github.com/openshift/cluster-image-registry-operator/pkg/operator"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

func main() {
	ctx := signalContext()
	saveMemory(ctx)
	if err := newCommand(operator.Run, os.Getenv).ExecuteContext(ctx); err != nil {
		klog.Errorf("%v", err)
		klog.Flush()
		os.Exit(exitCode(err))
	}
	klog.Flush()
}

// exitCode is 1, unless the error has something to tell whoever started us.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}

// newCommand is the command line. It reads the environment, once, when the command runs.
func newCommand(run func(context.Context, operator.Options) error, getenv func(string) string) *cobra.Command {
	var options operator.Options
	command := &cobra.Command{
		Use:     "cluster-image-registry-operator",
		Short:   "Installs the OpenShift image registry and manages its configuration",
		Version: version.Version,
		Args:    cobra.NoArgs,
		// An error of the operator is not a mistake in the arguments, and main prints it.
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			environment, err := operator.EnvironmentFrom(getenv)
			if err != nil {
				return err
			}
			options.Environment = environment
			return run(command.Context(), options)
		},
	}
	// A program for pods has no use for completion scripts.
	command.CompletionOptions.DisableDefaultCmd = true
	command.AddCommand(newNodeCACommand(nodeca.Run), newMoveCommand(operator.MoveImages))
	flags := command.Flags()
	flags.StringVar(&options.Kubeconfig, "kubeconfig", "", "kubeconfig file of the cluster to manage; without it the ServiceAccount of the pod is used")
	flags.StringArrayVar(&options.Files, "files", nil, "file that restarts the operator when it changes; may be repeated")
	flags.StringVar(&options.ConfigFile, "config", "", "controller configuration file")
	return command
}

// signalContext ends with the first SIGTERM or SIGINT; the second one ends the process.
func signalContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		received := <-signals
		klog.Infof("Received %s: leaving in order", received)
		cancel()
		<-signals
		klog.Error("Received a second signal: leaving at once")
		klog.Flush()
		os.Exit(1)
	}()
	return ctx
}
