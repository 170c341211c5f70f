package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// Upper brings one cluster up and stays with it.
type Upper struct {
	Home    Home
	Name    string
	Options Options
	// Source is the folder of this module, from which the programs are built.
	Source string
	// Self is the path of the running binary.
	Self string
	Out  io.Writer
	// OnReady is called once when the cluster is ready.
	OnReady func(*State)
}

// supervisor is one run of an Upper.
type supervisor struct {
	Upper
	paths    Paths
	progress *Progress
	lock     *lock
	config   *engineConfig
	sockets  []*os.File

	engine      *exec.Cmd
	engineInput *os.File
	events      *os.File
	janitor     *janitor
}

// Up runs a cluster until the context ends or one of its programs does. It returns nil when it was told to end.
func (u Upper) Up(ctx context.Context) error {
	paths, err := u.Home.Cluster(u.Name)
	if err != nil {
		return err
	}
	if err := u.Options.validate(); err != nil {
		return err
	}
	s := &supervisor{Upper: u, paths: paths, progress: NewProgress(u.Out)}
	if s.lock, err = lockForStart(paths); err != nil {
		return err
	}
	defer s.lock.release()
	if err := s.prepare(ctx); err != nil {
		// Nothing runs yet: what is left are folders.
		return errors.Join(unlessInterrupted(ctx, err), cleanUp(paths))
	}
	return s.runEngine(ctx)
}

// unlessInterrupted turns what an interruption made fail into the interruption.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted before the cluster was ready")
	}
	return err
}

// MustBeFree tells whether a cluster of that name may be started.
func MustBeFree(p Paths) error {
	l, err := lockForStart(p)
	if err != nil {
		return err
	}
	l.release()
	return nil
}

func lockForStart(p Paths) (*lock, error) {
	l, err := tryLock(p)
	if errors.Is(err, errLocked) {
		return nil, Cure(fmt.Errorf("cluster %s is running already (process %d)", p.Name, holder(p)),
			"end it with "+downCommands(p.Name)+", or choose another name")
	}
	if err != nil {
		return nil, err
	}
	return l, l.claim()
}

// prepare does all that can be done before anything runs, so that most errors leave nothing to clean up.
func (s *supervisor) prepare(ctx context.Context) error {
	if err := s.clearEarlierRun(); err != nil {
		return err
	}
	if err := preflight(ctx, s.Options, s.paths, s.builder().Built(build.Kube), s.progress); err != nil {
		return err
	}
	config, err := s.plan(ctx)
	if err != nil {
		return err
	}
	s.config = config
	return writeJSON(s.paths.engineConfig(), config)
}

// clearEarlierRun removes what a run left behind whose janitor was killed too. The lock is ours, so nobody uses it.
func (s *supervisor) clearEarlierRun() error {
	if _, err := os.Stat(s.paths.State()); err == nil {
		s.progress.Step("an earlier run of cluster %s ended without cleaning up; doing that now", s.Name)
	}
	if err := errors.Join(endEarlierEngine(s.paths), cleanUp(s.paths)); err != nil {
		return Cure(fmt.Errorf("cleaning up after an earlier run: %w", err),
			"look for processes that still use "+s.paths.Dir+", end them, and start again")
	}
	if err := os.RemoveAll(s.paths.Dir); err != nil {
		return fmt.Errorf("removing the files of an earlier run: %w", err)
	}
	s.Home.forgetClusters()
	for _, dir := range []string{s.paths.logs(), s.paths.pki(), s.paths.scratch(), s.paths.Release(), s.paths.join("control-plane")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating %s: %w", dir, err)
		}
	}
	return nil
}

// runEngine starts janitor and engine, follows the engine until its end, and returns when the janitor is done.
func (s *supervisor) runEngine(ctx context.Context) error {
	var err error
	if s.janitor, err = startJanitor(s.Self, s.paths, s.lock.file); err != nil {
		return err
	}
	runErr := s.superviseEngine(ctx)
	stopErr := s.janitor.finish()
	if runErr == nil && ctx.Err() == nil {
		runErr = errors.New("the engine has ended without a reason")
	}
	if stopErr != nil {
		stopErr = Cure(fmt.Errorf("cleaning up: %w", stopErr), "see "+s.paths.join("logs", "janitor.log"))
	}
	return errors.Join(runErr, stopErr)
}

