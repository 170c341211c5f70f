//go:build !linux

package lifecycle

import (
	"context"
	"errors"
)

var errNeedsLinux = errors.New("real nodes and the sandbox need Linux")

func (e *engine) enterSandbox() error { return errNeedsLinux }

func (e *engine) startNode(context.Context, int, <-chan struct{}) error { return errNeedsLinux }

// RunNode needs Linux.
func RunNode(context.Context, string, string) error { return errNeedsLinux }
