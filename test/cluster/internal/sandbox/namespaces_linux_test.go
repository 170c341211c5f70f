package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestExplainStart(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a container without the right", syscall.EPERM, "run as root outside of a restricted container"},
		{"a kernel without a type of namespace", syscall.EINVAL, "this kernel lacks a namespace type (pid, mount, net, uts, ipc)"},
		{"too many namespaces", syscall.ENOSPC, "/proc/sys/user/max_*_namespaces"},
		{"anything else", syscall.EAGAIN, "to go on without real nodes"},
		{"an error of another kind", errors.New("no such program"), "to go on without real nodes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// As the start of a process returns it, wrapped once more.
			err := fmt.Errorf("starting the engine: %w", &os.PathError{Op: "fork/exec", Path: "cluster", Err: c.err})
			if got := ExplainStart(err); !strings.Contains(got, c.want) {
				t.Errorf("%v is explained with %q, want %q", err, got, c.want)
			}
		})
	}
}
