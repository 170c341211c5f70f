package process

import "syscall"

// DieWithStarter makes the kernel kill a command when the process is gone that has started it with StartLasting.
func DieWithStarter() *syscall.SysProcAttr { return attributes(false) }

// attributes makes the kernel kill the program when the one that started it is gone, however it went.
func attributes(own bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if own {
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS
	}
	return attr
}
