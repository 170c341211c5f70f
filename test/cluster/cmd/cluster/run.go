package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/hostoperator"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/mainjob"
)

// runFlags are the choices of the main job; everything else about its cluster is fixed.
type runFlags struct {
	images           imageFlags
	nodes, simulated int
	noSandbox        bool
	detach           bool
}

// runVersion is the release that the main job installs.
const runVersion = "4.22.0"

func newRun(c *common) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Start a cluster, install the operator, push and pull an image; stay until Ctrl-C or with --detach leave it running",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.noSandbox && !cmd.Flags().Changed("nodes") {
				f.nodes = 0
				f.simulated = max(f.simulated, 1)
			}
			if f.noSandbox && f.detach {
				return lifecycle.Cure(errors.New("without a sandbox the operator is a process of this command and ends with it"), "leave out --detach (DETACH=1)")
			}
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

func (f *runFlags) run(ctx context.Context, c *common) error {
	progress := lifecycle.NewProgress(os.Stdout)
	if f.noSandbox {
		progress.Step("not Linux or not root: nodes are simulated and the operator runs as a process of this machine; pushing an image cannot be shown")
	}
	if f.nodes > 0 {
		if err := lifecycle.InstallMissing(ctx, progress); err != nil {
			return err
		}
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
	}
	if f.images.source != "" {
		args = append(args, "--source", f.images.source)
	}
	return args
}

// detached starts the cluster on its own, unless it runs already, and shows the job.
func (f *runFlags) detached(ctx context.Context, c *common, progress *lifecycle.Progress) error {
	paths, err := c.paths()
	if err != nil {
		return err
	}
	var status bytes.Buffer
	if lifecycle.Status(ctx, paths, &status) == nil {
		progress.Step("cluster %s runs already; handing it this release", c.name)
	} else if err := f.self(ctx, append(f.upArgs(c), "--detach")...); err != nil {
		return err
	}
	return f.show(ctx, c, progress)
}

// foreground keeps the cluster a child of this process, so that it ends with it, however that happens.
func (f *runFlags) foreground(ctx context.Context, c *common, progress *lifecycle.Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shown := make(chan error, 1)
	up := &upFlags{source: f.images.source, options: lifecycle.Options{
		Nodes: f.nodes, Simulated: f.simulated, Zones: 3, Sandbox: !f.noSandbox, Platform: "AWS", Region: "us-east-1", Version: runVersion,
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
	if err := f.images.deploy(ctx, c, lifecycle.Deployment{Version: runVersion}); err != nil {
		return err
	}
	job := mainjob.Job{
		Cluster: c.name, Kubeconfig: state.Kubeconfig, S3Admin: state.S3.AdminURL, Step: progress.Step, Out: os.Stdout,
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
	job.OperatorLog = filepath.Join(state.Logs, "operator.log")
	operator, err := hostoperator.Start(ctx, hostoperator.Options{
		Binary: f.images.operator, Kubeconfig: state.Kubeconfig, Dir: filepath.Dir(state.Logs), Log: job.OperatorLog,
		Version: runVersion, HTTPSProxy: state.S3.ProxyURL,
	})
	if err != nil {
		return err
	}
	progress.Step("the operator runs as process %d, log %s", operator, job.OperatorLog)
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
