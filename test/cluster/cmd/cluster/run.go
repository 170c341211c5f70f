package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/mainjob"
)

// runFlags are the choices of the main job; everything else about its cluster is fixed.
type runFlags struct {
	images           imageFlags
	nodes, simulated int
	noSandbox        bool
	detach           bool
	// asked are the flags about the cluster's shape that were given.
	asked []string
}

// runVersion is the release that the main job installs.
const runVersion = "4.22.0"

// withoutNodes is what is different where no node is real.
const withoutNodes = "nodes are simulated and the operator runs as a process of the cluster; pushing an image cannot be shown"

func newRun(c *common) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Start a cluster, install the operator, push and pull an image; stay until Ctrl-C or with --detach leave it running",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Flags().Visit(func(given *pflag.Flag) { f.asked = append(f.asked, given.Name) })
			f.complete()
			return f.run(cmd.Context(), c)
		},
	}
	f.images.add(cmd)
	_ = cmd.MarkFlagRequired("operator")
	flags := cmd.Flags()
	flags.IntVar(&f.nodes, "nodes", 1, "real nodes, each in a zone of its own")
	flags.IntVar(&f.simulated, "simulated", 0, "nodes that exist in the API only")
	flags.BoolVar(&f.noSandbox, "no-sandbox", runtime.GOOS != "linux" || os.Geteuid() != 0, "run as plain processes on 127.0.0.1 (the default without Linux or root)")
	flags.BoolVar(&f.detach, "detach", false, "return when the image is back and leave the cluster running")
	return cmd
}

// complete chooses what follows from the flags that were given.
func (f *runFlags) complete() {
	if f.noSandbox && !slices.Contains(f.asked, "nodes") {
		f.nodes = 0
	}
	if f.nodes == 0 {
		// The registry's pods need a node to count as available.
		f.simulated = max(f.simulated, 1)
	}
}

// fits tells whether a running cluster is what was asked for. What was not asked for may be as it is.
func (f *runFlags) fits(state *lifecycle.State) error {
	for _, shape := range []struct {
		flag, what    string
		wanted, found int
	}{
		{"nodes", "real", f.nodes, state.Nodes},
		{"simulated", "simulated", f.simulated, state.Simulated},
	} {
		if slices.Contains(f.asked, shape.flag) && shape.wanted != shape.found {
			return lifecycle.Cure(
				fmt.Errorf("cluster %s runs already with %d %s node(s), not with %d", state.Name, shape.found, shape.what, shape.wanted),
				"end it with `make down NAME="+state.Name+"` and run this again, choose another NAME, or leave out NODES and SIMULATED to hand it this release")
		}
	}
	return nil
}

func (f *runFlags) run(ctx context.Context, c *common) error {
	progress := lifecycle.NewProgress(os.Stdout)
	operator, err := filepath.Abs(f.images.operator)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", f.images.operator, err)
	}
	f.images.operator = operator
	switch {
	case f.noSandbox:
		progress.Step("not Linux or not root: " + withoutNodes)
	case f.nodes == 0:
		progress.Step("no real node is wanted: " + withoutNodes)
	}
	if f.detach {
		return f.detached(ctx, c, progress)
	}
	return f.foreground(ctx, c, progress)
}

// upArgs is the cluster of the main job as a command line of `cluster up`.
func (f *runFlags) upArgs(c *common) []string {
	args := []string{
		"up", "--home", c.home, "--name", c.name, "--platform", "AWS", "--release-version", runVersion,
		"--nodes", strconv.Itoa(f.nodes), "--simulated", strconv.Itoa(f.simulated),
		"--no-sandbox=" + strconv.FormatBool(f.noSandbox), "--host-operator", f.hostOperator(),
	}
	if f.images.source != "" {
		args = append(args, "--source", f.images.source)
	}
	return args
}

// hostOperator is the binary that the cluster is to run itself.
func (f *runFlags) hostOperator() string {
	if f.nodes > 0 {
		return ""
	}
	return f.images.operator
}

