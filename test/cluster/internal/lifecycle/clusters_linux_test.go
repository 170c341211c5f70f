package lifecycle

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

func TestClustersRunSideBySide(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	first, second := startCluster(t, binary), startCluster(t, binary)
	first.waitReady(t)
	second.waitReady(t)
	first.runPod(t)
	second.runPod(t)
	if first.state.APIServer == second.state.APIServer {
		t.Errorf("both clusters answer at %s", first.state.APIServer)
	}
	first.run(t, "down")
	if output := second.run(t, "kubectl", "--", "get", "pod", "pod", "-o", "jsonpath={.status.phase}"); output != "Running" {
		t.Errorf("after the end of the other cluster the pod is %q", output)
	}
}

func TestNodesOfSeveralKinds(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	r := startCluster(t, binary, "--nodes", "2", "--simulated", "1")
	r.waitReady(t)
	zones := r.run(t, "kubectl", "--", "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.labels.topology\.kubernetes\.io/zone} {end}`)
	if want := "node-0=us-east-1a node-1=us-east-1b simulated-0=us-east-1c "; zones != want {
		t.Errorf("nodes and zones: %q, want %q", zones, want)
	}
	if output := r.run(t, "exec", "--", "getent", "hosts", "bucket.s3.us-east-1.cluster.test"); !strings.Contains(output, addresses.S3) {
		t.Errorf("a bucket's name is answered with %q", output)
	}
	if output := r.run(t, "exec", "--node", "1", "--", "sh", "-c", "getent hosts example.com || echo nothing"); output != "nothing\n" {
		t.Errorf("a name of the outside is answered with %q", output)
	}
	// What is written on one node shows neither on the other nor on the machine.
	for node, other := range map[string]string{"0": "1", "1": "0"} {
		for _, dir := range []string{"/etc/docker", "/var/lib/node-test", "/run/node-test"} {
			file := dir + "/written-on-" + node
			r.run(t, "exec", "--node", node, "--", "sh", "-c", "mkdir -p "+dir+" && echo here >"+file)
			if output := r.run(t, "exec", "--node", other, "--", "sh", "-c", "cat "+file+" 2>/dev/null || echo nothing"); output != "nothing\n" {
				t.Errorf("%s shows on node %s", file, other)
			}
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%s shows on the machine", file)
			}
		}
	}
	r.runPod(t)
	address := r.run(t, "kubectl", "--", "get", "pod", "pod", "-o", "jsonpath={.status.podIP}")
	for _, node := range []string{"0", "1"} {
		output := r.run(t, "exec", "--node", node, "--", "busybox", "ping", "-c", "1", "-W", "5", address)
		if !strings.Contains(output, "1 packets received") {
			t.Errorf("the pod does not answer to node %s: %s", node, output)
		}
		// Nothing has a way out, whatever the machine's own network is like.
		if routes := r.run(t, "exec", "--node", node, "--", "ip", "route"); strings.Contains(routes, "default") {
			t.Errorf("node %s has a default route:\n%s", node, routes)
		}
	}
}

func TestStartsThatCannotWork(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	running := startCluster(t, binary, "--control-plane-only")
	running.waitReady(t)
	port := running.state.APIServer[strings.LastIndex(running.state.APIServer, ":")+1:]
	for _, c := range []struct {
		name      string
		flags     []string
		sameName  bool
		err, cure string
		// prepare changes the command for a machine that lacks something.
		prepare func(*testing.T, *exec.Cmd)
	}{
		{"a second cluster of the same name", nil, true, "is running already", "`make down NAME=" + running.name + "`", nil},
		{"a port that is in use", []string{"--nodes", "0", "--api-port", port}, false, "port " + port + " of 127.0.0.1 is in use", "choose another port", nil},
		{"more real nodes than there can be", []string{"--nodes", "9"}, false, "9 real nodes are too many", "simulated", nil},
		{"a real node with IPv6", []string{"--ip-family", "dual", "--nodes", "1"}, false, "a real node has IPv4 only, not dual", "--nodes 0", nil},
		{"an address family that there is not", []string{"--ip-family", "ipx", "--nodes", "0"}, false, `no address family "ipx"`, "--ip-family", nil},
		{"a real node without a sandbox", []string{"--no-sandbox", "--nodes", "1"}, false, "a real node needs a sandbox", "--nodes 0", nil},
		{"an operator beside a real node", []string{"--host-operator", "/bin/true"}, false, "the operator runs in a pod", "leave out --host-operator", nil},
		{"a disk without space", nil, false, "MiB of free disk space, 1024 are needed", "CLUSTER_HOME=", onSmallDisk},
		{"a machine without containerd and package manager", nil, false, "missing: containerd runc", "install these packages", withoutPrograms},
		{"root without the right to make namespaces", nil, false, "starting the engine", "run as root outside of a restricted container", withoutSysAdmin},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := machine(t)
			name := running.name
			if !c.sameName {
				name += "-other"
			}
			paths, err := testHome(t).Cluster(name)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(binary, append([]string{"up", "--home", paths.Home, "--name", name}, c.flags...)...)
			if c.prepare != nil {
				c.prepare(t, cmd)
			}
			r := startCommand(t, paths, cmd, binary)
			select {
			case <-r.ended:
			case <-time.After(time.Minute):
				t.Fatalf("it is still running:\n%s", r.output())
			}
			if code := r.cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if output := r.output(); !strings.Contains(output, "error: ") || !strings.Contains(output, c.err) ||
				!strings.Contains(output, "cure:  ") || !strings.Contains(output, c.cure) {
				t.Errorf("the output does not say %q with cure %q:\n%s", c.err, c.cure, output)
			}
			if !c.sameName {
				traces{}.mustBeGone(t, r)
			}
			if after := machine(t); after != before {
				t.Errorf("the machine has changed; before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
	if output, err := exec.Command(binary, "status", "--home", running.paths.Home, "--name", running.name).CombinedOutput(); err != nil {
		t.Errorf("the running cluster has suffered: %v\n%s", err, output)
	}
}

// onSmallDisk gives the command a mount namespace of its own, in which its home folder is almost full.
func onSmallDisk(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	home := string(testHome(t))
	through(t, cmd, "unshare", "--mount", "sh", "-c", `mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"`, home)
}

// withoutPrograms leaves nothing that is looked for by name.
func withoutPrograms(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(os.Environ(), "PATH="+t.TempDir())
}

// withoutSysAdmin is what root is in most containers.
func withoutSysAdmin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	through(t, cmd, "setpriv", "--bounding-set", "-sys_admin")
}

// through puts another program in front of a command.
func through(t *testing.T, cmd *exec.Cmd, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("this case needs %s, of Debian's util-linux: %v", program, err)
	}
	cmd.Path, cmd.Args = path, append(append([]string{program}, args...), cmd.Args...)
}

// TestHalfStartedRunIsClearedAway: the supervisor and its janitor are killed while the cluster starts; the next start of
// the same name does not need help.
func TestHalfStartedRunIsClearedAway(t *testing.T) {
	needsRealNode(t)
	binary := buildCluster(t)
	r := startCluster(t, binary)
	r.waitLog(t, "kube-apiserver")
	traces := r.traces(t)
	r.killBoth(t)
	<-r.ended
	again := startNamed(t, binary, r.name, "--control-plane-only")
	again.waitReady(t)
	again.run(t, "down")
	traces.mustBeGone(t, again)
}
