package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

func newDown(c *common) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End a cluster; returns when nothing of it is left", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			paths, err := c.paths()
			if err != nil {
				return err
			}
			return lifecycle.Down(paths, os.Stdout)
		},
	}
}

func newStatus(c *common) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Tell how a cluster is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			paths, err := c.paths()
			if err != nil {
				return err
			}
			if err := lifecycle.Status(cmd.Context(), paths, os.Stdout); err != nil {
				return err
			}
			kube, err := lifecycle.Kubectl(paths)
			if err != nil {
				return err
			}
			fmt.Println()
			operators := exec.CommandContext(cmd.Context(), kube)
			operators.Args = []string{"kubectl", "--kubeconfig=" + paths.Kubeconfig(), "get", "clusteroperators"}
			return runForUser(cmd.Context(), operators)
		},
	}
}

func newInstall(c *common) *cobra.Command {
	var keystone bool
	cmd := &cobra.Command{
		Use: "install", Short: "Install the OS packages a real node needs, promtool, Swift and azurite for tests", Args: cobra.NoArgs,
		Long: "Installs, with apt-get and as root, those of these Debian packages whose programs are missing: " +
			strings.Join(lifecycle.Packages(), ", ") + ".\n\n" +
			"Where there is no promtool it is taken out of Debian's package prometheus and put below --home; " +
			"the package is not installed, so that no Prometheus starts. OpenStack Swift is unpacked there in the same way.\n\n" +
			"Azurite, for the tests of Azure storage, is put below --home with npm, which comes from Debian's packages nodejs and " +
			"npm where it is missing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			progress := lifecycle.NewProgress(os.Stdout)
			if keystone {
				return lifecycle.Home(c.home).InstallKeystone(cmd.Context(), progress)
			}
			if err := lifecycle.InstallMissing(cmd.Context(), progress); err != nil {
				return err
			}
			home := lifecycle.Home(c.home)
			if err := home.InstallPromtool(cmd.Context(), progress); err != nil {
				return err
			}
			if err := home.InstallSwift(cmd.Context(), progress); err != nil {
				return err
			}
			return home.InstallAzurite(cmd.Context(), progress)
		},
	}
	cmd.Flags().BoolVar(&keystone, "keystone", false, "only unpack OpenStack Keystone below --home, for the tests that take long")
	return cmd
}

func newExec(c *common) *cobra.Command {
	var node int
	cmd := &cobra.Command{
		Use: "exec -- command [argument]...", Short: "Run a command inside the cluster's namespaces", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := c.paths()
			if err != nil {
				return err
			}
			state, err := lifecycle.ReadState(paths)
			if err != nil {
				return err
			}
			line, err := lifecycle.Inside(state, node, args)
			if err != nil {
				return err
			}
			return runForUser(cmd.Context(), exec.CommandContext(cmd.Context(), line[0], line[1:]...))
		},
	}
	cmd.Flags().IntVar(&node, "node", 0, "number of the real node to run on")
	return cmd
}

func newKubectl(c *common) *cobra.Command {
	return &cobra.Command{
		Use: "kubectl -- [argument]...", Short: "Run the cluster's kubectl as its administrator",
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := c.paths()
			if err != nil {
				return err
			}
			kube, err := lifecycle.Kubectl(paths)
			if err != nil {
				return err
			}
			command := exec.CommandContext(cmd.Context(), kube)
			command.Args = append([]string{"kubectl", "--kubeconfig=" + paths.Kubeconfig()}, args...)
			return runForUser(cmd.Context(), command)
		},
	}
}

// runForUser runs a command with this process's input and output, and ends with its exit code.
func runForUser(_ context.Context, cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitCode(exit.ExitCode())
	}
	if err != nil {
		return fmt.Errorf("running %s: %w", cmd.Path, err)
	}
	return nil
}
