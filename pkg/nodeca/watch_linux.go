package nodeca

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// watch returns a channel that gets a value after entries of the folder have changed. Values do not pile up: one that
// has not been taken stands for all that has happened since.
func watch(ctx context.Context, folder string) (<-chan struct{}, error) {
	// Not blocking, so that closing the file ends a read.
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making an inotify instance: %w", err)
	}
	const entries = syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_FROM | syscall.IN_MOVED_TO | syscall.IN_CLOSE_WRITE | syscall.IN_ONLYDIR
	if _, err := syscall.InotifyAddWatch(fd, folder, entries); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("watching %s: %w", folder, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	context.AfterFunc(ctx, func() { _ = events.Close() })
	changes := make(chan struct{}, 1)
	go func() {
		// What has happened does not matter, a pass looks at everything.
		buffer := make([]byte, 1<<16)
		for {
			if _, err := events.Read(buffer); err != nil {
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return changes, nil
}
