package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

// controlPlane is a cluster without a node: in a sandbox like all, and there in half the time.
var controlPlane = []string{"--control-plane-only"}

// TestNothingLeftBehind ends a cluster in every way there is and then looks for what is left of it: with a running pod
// where what the kernel does not remove may matter, without a node where only the processes' order of ending does.
func TestNothingLeftBehind(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	for _, c := range []struct {
		name  string
		flags []string
		// early ends the cluster while it starts.
		early bool
		end   func(*testing.T, *runningCluster)
	}{
		{name: "cluster down", end: func(t *testing.T, r *runningCluster) { r.run(t, "down") }},
		{name: "interrupt from the terminal, two nodes", flags: []string{"--nodes", "2"}, end: func(t *testing.T, r *runningCluster) { r.signal(t, r.pid(), syscall.SIGINT) }},
		{name: "supervisor killed", end: func(t *testing.T, r *runningCluster) { r.signal(t, r.pid(), syscall.SIGKILL) }},
		{name: "first process of the sandbox killed", flags: controlPlane, end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.state.InitPID, syscall.SIGKILL)
		}},
		{name: "kubelet killed", end: func(t *testing.T, r *runningCluster) { r.signal(t, r.find(t, "kubelet"), syscall.SIGKILL) }},
		{name: "janitor killed, then cluster down", flags: controlPlane, end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.find(t, "janitor"), syscall.SIGKILL)
			r.run(t, "down")
		}},
		{name: "supervisor and janitor killed together, then cluster down", end: func(t *testing.T, r *runningCluster) {
			r.killBoth(t)
			r.run(t, "down")
		}},
		{name: "supervisor killed while the cluster starts", early: true, end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.pid(), syscall.SIGKILL)
		}},
		{name: "interrupt from the terminal while the cluster starts", early: true, end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.pid(), syscall.SIGINT)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := machine(t)
			r := startCluster(t, binary, c.flags...)
			if c.early {
				r.waitLog(t, "kubelet")
			} else {
				r.waitReady(t)
			}
			if c.flags == nil && !c.early {
				r.runPod(t)
			}
			traces := r.traces(t)
			c.end(t, r)
			l, err := waitFree(r.paths, time.Minute)
			if err != nil {
				t.Fatalf("%v\n%s", err, r.output())
			}
			l.release()
			traces.mustBeGone(t, r)
			if after := machine(t); after != before {
				t.Errorf("the machine has changed; before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

type processInfo struct {
	pid        int
	command    string
	cgroups    string
	namespaces []string
	// dead says that every thread has ended.
	dead bool
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
		p.dead = !threadAlive(dir)
		for _, kind := range []string{"pid", "mnt", "net", "uts", "ipc"} {
			if link, err := os.Readlink(filepath.Join(dir, "ns", kind)); err == nil {
				p.namespaces = append(p.namespaces, link)
			}
		}
		all = append(all, p)
	}
	return all
}

// threadAlive tells whether a process has a thread that is not a zombie.
func threadAlive(dir string) bool {
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "*", "stat"))
	return slices.ContainsFunc(threads, func(path string) bool {
		data, err := os.ReadFile(path)
		after := data[bytes.LastIndexByte(data, ')')+1:]
		return err == nil && !bytes.HasPrefix(after, []byte(" Z")) && !bytes.HasPrefix(after, []byte(" X"))
	})
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

// left are the cluster's processes that are not dead.
func (tr traces) left(t *testing.T, r *runningCluster) string {
	t.Helper()
	var all []string
	for _, p := range processes(t) {
		if p.dead {
			continue // only its number is left, for its parent to ask how it ended: here the machine's own process 1
		}
		inside := slices.ContainsFunc(p.namespaces, func(ns string) bool { return slices.Contains(tr.namespaces, ns) })
		named := strings.Contains(p.command, r.name) || strings.Contains(p.cgroups, sandbox.CgroupRoot(r.name))
		if inside || named {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
			all = append(all, fmt.Sprintf("process %d is left: %s; %s", p.pid, p.command, stat))
		}
	}
	return strings.Join(all, "\n")
}

func (tr traces) mustBeGone(t *testing.T, r *runningCluster) {
	t.Helper()
	// The kernel frees the lock of a process that ends before the process is dead.
	kubetest.Eventually(t, "the end of all processes", func(context.Context) string { return tr.left(t, r) })
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
	for _, command := range []string{"ip -o link", "ip address", "ip route show table all", "ip rule", "ip -6 rule", "iptables-save", "ip6tables-save", "ip netns list", "hostname"} {
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

// counters are what iptables-save writes behind a chain.
var counters = regexp.MustCompile(`(?m)^(:\S+ \S+) \[\d+:\d+\]$`)

// stable leaves out what changes by itself: counters, and the times in the comments of iptables-save.
func stable(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "#") || strings.Contains(line, "valid_lft") {
			continue
		}
		kept = append(kept, line)
	}
	return counters.ReplaceAllString(strings.Join(kept, ""), "$1")
}