// detached starts the cluster on its own, unless it runs already, and shows the job.
func (f *runFlags) detached(ctx context.Context, c *common, progress *lifecycle.Progress) error {
	paths, err := c.paths()
	if err != nil {
		return err
	}
	if state, err := lifecycle.Running(paths); err == nil {
		if err := f.fits(state); err != nil {
			return err
		}
		progress.Step("cluster %s runs already; handing it this release", c.name)
	} else if err := f.self(ctx, append(f.upArgs(c), "--detach")...); err != nil {
		return err
	}
	if err := f.show(ctx, c, progress); err != nil {
		return whyEnded(paths, err)
	}
	return nil
}

// whyEnded adds the last words of a detached cluster that did not survive.
func whyEnded(paths lifecycle.Paths, err error) error {
	if _, ended := lifecycle.Running(paths); ended == nil {
		return err
	}
	return fmt.Errorf("%w; it said: %s", err, logTail(paths.SupervisorLog()))
}

// foreground keeps the cluster a child of this process, so that it ends with it, however that happens.
func (f *runFlags) foreground(ctx context.Context, c *common, progress *lifecycle.Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shown := make(chan error, 1)
	up := &upFlags{source: f.images.source, options: lifecycle.Options{
		Nodes: f.nodes, Simulated: f.simulated, Zones: 3, Family: addresses.IPv4, Sandbox: !f.noSandbox,
		Platform: "AWS", Region: "us-east-1", Version: runVersion, Operator: f.hostOperator(),
	}}
	up.onReady = func(*lifecycle.State) {
		go func() {
			err := f.show(ctx, c, progress)
			if err == nil {
				progress.Step("the cluster runs until Ctrl-C")
				return
			}
			shown <- err
			cancel(err)
		}()
	}
	upErr := up.run(ctx, c)
	select {
	case err := <-shown:
		return err
	default:
		return upErr
	}
}

// show installs the release and shows the main job.
func (f *runFlags) show(ctx context.Context, c *common, progress *lifecycle.Progress) error {
	paths, err := c.paths()
	if err != nil {
		return err
	}
	state, err := lifecycle.ReadState(paths)
	if err != nil {
		return err
	}
	images := f.images
	if state.Nodes == 0 {
		if !state.HostOperator {
			return lifecycle.Cure(fmt.Errorf("cluster %s has no real node and was started without an operator", c.name), "end it with `make down NAME="+c.name+"` and start again")
		}
		images.operator = "" // no pod runs, so no image is needed, nor what builds them
	}
	announced, err := images.deploy(ctx, c, lifecycle.Deployment{Version: runVersion})
	if err != nil {
		return err
	}
	job := mainjob.Job{
		Cluster: c.name, Kubeconfig: state.Kubeconfig, S3Admin: state.S3.AdminURL, Step: progress.Step, Out: os.Stdout,
		Announced: announced.At, Images: announced.Images,
		Running: func() error {
			_, err := lifecycle.Running(paths)
			return err
		},
		Kubectl: func(ctx context.Context, args ...string) *exec.Cmd {
			kube, _ := lifecycle.Kubectl(paths)
			cmd := exec.CommandContext(ctx, kube)
			cmd.Args = append([]string{"kubectl", "--kubeconfig=" + state.Kubeconfig}, args...)
			return cmd
		},
	}
	if state.Nodes > 0 {
		job.Image = func(ctx context.Context, args ...string) (string, error) { return f.image(ctx, c, args...) }
		return job.Run(ctx)
	}
	job.OperatorLog = state.OperatorLog()
	progress.Step("the operator runs as a process of the cluster, log %s", job.OperatorLog)
	return job.Run(ctx)
}

// image runs `cluster image` and returns what it prints.
func (f *runFlags) image(ctx context.Context, c *common, args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append([]string{"image", "--home", c.home, "--name", c.name}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("image %s: %w: %s", args[0], err, bytes.TrimSpace(problems.Bytes()))
	}
	return out.String(), nil
}

// self runs another command of this program with its output shown.
func (f *runFlags) self(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	return runForUser(ctx, cmd)
}
