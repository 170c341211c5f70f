//go:build !linux

package nodeca

import (
	"context"
	"errors"
)

// watch is for Linux, where the nodes are; elsewhere this package only has to build.
func watch(context.Context, string) (<-chan struct{}, error) {
	return nil, errors.ErrUnsupported
}
