package lifecycle

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/node"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

func removeCgroups(name string) error { return sandbox.RemoveCgroups(name, patience) }

// sandboxCommand runs the engine behind process 1 of a new sandbox.
func sandboxCommand(self string, args ...string) *exec.Cmd { return sandbox.Command(self, args...) }

func explainStart(err error) string { return sandbox.ExplainStart(err) }

// loadFilesystem has the kernel load the module of a file system, as a mount would, or else by name. Whether it did shows
// in the kernel's list.
func loadFilesystem(ctx context.Context, name string) {
	if fd, err := unix.Fsopen(name, unix.FSOPEN_CLOEXEC); err == nil {
		_ = unix.Close(fd)
		return
	}
	if modprobe, err := exec.LookPath("modprobe"); err == nil {
		_ = exec.CommandContext(ctx, modprobe, name).Run()
	}
}

// RunInit is process 1 of a sandbox.
func RunInit(command []string) (int, error) { return sandbox.RunInit(command, sandboxFiles) }

// ImportImage loads an image tarball into the containerd of the node this process runs in.
func ImportImage(ctx context.Context, tarball io.Reader) error { return node.ImportFrom(ctx, tarball) }

// groupAlive tells whether a process group has a member that still runs. A zombie does not count: its parent may be a
// process 1 that collects nobody, as in many containers. But a process is shown as a zombie as soon as its first thread
// has ended, and process 1 of a sandbox waits in another one for all the others; so every thread is looked at.
func groupAlive(group int) bool {
	threads, err := filepath.Glob("/proc/[0-9]*/task/[0-9]*/stat")
	if err != nil {
		return false
	}
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // gone meanwhile
		}
		// The fields after the command, which may hold anything: state, parent, process group.
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// commandLine is how a process was called; empty when it is gone or going.
func commandLine(pid int) string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(data), "\x00", " ")
}
