//go:build !linux

package process

import "syscall"

// attributes has nothing to offer elsewhere: there the janitor kills the process group when the supervisor is gone.
func attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
