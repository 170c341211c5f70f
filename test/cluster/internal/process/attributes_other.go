//go:build !linux

package process

import "syscall"

// DieWithStarter has nothing to offer elsewhere, as attributes.
func DieWithStarter() *syscall.SysProcAttr { return attributes(false) }

// attributes has nothing to offer elsewhere: there the janitor kills the process group when the supervisor is gone.
func attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
