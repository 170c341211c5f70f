// Package run holds the promises of `make run`, `make status` and `make down`: the commands themselves, as a user types
// them, and what they say.
package run

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long one command may take: the first one may have to build.
const patience = 15 * time.Minute

// shown is what `make run` has to show: the operator's own conditions, an image there and back, its blobs in the bucket,
// kubectl's table and how to go on.
var shown = []*regexp.Regexp{
	regexp.MustCompile(`the operator has created configs\.imageregistry\.operator\.openshift\.io/cluster`),
	regexp.MustCompile(`Available=True Ready`),
	regexp.MustCompile(`pushed demo/hello:latest through the registry's service in \S+: sha256:[0-9a-f]{64}`),
	regexp.MustCompile(`pulled it back by digest, every layer checked: [1-9]\d* bytes`),
	regexp.MustCompile(`bucket \S+, which the operator created, holds [1-9]\d* objects; the blobs:\n +\d+  \S*/sha256/[0-9a-f]{2}/[0-9a-f]{64}/data\n`),
	regexp.MustCompile(`(?m)^NAME +VERSION +AVAILABLE +PROGRESSING +DEGRADED.*\n(.*\n)*image-registry +4\.22\.0 +True +False +False`),
	regexp.MustCompile(`export KUBECONFIG=\S+/kubeconfig`),
	regexp.MustCompile(`Stop: make down NAME=`),
}

// TestDetached: the command returns with the cluster running; others refuse what the cluster is not and do not take a removed
// registry for one that serves; a second one hands it the release again and shows the same; then it is asked for and taken
// down.
func TestDetached(t *testing.T) {
	c := newCommands(t, "detached")
	first := c.start(t, "run", "DETACH=1")
	first.mustSucceed(t)
	first.mustShow(t, shown...)
	c.mustSeeProcesses(t)
	c.mustRefuse(t, "1 real node(s), not with 2", "make down NAME="+c.name, "DETACH=1", "NODES=2")
	c.mustRefuse(t, "0 simulated node(s), not with 3", "make down NAME="+c.name, "DETACH=1", "SIMULATED=3")
	c.mustRefuse(t, "cluster "+c.name+" is running already", "make down NAME="+c.name)
	c.patch(t, `{"spec":{"managementState":"Removed"}}`)
	c.mustRefuse(t, "the registry is Removed", `'{"spec":{"managementState":"Managed"}}'`, "DETACH=1")
	c.patch(t, `{"spec":{"managementState":"Managed"}}`)
	second := c.start(t, "run", "DETACH=1")
	second.mustSucceed(t)
	second.mustShow(t, append(shown, regexp.MustCompile(`cluster `+c.name+` runs already; handing it this release`))...)
	if builds := regexp.MustCompile(`building \S+: \d+ packages`); builds.MatchString(second.text()) {
		t.Errorf("the second run builds programs of the cluster:\n%s", second.text())
	}
	status := c.start(t, "status")
	status.mustSucceed(t)
	status.mustShow(t, regexp.MustCompile(`(?m)^node +node-0, zone \S+, ready$`), regexp.MustCompile(`(?m)^image-registry +4\.22\.0 +True +False +False`))
	down := c.start(t, "down")
	down.mustSucceed(t)
	down.mustShow(t, regexp.MustCompile(`cluster `+c.name+` is down`))
	c.mustBeGone(t)
	if after := c.start(t, "status"); after.wait(t) == nil {
		t.Errorf("make status succeeds without a cluster:\n%s", after.text())
	}
}

