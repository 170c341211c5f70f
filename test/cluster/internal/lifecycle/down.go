package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// Down ends a cluster and returns when nothing of it is left.
func Down(p Paths, out io.Writer) error {
	l, err := tryLock(p)
	if err == nil {
		defer l.release()
		fmt.Fprintf(out, "cluster %s is not running\n", p.Name)
		// Whatever a run left whose supervisor and janitor were both killed.
		return errors.Join(endEarlierEngine(p), cleanUp(p))
	}
	if !errors.Is(err, errLocked) {
		return err
	}
	pid := holder(p)
	if pid <= 1 {
		return Cure(fmt.Errorf("cluster %s is locked by an unknown process", p.Name), "find it with `fuser "+p.lock()+"` and end it")
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("telling process %d to end cluster %s: %w", pid, p.Name, err)
	}
	if waitFree(p, patience) == nil {
		fmt.Fprintf(out, "cluster %s is down\n", p.Name)
		return nil
	}
	// The kernel then kills the sandbox, and the janitor tidies up.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing process %d of cluster %s: %w", pid, p.Name, err)
	}
	if err := waitFree(p, 2*patience); err != nil {
		return Cure(err, "see "+p.logs()+"/janitor.log")
	}
	fmt.Fprintf(out, "cluster %s is down (its supervisor had to be killed)\n", p.Name)
	return nil
}
