package lifecycle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long the janitor waits for killed processes to be gone. A process in a system call that cannot be
// interrupted takes its time.
const patience = 20 * time.Second

// RunJanitor waits until its input ends, which it does when the supervisor is gone in whatever way, and then removes
// what is left. The input names the process group of the engine, which the kernel has been told to kill as well.
func RunJanitor(p Paths, input io.Reader) error {
	var group int
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		if n, err := strconv.Atoi(strings.TrimSpace(lines.Text())); err == nil {
			group = n
		}
	}
	return errors.Join(endGroup(group), cleanUp(p))
}

// endGroup kills the engine's process group and waits for it to be gone. The engine's process is process 1 of the
// sandbox where there is one, and that is gone only when all the others in there are.
func endGroup(group int) error {
	if group <= 1 {
		return nil
	}
	deadline := time.Now().Add(patience)
	for groupAlive(group) {
		if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("killing process group %d: %w", group, err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for process group %d to end: still there after %s", group, patience)
		}
		<-time.After(10 * time.Millisecond)
	}
	return nil
}

// endEarlierEngine ends what is left of a run whose supervisor and janitor are both gone. The number may belong to
// somebody else by now, so the process has to say by its command line that it is the engine. One that is just dying has
// none any more; it is waited for, which harms nobody.
func endEarlierEngine(p Paths) error {
	data, err := os.ReadFile(p.enginePID())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading which engine ran: %w", err)
	}
	group, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return fmt.Errorf("reading which engine ran: %w", err)
	}
	if command := commandLine(group); command != "" && !strings.Contains(command, p.engineConfig()) {
		return nil
	}
	return endGroup(group)
}

// cleanUp removes everything of a run but what explains it: logs, audit log, certificates.
func cleanUp(p Paths) error {
	failed := []error{os.RemoveAll(p.State()), removeCgroups(p.Name), os.RemoveAll(p.enginePID())}
	for _, dir := range p.volatile() {
		failed = append(failed, os.RemoveAll(dir))
	}
	return errors.Join(failed...)
}