// TestForeground: the command stays with its cluster, and Ctrl-C, which a terminal sends to make and all it started, ends
// both.
func TestForeground(t *testing.T) {
	c := newCommands(t, "foreground")
	run := c.start(t, "run")
	run.until(t, "the cluster runs until Ctrl-C")
	run.mustShow(t, shown...)
	c.mustSeeProcesses(t)
	if err := syscall.Kill(-run.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// make reports the interrupt as its own failure; what counts is that nothing is left when it returns.
	_ = run.wait(t)
	run.mustShow(t, regexp.MustCompile(`ending cluster `+c.name))
	c.mustBeGone(t)
}

// mustRefuse expects `make run` to fail with an error and a cure.
func (c *commands) mustRefuse(t *testing.T, problem, cure string, variables ...string) {
	t.Helper()
	run := c.start(t, "run", variables...)
	if run.wait(t) == nil {
		t.Errorf("%s succeeds:\n%s", run.cmd, run.text())
	}
	run.mustShow(t, regexp.MustCompile(`error: .*`+regexp.QuoteMeta(problem)), regexp.MustCompile(`cure: .*`+regexp.QuoteMeta(cure)))
}

// patch edits the operator's config.
func (c *commands) patch(t *testing.T, patch string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(c.home, "host", "cluster"), "kubectl", "--name", c.name, "--",
		"patch", "config.imageregistry.operator.openshift.io", "cluster", "--type=merge", "-p", patch)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
}

// commands are those about one cluster.
type commands struct{ name, home string }

func newCommands(t *testing.T, what string) *commands {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("make run needs root for a real node")
	}
	home := os.Getenv("CLUSTER_HOME")
	if home == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		home = filepath.Join(cache, "cluster-image-registry-operator")
	}
	// hack/test.sh ends clusters by the process id at the end of their names when a suite could not.
	c := &commands{name: fmt.Sprintf("run-%s-%d", what, os.Getpid()), home: home}
	t.Cleanup(func() {
		if output, err := exec.Command("make", "-C", "../..", "down", "NAME="+c.name).CombinedOutput(); err != nil {
			t.Errorf("make down after the test: %v\n%s", err, output)
		}
		_ = os.RemoveAll(c.dir())
		_ = os.Remove(c.dir() + ".lock")
		_ = os.Remove(c.dir() + ".log")
	})
	return c
}

func (c *commands) dir() string { return filepath.Join(c.home, "clusters", c.name) }

// started is a command that runs or has run.
type started struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error

	mu  sync.Mutex
	out bytes.Buffer
}

// Write takes what the command says.
func (s *started) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(data)
}

func (s *started) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// start runs make for the cluster.
func (c *commands) start(t *testing.T, target string, variables ...string) *started {
	t.Helper()
	return startCommand(t, exec.Command("make", append([]string{target, "NAME=" + c.name}, variables...)...))
}

// startCommand runs a command at the top of the repository in a process group of its own, as a shell does.
func startCommand(t *testing.T, cmd *exec.Cmd, environment ...string) *started {
	t.Helper()
	s := &started{cmd: cmd, ended: make(chan struct{})}
	s.cmd.Dir = "../.."
	s.cmd.Env = append(withoutMake(os.Environ()), environment...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-s.ended:
		default:
			_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
			<-s.ended
		}
	})
	return s
}

// withoutMake leaves out what the make that runs this test has told its children: the commands are a user's.
func withoutMake(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "NAME", "NODES", "SIMULATED", "DETACH":
		default:
			kept = append(kept, variable)
		}
	}
	return kept
}

func (s *started) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-s.ended:
		return s.err
	case <-time.After(patience):
		t.Fatalf("%s does not return:\n%s", s.cmd, s.text())
		return nil
	}
}

func (s *started) mustSucceed(t *testing.T) {
	t.Helper()
	if err := s.wait(t); err != nil {
		t.Fatalf("%s: %v\n%s", s.cmd, err, s.text())
	}
}

// until waits for a text in the output.
func (s *started) until(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(s.text(), text) {
		select {
		case <-s.ended:
			t.Fatalf("%s has ended before it said %q: %v\n%s", s.cmd, text, s.err, s.text())
		case <-deadline:
			t.Fatalf("%s does not say %q:\n%s", s.cmd, text, s.text())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *started) mustShow(t *testing.T, patterns ...*regexp.Regexp) {
	t.Helper()
	for _, pattern := range patterns {
		if !pattern.MatchString(s.text()) {
			t.Errorf("%s does not show %q:\n%s", s.cmd, pattern, s.text())
		}
	}
}
