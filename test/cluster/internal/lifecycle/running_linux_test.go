package lifecycle

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func needsRealNode(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts whole clusters")
	}
	if os.Geteuid() != 0 {
		t.Skip("a real node needs root")
	}
	if missing := missingPackages(nil); len(missing) > 0 {
		t.Skipf("not installed: %v; run `cluster install`", missing)
	}
}

// buildCluster builds the program under test, with the flags of hack/binaries.sh: most of it is in go's cache then.
func buildCluster(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cluster")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w ", "-o", binary, "../../cmd/cluster")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, output)
	}
	return binary
}

// runningCluster is a cluster in the foreground of a process of the test's.
type runningCluster struct {
	binary string
	name   string
	paths  Paths
	cmd    *exec.Cmd
	ended  chan struct{}
	state  *State

	mu  sync.Mutex
	out bytes.Buffer
}

func (r *runningCluster) Write(data []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(data)
}

func (r *runningCluster) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// testHome is the folder the user's clusters are in: the programs built there are used again.
func testHome(t *testing.T) Home {
	t.Helper()
	if home := os.Getenv("CLUSTER_HOME"); home != "" {
		return Home(home)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return Home(filepath.Join(cache, "cluster-image-registry-operator"))
}

var clusterNumber int

func startCluster(t *testing.T, binary string, flags ...string) *runningCluster {
	t.Helper()
	clusterNumber++
	return startNamed(t, binary, fmt.Sprintf("test-%d-%d", os.Getpid(), clusterNumber), flags...)
}

// startNamed starts a cluster that ends with the test at the latest.
func startNamed(t *testing.T, binary, name string, flags ...string) *runningCluster {
	t.Helper()
	paths, err := testHome(t).Cluster(name)
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, paths, exec.Command(binary, append([]string{"up", "--home", paths.Home, "--name", name}, flags...)...), binary)
}

// startCommand starts a cluster with a command of the caller's making; binary is the program for later commands.
func startCommand(t *testing.T, paths Paths, cmd *exec.Cmd, binary string) *runningCluster {
	t.Helper()
	r := &runningCluster{binary: binary, name: paths.Name, paths: paths, cmd: cmd, ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() { r.forget(t) })
	return r
}

// forget ends what is still running and removes the files. A cluster of the same name that another one of the test's
// owns is left alone.
func (r *runningCluster) forget(t *testing.T) {
	_ = r.cmd.Process.Kill()
	<-r.ended
	if strings.Contains(r.output(), "is running already") {
		return
	}
	if err := Down(r.paths, io.Discard); err != nil {
		t.Errorf("ending cluster %s after the test: %v", r.name, err)
	}
	_ = os.RemoveAll(r.paths.Dir)
	_ = os.Remove(r.paths.lock())
}

// waitUntil polls a condition that no event announces.
func (r *runningCluster) waitUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Minute) // the first run builds everything
	for !condition() {
		select {
		case <-r.ended:
			t.Fatalf("the cluster ended before %s:\n%s", what, r.output())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in time:\n%s", what, r.output())
		}
	}
}

func (r *runningCluster) waitReady(t *testing.T) {
	t.Helper()
	r.waitUntil(t, "it was ready", func() bool {
		state, err := ReadState(r.paths)
		r.state = state
		return err == nil
	})
}

// waitLog waits until a program has been started.
func (r *runningCluster) waitLog(t *testing.T, program string) {
	t.Helper()
	r.waitUntil(t, program+" had started", func() bool {
		info, err := os.Stat(filepath.Join(r.paths.logs(), program+".log"))
		return err == nil && info.Size() > 0
	})
}

func (r *runningCluster) pid() int { return r.cmd.Process.Pid }

func (r *runningCluster) run(t *testing.T, command string, args ...string) string {
	t.Helper()
	all := append([]string{command, "--home", r.paths.Home, "--name", r.name}, args...)
	output, err := exec.Command(r.binary, all...).CombinedOutput()
	if err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(all, " "), err, output)
	}
	return string(output)
}

func (r *runningCluster) runPod(t *testing.T) {
	t.Helper()
	config, err := readEngineConfig(r.paths.engineConfig())
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, "kubectl", "--", "run", "pod", "--image", config.PauseImage)
	r.run(t, "kubectl", "--", "wait", "pod/pod", "--for=condition=Ready", "--timeout=60s")
}

func (r *runningCluster) signal(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("sending %v to process %d: %v", signal, pid, err)
	}
}

// find returns the process of this cluster that runs a program, by its name or its command of ours.
func (r *runningCluster) find(t *testing.T, program string) int {
	t.Helper()
	for _, p := range processes(t) {
		if strings.Contains(p.command, r.name) && slices.Contains(strings.Fields(p.command), program) {
			return p.pid
		}
	}
	t.Fatalf("no process %s of cluster %s", program, r.name)
	return 0
}

// killBoth kills supervisor and janitor as if in the same moment: a supervisor that sees its janitor end starts another.
func (r *runningCluster) killBoth(t *testing.T) {
	t.Helper()
	r.signal(t, r.pid(), syscall.SIGSTOP)
	r.signal(t, r.find(t, "janitor"), syscall.SIGKILL)
	r.signal(t, r.pid(), syscall.SIGKILL)
}
