package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// namespaces are what a cluster does not share with the machine. The user namespace is shared: kubelet, containerd and
// runc need to be root for cgroups and mounts.
const namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// Command prepares the first process of a sandbox. The caller starts it from a thread that lives as long as it does
// (process.Group's rule): the kernel then kills this process when the caller dies, and with process 1 of a pid namespace
// it kills everything in it; the mounts, interfaces, routes and iptables rules go with the last process.
func Command(self string, args ...string) *exec.Cmd {
	cmd := exec.Command(self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: namespaces,
		Pdeathsig:  syscall.SIGKILL,
		// A session of its own: Ctrl-C in the terminal goes to the supervisor alone, which then ends the sandbox.
		Setsid: true,
	}
	return cmd
}

// ExplainStart says what to do about a sandbox that could not be started.
func ExplainStart(err error) string {
	switch {
	case errors.Is(err, syscall.EPERM):
		return "creating namespaces is not permitted here: run as root outside of a restricted container, or use --no-sandbox --nodes 0"
	case errors.Is(err, syscall.EINVAL):
		return "this kernel lacks a namespace type (pid, mount, net, uts, ipc): use --no-sandbox --nodes 0"
	case errors.Is(err, syscall.ENOSPC):
		return "the limit of namespaces is reached: see /proc/sys/user/max_*_namespaces"
	default:
		return "use --no-sandbox --nodes 0 to go on without real nodes"
	}
}

// RunInit is process 1 of the sandbox: it runs the command, collects orphans, and ends when the command ends. It does
// nothing else, because a process that collects every child cannot also use os/exec, which waits for its own.
func RunInit(command []string, extra int) (int, error) {
	files := make([]uintptr, 0, 3+extra)
	for fd := range 3 + extra {
		files = append(files, uintptr(fd))
	}
	// Signals are for the engine; process 1 ignores what it has no handler for, and the runtime's handlers would end it.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	pid, err := syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: files,
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 1, fmt.Errorf("starting %s: %w", command[0], err)
	}
	for fd := 3; fd < 3+extra; fd++ {
		_ = syscall.Close(fd)
	}
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("waiting for %s: %w", command[0], err)
		case ended == pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case ended == pid:
			return status.ExitStatus(), nil
		}
	}
}
