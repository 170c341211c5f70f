//go:build !linux

package lifecycle

import (
	"context"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

func removeCgroups(string) error { return nil }

func sandboxCommand(self string, args ...string) *exec.Cmd { return exec.Command(self, args...) }

func explainStart(error) string { return "" }

func loadFilesystem(context.Context, string) {}

// RunInit needs Linux.
func RunInit([]string) (int, error) { return 1, errNeedsLinux }

// ImportImage needs Linux.
func ImportImage(context.Context, io.Reader) error { return errNeedsLinux }

// groupAlive tells whether a process group exists.
func groupAlive(group int) bool { return syscall.Kill(-group, 0) == nil }

// commandLine is how a process was called; empty when it is gone.
func commandLine(pid int) string {
	output, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(output)
}
