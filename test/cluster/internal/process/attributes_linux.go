package process

import "syscall"

// attributes makes the kernel kill the program when the one that started it is gone, however it went.
func attributes(own bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if own {
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS
	}
	return attr
}
