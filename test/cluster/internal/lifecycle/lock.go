package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lock is held by the supervisor and, through the same open file, by the janitor: when it is free, no process, cgroup or
// file of the cluster's run is left. It holds the supervisor's process id.
type lock struct{ file *os.File }

// errLocked says that somebody else has the lock.
var errLocked = errors.New("locked")

// tryLock takes the lock or returns errLocked.
func tryLock(p Paths) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(p.lock()), 0o755); err != nil {
		return nil, fmt.Errorf("creating the folder of the clusters: %w", err)
	}
	file, err := os.OpenFile(p.lock(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of cluster %s: %w", p.Name, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("locking cluster %s: %w", p.Name, err)
	}
	return &lock{file: file}, nil
}

// claim writes who holds the lock.
func (l *lock) claim() error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("clearing lock %s: %w", l.file.Name(), err)
	}
	if _, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("writing lock %s: %w", l.file.Name(), err)
	}
	return nil
}

func (l *lock) release() { _ = l.file.Close() }

// holder is the supervisor's process id, 0 when nobody wrote one.
func holder(p Paths) int {
	data, err := os.ReadFile(p.lock())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

// waitFree waits until nobody holds the lock, and takes it.
func waitFree(p Paths, limit time.Duration) (*lock, error) {
	deadline := time.Now().Add(limit)
	for {
		l, err := tryLock(p)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("waiting for cluster %s to end: still running after %s", p.Name, limit)
		}
		<-time.After(50 * time.Millisecond)
	}
}
