package lifecycle

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

// TestNothingLeftBehind ends a cluster with a running pod in every way there is and then looks for what is left of it.
func TestNothingLeftBehind(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	for _, c := range []struct {
		name string
		// early ends the cluster while it starts.
		early bool
		end   func(*testing.T, *runningCluster)
	}{
		{name: "cluster down", end: func(t *testing.T, r *runningCluster) { r.run(t, "down") }},
		{name: "interrupt from the terminal", end: func(t *testing.T, r *runningCluster) { r.signal(t, r.pid(), syscall.SIGINT) }},
		{name: "supervisor killed", end: func(t *testing.T, r *runningCluster) { r.signal(t, r.pid(), syscall.SIGKILL) }},
		{name: "first process of the sandbox killed", end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.state.InitPID, syscall.SIGKILL)
		}},
		{name: "kubelet killed", end: func(t *testing.T, r *runningCluster) { r.signal(t, r.find(t, "kubelet"), syscall.SIGKILL) }},
		{name: "janitor killed, then cluster down", end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.find(t, "janitor"), syscall.SIGKILL)
			r.run(t, "down")
		}},
		{name: "supervisor and janitor killed together, then cluster down", end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.find(t, "janitor"), syscall.SIGKILL)
			r.signal(t, r.pid(), syscall.SIGKILL)
			r.run(t, "down")
		}},
		{name: "supervisor killed while the cluster starts", early: true, end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.pid(), syscall.SIGKILL)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := machine(t)
			r := startCluster(t, binary)
			if c.early {
				r.waitLog(t, "kubelet")
			} else {
				r.waitReady(t)
				r.runPod(t)
			}
			traces := r.traces(t)
			c.end(t, r)
			if err := waitFree(r.paths, time.Minute); err != nil {
				t.Fatalf("%v\n%s", err, r.output())
			}
			traces.mustBeGone(t, r)
			if after := machine(t); after != before {
				t.Errorf("the machine has changed; before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

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

// buildCluster builds the program under test.
func buildCluster(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cluster")
	cmd := exec.Command("go", "build", "-o", binary, "../../cmd/cluster")
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
	r := &runningCluster{binary: binary, name: fmt.Sprintf("test-%d-%d", os.Getpid(), clusterNumber), ended: make(chan struct{})}
	var err error
	if r.paths, err = testHome(t).Cluster(r.name); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"up", "--home", r.paths.Home, "--name", r.name}, flags...)
	r.cmd = exec.Command(binary, args...)
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
		_ = waitFree(r.paths, time.Minute)
		_ = os.RemoveAll(r.paths.Dir)
		_ = os.Remove(r.paths.lock())
	})
	return r
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

type processInfo struct {
	pid        int
	command    string
	cgroups    string
	namespaces []string
}

func processes(t *testing.T) []processInfo {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []processInfo
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", entry.Name())
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // processes come and go while we look
		cgroups, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		p := processInfo{pid: pid, command: strings.ReplaceAll(string(command), "\x00", " "), cgroups: string(cgroups)}
		for _, kind := range []string{"pid", "mnt", "net", "uts", "ipc"} {
			if link, err := os.Readlink(filepath.Join(dir, "ns", kind)); err == nil {
				p.namespaces = append(p.namespaces, link)
			}
		}
		all = append(all, p)
	}
	return all
}

// traces are what a cluster can be recognised by after its end.
type traces struct {
	namespaces []string
	ports      []string
	processes  int
}

func (r *runningCluster) traces(t *testing.T) traces {
	t.Helper()
	var found traces
	host := processNamespaces(t, os.Getpid())
	for _, p := range processes(t) {
		if !strings.Contains(p.command, r.name) && !strings.Contains(p.cgroups, sandbox.CgroupRoot(r.name)) {
			continue
		}
		found.processes++
		for _, namespace := range p.namespaces {
			if !slices.Contains(host, namespace) {
				found.namespaces = append(found.namespaces, namespace)
			}
		}
	}
	if found.processes < 5 || len(found.namespaces) < 5 {
		t.Fatalf("the test does not see the cluster: %d processes, namespaces %v", found.processes, found.namespaces)
	}
	if r.state == nil {
		return found
	}
	for _, address := range []string{r.state.APIServer, r.state.S3.AdminURL, r.state.S3.ProxyURL} {
		parsed, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		found.ports = append(found.ports, parsed.Host)
	}
	return found
}

func processNamespaces(t *testing.T, pid int) []string {
	t.Helper()
	for _, p := range processes(t) {
		if p.pid == pid {
			return p.namespaces
		}
	}
	t.Fatalf("process %d is not there", pid)
	return nil
}

func (tr traces) mustBeGone(t *testing.T, r *runningCluster) {
	t.Helper()
	for _, p := range processes(t) {
		inside := slices.ContainsFunc(p.namespaces, func(ns string) bool { return slices.Contains(tr.namespaces, ns) })
		named := strings.Contains(p.command, r.name) || strings.Contains(p.cgroups, sandbox.CgroupRoot(r.name))
		if inside || named {
			t.Errorf("process %d is left: %s", p.pid, p.command)
		}
	}
	for _, address := range tr.ports {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Errorf("something still listens on %s", address)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), r.name) {
		t.Errorf("a mount is left:\n%s", mounts)
	}
	for _, hierarchy := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		groups, err := filepath.Glob(hierarchy + sandbox.CgroupRoot(r.name))
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) > 0 {
			t.Errorf("cgroups are left: %v", groups)
		}
	}
	for _, path := range append(r.paths.volatile(), r.paths.State()) {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

// machine is what clusters must not change, in a form to compare.
func machine(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, command := range []string{"ip -o link", "ip address", "ip route show table all", "iptables-save", "ip netns list", "hostname"} {
		fields := strings.Fields(command)
		output, err := exec.Command(fields[0], fields[1:]...).Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		fmt.Fprintf(&all, "# %s\n%s", command, stable(string(output)))
	}
	for _, path := range []string{
		"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/panic", "/proc/sys/kernel/panic_on_oops",
		"/proc/sys/kernel/keys/root_maxkeys", "/proc/sys/net/ipv4/ip_forward", "/etc/resolv.conf", "/etc/hosts",
	} {
		data, _ := os.ReadFile(path)
		fmt.Fprintf(&all, "# %s\n%s", path, data)
	}
	for _, pattern := range []string{"/etc/cni/*", "/opt/*", "/var/lib/cni/*", "/var/lib/kubelet*", "/var/lib/cluster-volumes*", "/run/netns/*", "/usr/libexec/kubernetes*"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "# %s\n%v\n", pattern, matches)
	}
	return all.String()
}

// stable leaves out what changes by itself: counters, and the times in the comments of iptables-save.
func stable(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ":") || strings.Contains(line, "valid_lft") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}
