// Package process runs the programs of the cluster: each with a log file of its own, none outliving the program that
// started it, and the first one to end on its own ends the cluster.
package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// Spec describes a program to run.
type Spec struct {
	// Name names the program in messages and its log file.
	Name string
	// Path is the binary, Args its arguments. Args[0] is what the program sees as its own name.
	Path string
	Args []string
	Env  []string
	Dir  string
	// ExtraFiles become descriptors 3, 4 and so on.
	ExtraFiles []*os.File
	// Own runs the program in namespaces of its own: mount, network and host name. Linux only.
	Own bool
}

// Group is a set of running programs.
type Group struct {
	logs  string
	ended chan error

	mu       sync.Mutex
	stopping bool
	running  map[string]*exec.Cmd
}

// NewGroup makes an empty group that writes its logs to the folder.
func NewGroup(logs string) *Group {
	return &Group{logs: logs, ended: make(chan error, 1), running: map[string]*exec.Cmd{}}
}

// spawner runs what starts processes on one thread that never ends.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range work {
			start()
		}
	}()
	return work
})

// StartLasting starts a command from a thread that lives as long as this process. The parent death signal is bound to
// the thread that started the child, not to the process: the Go runtime may end any other thread, and with it the child.
func StartLasting(cmd *exec.Cmd) error {
	result := make(chan error)
	spawner() <- func() { result <- cmd.Start() }
	return <-result
}

// Ended yields the first program that ended on its own, with the end of its log.
func (g *Group) Ended() <-chan error { return g.ended }

// Start runs a program and returns its process id.
func (g *Group) Start(s Spec) (int, error) {
	log, err := os.OpenFile(g.LogFile(s.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, fmt.Errorf("opening the log of %s: %w", s.Name, err)
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: s.Path, Args: s.Args, Env: s.Env, Dir: s.Dir,
		Stdout: log, Stderr: log, ExtraFiles: s.ExtraFiles,
		SysProcAttr: attributes(s.Own),
	}
	if err := StartLasting(cmd); err != nil {
		return 0, fmt.Errorf("starting %s: %w", s.Name, err)
	}
	g.mu.Lock()
	g.running[s.Name] = cmd
	g.mu.Unlock()
	go g.wait(s.Name, cmd)
	return cmd.Process.Pid, nil
}

// LogFile is where the program of that name logs to.
func (g *Group) LogFile(name string) string { return filepath.Join(g.logs, name+".log") }

func (g *Group) wait(name string, cmd *exec.Cmd) {
	err := cmd.Wait()
	g.mu.Lock()
	delete(g.running, name)
	stopping := g.stopping
	g.mu.Unlock()
	if stopping {
		return
	}
	reason := "it ended with code 0"
	if err != nil {
		reason = err.Error()
	}
	g.report(fmt.Errorf("%s has ended: %s; the end of %s:\n%s", name, reason, g.LogFile(name), Tail(g.LogFile(name), 15)))
}

// report keeps the first failure: those that follow are usually its consequences.
func (g *Group) report(err error) {
	select {
	case g.ended <- err:
	default:
	}
}

// Stop kills every program.
func (g *Group) Stop() {
	g.mu.Lock()
	g.stopping = true
	running := make([]*exec.Cmd, 0, len(g.running))
	for _, cmd := range g.running {
		running = append(running, cmd)
	}
	g.mu.Unlock()
	for _, cmd := range running {
		_ = cmd.Process.Kill()
	}
}

// Tail returns the last lines of a file, for a message; an unreadable file gives its error as text.
func Tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return string(bytes.Join(all, []byte("\n")))
}
