// Command cluster runs a real Kubernetes on one machine for tests: from Go modules and OS packages, in namespaces of its
// own, and gone without a trace when it ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var code exitCode
	if errors.As(err, &code) {
		os.Exit(int(code))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		if cure := lifecycle.CureOf(err); cure != "" {
			fmt.Fprintf(os.Stderr, "cure:  %s\n", cure)
		}
		os.Exit(1)
	}
}

// exitCode is the result of a program that was run for the user.
type exitCode int

// Error makes it travel the way errors do.
func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// common are the flags every command has.
type common struct {
	home string
	name string
}

func (c *common) paths() (lifecycle.Paths, error) { return lifecycle.Home(c.home).Cluster(c.name) }

func newRoot() *cobra.Command {
	c := &common{}
	root := &cobra.Command{
		Use:           "cluster",
		Short:         "A real Kubernetes cluster on one machine, for tests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&c.home, "home", defaultHome(), "folder that holds everything (or CLUSTER_HOME)")
	root.PersistentFlags().StringVar(&c.name, "name", "default", "name of the cluster")
	root.AddCommand(newRun(c), newUp(c), newDown(c), newStatus(c), newExec(c), newKubectl(c), newImages(c), newDeploy(c), newImage(c), newPolicies(c), newInstall(c))
	root.AddCommand(newInternal(c)...)
	return root
}

func defaultHome() string {
	if home := os.Getenv("CLUSTER_HOME"); home != "" {
		return home
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "cluster-image-registry-operator")
}

// newInternal are the commands that the cluster's own processes run.
func newInternal(c *common) []*cobra.Command {
	var config, logs, kubeconfig string
	engine := &cobra.Command{
		Use: "engine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return lifecycle.RunEngine(cmd.Context(), config) },
	}
	engine.Flags().StringVar(&config, "config", "", "configuration written by the supervisor")
	node := &cobra.Command{
		Use: "node", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return lifecycle.RunNode(cmd.Context(), config, logs) },
	}
	node.Flags().StringVar(&config, "config", "", "configuration written by the engine")
	node.Flags().StringVar(&logs, "logs", "", "folder for logs")
	standIns := &cobra.Command{
		Use: "stand-ins", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lifecycle.RunStandIns(cmd.Context(), config, kubeconfig)
		},
	}
	standIns.Flags().StringVar(&config, "config", "", "configuration written by the supervisor")
	standIns.Flags().StringVar(&kubeconfig, "kubeconfig", "", "identity of the stand-ins")
	hostOperator := &cobra.Command{
		Use: "host-operator", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lifecycle.RunHostOperator(cmd.Context(), config, kubeconfig)
		},
	}
	hostOperator.Flags().StringVar(&config, "config", "", "configuration written by the supervisor")
	hostOperator.Flags().StringVar(&kubeconfig, "kubeconfig", "", "identity to ask for the operator's with")
	janitor := &cobra.Command{
		Use: "janitor", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			paths, err := c.paths()
			if err != nil {
				return err
			}
			return lifecycle.RunJanitor(paths, os.Stdin)
		},
	}
	load := &cobra.Command{
		Use: "import", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return lifecycle.ImportImage(cmd.Context(), os.Stdin) },
	}
	first := &cobra.Command{
		Use: "init", Hidden: true, Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			code, err := lifecycle.RunInit(args)
			if err == nil && code != 0 {
				err = exitCode(code)
			}
			return err
		},
	}
	return []*cobra.Command{engine, node, standIns, hostOperator, janitor, load, first}
}
