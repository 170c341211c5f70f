package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// Down ends a cluster and returns when nothing of it is left. It looks itself: supervisor and janitor may both have been
// killed, before or after this was called.
func Down(p Paths, out io.Writer) error {
	how := "is not running"
	l, err := tryLock(p)
	if errors.Is(err, errLocked) {
		how = "is down"
		l, err = endSupervisor(p)
	}
	if err != nil {
		return err
	}
	defer l.release()
	if err := errors.Join(endEarlierEngine(p), cleanUp(p)); err != nil {
		return Cure(fmt.Errorf("cleaning up after cluster %s: %w", p.Name, err), "see which processes use "+p.Dir+", end them and try again")
	}
	fmt.Fprintf(out, "cluster %s %s\n", p.Name, how)
	return nil
}

// endSupervisor asks the supervisor to end, and makes it if it does not, and returns the lock that it held.
func endSupervisor(p Paths) (*lock, error) {
	pid := holder(p)
	if pid <= 1 {
		return nil, Cure(fmt.Errorf("cluster %s is locked by an unknown process", p.Name), "find it with `fuser "+p.lock()+"` and end it")
	}
	// The kernel then kills the sandbox, and the janitor tidies up.
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, fmt.Errorf("sending %v to process %d of cluster %s: %w", signal, pid, p.Name, err)
		}
		if l, err := waitFree(p, 2*patience); err == nil {
			return l, nil
		}
	}
	return nil, Cure(fmt.Errorf("waiting for cluster %s to end: it is still running", p.Name), "see "+p.logs()+"/janitor.log")
}
