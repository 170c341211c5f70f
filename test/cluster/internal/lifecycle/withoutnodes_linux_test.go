package lifecycle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
)

// nobody is a user without any right.
const nobody = 65534

// TestMainJobWithoutARealNode runs the repository's main job where no node is real and ends it in every way: the operator
// is a process of the cluster then, and has to go with it.
func TestMainJobWithoutARealNode(t *testing.T) {
	needsRealNode(t) // the machine is looked at as root
	operator := os.Getenv("OPERATOR_BINARY")
	setpriv, err := exec.LookPath("setpriv")
	for what, missing := range map[string]bool{
		"OPERATOR_BINARY is not set (eval \"$(hack/binaries.sh operator)\")": operator == "",
		"setpriv is not there (apt-get install util-linux)":                  err != nil,
	} {
		if missing && os.Getenv("CI") == "true" {
			t.Fatalf("this path cannot be tested: %s", what)
		} else if missing {
			t.Skip(what)
		}
	}
	binary := buildCluster(t)
	asNobody := nobodysHome(t, binary, operator)
	for _, c := range []struct {
		name string
		root bool
		// says is why nodes are simulated.
		says string
		end  func(*testing.T, *runningCluster)
	}{
		{name: "user without rights, interrupted", says: "not Linux or not root: ", end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.pid(), syscall.SIGINT)
			<-r.ended
			if code := r.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d after the interrupt, want 0", code)
			}
		}},
		{name: "user without rights, killed", says: "not Linux or not root: ", end: func(t *testing.T, r *runningCluster) {
			r.signal(t, r.pid(), syscall.SIGKILL)
		}},
		{name: "root, detached, then cluster down", root: true, says: "no real node is wanted: ", end: func(t *testing.T, r *runningCluster) {
			<-r.ended
			r.run(t, "down")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := machine(t)
			clusterNumber++
			name := "test-" + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(clusterNumber)
			var r *runningCluster
			if c.root {
				r = mainJob{testHome(t), nil, binary, operator, "../../../../manifests", "../.."}.start(t, name, "--nodes", "0", "--detach")
			} else {
				user, in := strconv.Itoa(nobody), func(file string) string { return filepath.Join(string(asNobody), file) }
				r = mainJob{
					asNobody,
					[]string{setpriv, "--reuid=" + user, "--regid=" + user, "--clear-groups"},
					in("cluster"), in("operator"), in("manifests"), in("source"),
				}.start(t, name)
			}
			r.waitShown(t, c.root)
			output := r.output()
			for _, want := range []string{
				c.says + "nodes are simulated", "pushing an image cannot be shown", "Available=True Ready",
				"no real node here: the registry's pods are simulated, so there is nothing to push an image to",
				"export KUBECONFIG=" + r.paths.Kubeconfig(), "tail -f " + filepath.Join(r.paths.logs(), "operator.log"),
			} {
				if !strings.Contains(output, want) {
					t.Errorf("the output does not say %q:\n%s", want, output)
				}
			}
			r.checkOperatorsEnvironment(t)
			c.end(t, r)
			l, err := waitFree(r.paths, time.Minute)
			if err != nil {
				t.Fatalf("%v\n%s", err, r.output())
			}
			l.release()
			traces{}.mustBeGone(t, r)
			if after := machine(t); after != before {
				t.Errorf("the machine has changed; before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// mainJob is what `cluster run` is started with: a prefix of the command line, the program, and what it takes.
type mainJob struct {
	home                                Home
	prefix                              []string
	binary, operator, manifests, source string
}

// start runs it with something in the environment that is not for the operator.
func (j mainJob) start(t *testing.T, name string, flags ...string) *runningCluster {
	t.Helper()
	paths, err := j.home.Cluster(name)
	if err != nil {
		t.Fatal(err)
	}
	line := append(slices.Clone(j.prefix), j.binary, "run", "--home", paths.Home, "--name", name,
		"--operator", j.operator, "--manifests", j.manifests, "--source", j.source)
	line = append(line, flags...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+paths.Home, "AWS_PROFILE="+usersOwn)
	return startCommand(t, paths, cmd, j.binary)
}

// usersOwn stands for what a user has in his environment.
const usersOwn = "of-the-user"

// waitShown waits until the command says that it is done, or for its orderly end where it does not stay.
func (r *runningCluster) waitShown(t *testing.T, returns bool) {
	t.Helper()
	if !returns {
		r.waitUntil(t, "it said that it runs until Ctrl-C", func() bool { return strings.Contains(r.output(), "the cluster runs until Ctrl-C") })
	} else {
		select {
		case <-r.ended:
		case <-time.After(10 * time.Minute):
			t.Fatalf("it does not return:\n%s", r.output())
		}
		if code := r.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, r.output())
		}
	}
	var err error
	if r.state, err = ReadState(r.paths); err != nil {
		t.Fatal(err)
	}
}

// checkOperatorsEnvironment also makes sure that the test sees the operator at all.
func (r *runningCluster) checkOperatorsEnvironment(t *testing.T) {
	t.Helper()
	for _, p := range processes(t) {
		if !strings.Contains(p.command, r.name) || !strings.Contains(p.command, "/operator.kubeconfig") {
			continue
		}
		environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "environ"))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(environment); strings.Contains(text, usersOwn) || !strings.Contains(text, "RELEASE_VERSION=4.22.0") {
			t.Errorf("the operator's environment is %q", strings.ReplaceAll(text, "\x00", " "))
		}
		return
	}
	t.Errorf("there is no process of the operator; %s says:\n%s", r.state.OperatorLog(), r.output())
}

// nobodysHome is a folder that nobody owns and can read, with all that the main job takes: the repository and what is
// built from it are root's, and perhaps below root's home.
func nobodysHome(t *testing.T, cluster, operator string) Home {
	t.Helper()
	dir, err := os.MkdirTemp("", "nobodys-home-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	builder := build.Builder{Source: "../..", Bin: testHome(t).Bin(), Progress: func(line string) { t.Log(line) }}
	copies := map[string]string{
		cluster: "cluster", operator: "operator", "../../../../manifests": "manifests",
		"../../cmd": "source/cmd", "../../internal": "source/internal", "../../go.mod": "source/go.mod", "../../go.sum": "source/go.sum",
	}
	for _, program := range []build.Program{build.Kube, build.S3} {
		path, err := builder.Build(t.Context(), program)
		if err != nil {
			t.Fatal(err)
		}
		relative, err := filepath.Rel(builder.Bin, path)
		if err != nil {
			t.Fatal(err)
		}
		copies[path] = filepath.Join("bin", relative)
	}
	for from, to := range copies {
		target := filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.Command("cp", "-rL", from, target).CombinedOutput(); err != nil {
			t.Fatalf("copying %s: %v\n%s", from, err, output)
		}
	}
	if output, err := exec.Command("chmod", "-R", "a+rX", dir).CombinedOutput(); err != nil {
		t.Fatalf("making %s readable: %v\n%s", dir, err, output)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	return Home(dir)
}
