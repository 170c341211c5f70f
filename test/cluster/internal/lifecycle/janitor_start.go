package lifecycle

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// janitor is the supervisor's end of the janitor.
type janitor struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	// lost is closed when the janitor has ended, result then holds how.
	lost   chan struct{}
	result error
}

// startJanitor starts the process that cleans up. It inherits the open lock, which is free only when both are gone.
func startJanitor(self string, p Paths, lockFile *os.File) (*janitor, error) {
	log, err := os.OpenFile(p.join("logs", "janitor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the janitor's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(self, "janitor", "--home", p.Home, "--name", p.Name)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lockFile}
	// A session of its own: Ctrl-C in the terminal, or the end of the terminal, is not for the one who tidies up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the janitor's input: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the janitor: %w", err)
	}
	j := &janitor{cmd: cmd, input: input, lost: make(chan struct{})}
	go func() {
		j.result = cmd.Wait()
		close(j.lost)
	}()
	return j, nil
}

// watch tells the janitor which process group to wait for.
func (j *janitor) watch(group int) error {
	if _, err := fmt.Fprintln(j.input, group); err != nil {
		return fmt.Errorf("telling the janitor about the engine: %w", err)
	}
	return nil
}

// finish lets the janitor clean up and waits until it has.
func (j *janitor) finish() error {
	_ = j.input.Close()
	<-j.lost
	return j.result
}
