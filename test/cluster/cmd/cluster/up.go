package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

type upFlags struct {
	options   lifecycle.Options
	noSandbox bool
	detach    bool
	source    string
	// detached is set for the supervisor that --detach starts; it tells with descriptor 3 how it goes.
	detached bool
	// onReady is what `run` does with the cluster.
	onReady func(*lifecycle.State)
}

func newUp(c *common) *cobra.Command {
	f := &upFlags{}
	canSandbox := runtime.GOOS == "linux" && os.Geteuid() == 0
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster and stay until it is ended (Ctrl-C), or with --detach until it is ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.options.Sandbox = !f.noSandbox
			if f.options.ControlPlaneOnly && !cmd.Flags().Changed("nodes") {
				f.options.Nodes = 0
			}
			if f.noSandbox && !cmd.Flags().Changed("nodes") {
				f.options.Nodes = 0
			}
			if f.detach {
				return detach(cmd.Context(), c)
			}
			return f.run(cmd.Context(), c)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.options.Nodes, "nodes", 1, "real nodes, each in a zone of its own")
	flags.IntVar(&f.options.Simulated, "simulated", 0, "nodes that exist in the API only")
	flags.IntVar(&f.options.Zones, "zones", 3, "zones to spread the nodes over")
	flags.BoolVar(&f.options.ControlPlaneOnly, "control-plane-only", false, "etcd, API server and a few controllers, no nodes")
	flags.StringVar((*string)(&f.options.Family), "ip-family", string(addresses.IPv4),
		"addresses of services, pods and API server: "+strings.Join(addresses.Families, ", ")+"; real nodes have IPv4 only")
	flags.BoolVar(&f.noSandbox, "no-sandbox", !canSandbox, "run as plain processes on the loopback device (the default without Linux or root)")
	flags.IntVar(&f.options.APIPort, "api-port", 0, "port of the API server on the loopback device; 0 takes a free one")
	flags.StringVar(&f.options.Platform, "platform", "AWS", "platform type in the cluster's Infrastructure")
	flags.StringVar(&f.options.Region, "region", "us-east-1", "region of platform and S3 server")
	flags.StringVar(&f.options.Version, "release-version", "4.22.0", "version in the cluster's ClusterVersion")
	flags.StringSliceVar(&f.options.Images, "image-tarball", nil, "image tarball to import into every node")
	flags.StringVar(&f.options.Operator, "host-operator", "", "binary of the operator, run as a process of the cluster once its manifests are deployed; where no real node is")
	flags.BoolVar(&f.options.NoSeed, "no-seed", false, "leave out the OpenShift CRDs and configuration objects")
	flags.BoolVar(&f.options.NoStandIns, "no-stand-ins", false, "leave out the stand-ins for OpenShift's own operators")
	flags.BoolVar(&f.detach, "detach", false, "return when the cluster is ready and leave it running")
	flags.StringVar(&f.source, "source", "", "folder of the module to build the programs from; found from the working folder upwards")
	flags.BoolVar(&f.detached, "detached", false, "")
	_ = flags.MarkHidden("detached")
	return cmd
}

func (f *upFlags) run(ctx context.Context, c *common) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	source, err := findSource(f.source)
	if err != nil {
		return err
	}
	home, err := filepath.Abs(c.home)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", c.home, err)
	}
	upper := lifecycle.Upper{
		Home: lifecycle.Home(home), Name: c.name, Options: f.options, Source: source, Self: self, Out: os.Stdout,
		OnReady: f.onReady,
	}
	if f.detached {
		pipe := os.NewFile(3, "progress")
		upper.Out = &untilClosed{log: os.Stdout, also: pipe}
		upper.OnReady = func(*lifecycle.State) { _ = pipe.Close() }
	}
	if upper.OnReady == nil {
		upper.OnReady = func(*lifecycle.State) { fmt.Fprintln(os.Stdout, "  Ctrl-C ends the cluster.") }
	}
	return upper.Up(ctx)
}

// untilClosed writes to a log and, as long as somebody reads it, to a pipe.
type untilClosed struct {
	log, also io.Writer
}

// Write never fails because of the pipe.
func (u *untilClosed) Write(data []byte) (int, error) {
	_, _ = u.also.Write(data)
	return u.log.Write(data)
}

// detach runs the same command again in a session of its own and shows its output until it is ready.
func detach(ctx context.Context, c *common) error {
	paths, err := c.paths()
	if err != nil {
		return err
	}
	// Before anything is written: the log may be that of the cluster that is running.
	if err := lifecycle.MustBeFree(paths); err != nil {
		return err
	}
	logPath := paths.SupervisorLog()
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return fmt.Errorf("creating the folder of the clusters: %w", err)
	}
	log, err := os.Create(logPath)
	if err != nil {
		return fmt.Errorf("creating the supervisor's log: %w", err)
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe for the supervisor: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self, append(slices.Clone(os.Args[1:]), "--detach=false", "--detached")...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	_ = write.Close()
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}()
	// Ends the supervisor when the user gives up waiting; when this function is done, it is on its own.
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	_, _ = io.Copy(os.Stdout, read)
	if state, err := lifecycle.ReadState(paths); err == nil && state.PID == cmd.Process.Pid {
		return nil
	}
	<-ended
	return errors.New("the cluster did not start: " + logTail(logPath))
}

// logTail is what the supervisor said last, which is its error.
func logTail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if at := bytes.LastIndex(data, []byte("\nerror: ")); at >= 0 {
		return string(bytes.TrimSpace(data[at+len("\nerror: "):]))
	}
	return "see " + path
}
