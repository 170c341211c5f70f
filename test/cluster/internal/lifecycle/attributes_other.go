//go:build !linux

package lifecycle

import "syscall"

// hostAttributes are those of an engine without a sandbox: a process group of its own that can be killed as one.
func hostAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
