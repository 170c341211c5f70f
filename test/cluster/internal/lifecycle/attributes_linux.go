package lifecycle

import "syscall"

// hostAttributes are those of an engine without a sandbox: a session, and so a process group, of its own that can be
// killed as one, and death with the supervisor.
func hostAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}