func (s *supervisor) superviseEngine(ctx context.Context) error {
	if err := s.startEngine(); err != nil {
		return err
	}
	err := s.follow(ctx)
	// Killing process 1 of the sandbox, or the process group where there is none, is the whole of an orderly end: there
	// is no data to keep.
	_ = syscall.Kill(-s.engine.Process.Pid, syscall.SIGKILL)
	_ = s.engine.Wait()
	_ = s.engineInput.Close()
	_ = s.events.Close()
	return err
}

func (s *supervisor) startEngine() error {
	input, engineInput, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the engine's input: %w", err)
	}
	events, engineEvents, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the engine's events: %w", err)
	}
	s.engineInput, s.events = engineInput, events
	cmd := s.engineCommand()
	log, err := os.Create(s.paths.join("logs", "engine.log"))
	if err != nil {
		return fmt.Errorf("creating the engine's log: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, log, log
	cmd.ExtraFiles = append([]*os.File{engineEvents}, s.sockets...)
	err = process.StartLasting(cmd)
	for _, file := range append([]*os.File{input, engineEvents, log}, s.sockets...) {
		_ = file.Close()
	}
	if err != nil {
		return Cure(fmt.Errorf("starting the engine: %w", err), explainStart(err))
	}
	s.engine = cmd
	pid := []byte(strconv.Itoa(cmd.Process.Pid) + "\n")
	if err := os.WriteFile(s.paths.enginePID(), pid, 0o644); err != nil {
		return fmt.Errorf("writing the engine's process id: %w", err)
	}
	return s.janitor.watch(cmd.Process.Pid)
}

func (s *supervisor) engineCommand() *exec.Cmd {
	engine := []string{"engine", "--config", s.paths.engineConfig()}
	if s.Options.Sandbox {
		return sandboxCommand(s.Self, append([]string{"init", "--", s.Self}, engine...)...)
	}
	cmd := exec.Command(s.Self, engine...)
	cmd.SysProcAttr = hostAttributes()
	return cmd
}

// follow prints the engine's steps until it ends or is to be ended.
func (s *supervisor) follow(ctx context.Context) error {
	events := readEvents(s.events)
	for {
		select {
		case <-ctx.Done():
			s.progress.Step("ending cluster %s", s.Name)
			return nil
		case <-s.janitor.lost:
			if err := s.replaceJanitor(); err != nil {
				return err
			}
		case e, open := <-events:
			if !open {
				return fmt.Errorf("the engine has ended; the end of its log:\n%s", process.Tail(s.paths.join("logs", "engine.log"), 15))
			}
			if err := s.handle(e); err != nil {
				return err
			}
		}
	}
}

// replaceJanitor keeps a janitor beside the supervisor at all times: only both being killed in the same moment would
// leave anything behind, and that the next start or `down` finds.
func (s *supervisor) replaceJanitor() error {
	fresh, err := startJanitor(s.Self, s.paths, s.lock.file)
	if err != nil {
		return err
	}
	s.janitor = fresh
	return fresh.watch(s.engine.Process.Pid)
}

func (s *supervisor) handle(e event) error {
	switch {
	case e.Error != "" && e.Cure != "":
		return Cure(errors.New(e.Error), e.Cure)
	case e.Error != "":
		return errors.New(e.Error)
	case e.Ready:
		return s.ready(e)
	default:
		s.progress.Step("%s", e.Step)
		return nil
	}
}

func (s *supervisor) ready(e event) error {
	state := s.state(e)
	if err := writeJSON(s.paths.State(), state); err != nil {
		return err
	}
	s.progress.Step("cluster %s is ready: %s", s.Name, s.describe())
	fmt.Fprintf(s.Out, "\n  export KUBECONFIG=%s\n\n", state.Kubeconfig)
	if s.OnReady != nil {
		s.OnReady(state)
	}
	return nil
}

func (s *supervisor) describe() string {
	if s.Options.ControlPlaneOnly {
		return "API server only"
	}
	return fmt.Sprintf("%d real and %d simulated node(s)", s.Options.Nodes, s.Options.Simulated)
}
