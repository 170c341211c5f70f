package run

import (
	"os/exec"
	"regexp"
	"testing"
)

// TestSmallDisk: the disk of the build cache is looked at before anything is built, not only that of the clusters.
func TestSmallDisk(t *testing.T) {
	c := newCommands(t, "disk")
	cache := t.TempDir()
	// A mount namespace of its own, in which the build cache has a disk of its own.
	run := startCommand(t, exec.Command("unshare", "--mount", "sh", "-c", `mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"`, cache,
		"make", "run", "NAME="+c.name), "GOCACHE="+cache, "CLUSTER_HOME="+t.TempDir())
	if run.wait(t) == nil {
		t.Errorf("it builds with 8 MiB for the build cache:\n%s", run.text())
	}
	run.mustShow(t, regexp.MustCompile(`error: \S*`+regexp.QuoteMeta(cache)+`\S*: 8 MiB of free disk space, \d{4} are needed`),
		regexp.MustCompile(`cure: .* GOCACHE=/another/folder`))
}
