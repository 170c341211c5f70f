package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// processes are the command lines that name the cluster. One that has ended and waits for its parent has none.
func (c *commands) processes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(c.name)) { // processes come and go while we look
			found = append(found, file+": "+string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}

// mustSeeProcesses keeps mustBeGone from looking for the wrong thing.
func (c *commands) mustSeeProcesses(t *testing.T) {
	t.Helper()
	const fewest = 8 // supervisor, janitor, engine, etcd, API server, controllers, containerd, kubelet
	if found := c.processes(t); len(found) < fewest {
		t.Fatalf("the test does not see the cluster, only %d processes:\n%s", len(found), strings.Join(found, "\n"))
	}
	if _, err := os.Stat(filepath.Join(c.dir(), "state.json")); err != nil {
		t.Fatal(err)
	}
}

// mustBeGone looks for what a cluster can leave behind by its name; test/cluster looks closer, at each way to end.
func (c *commands) mustBeGone(t *testing.T) {
	t.Helper()
	for _, process := range c.processes(t) {
		t.Errorf("a process is left: %s", process)
	}
	if _, err := os.Stat(filepath.Join(c.dir(), "state.json")); err == nil {
		t.Errorf("%s still says that the cluster is ready", c.dir())
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, c.name) {
			t.Errorf("a mount is left: %s", line)
		}
	}
	for _, hierarchy := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		groups, err := filepath.Glob(hierarchy + "*" + c.name + "*")
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) > 0 {
			t.Errorf("cgroups are left: %v", groups)
		}
	}
}
