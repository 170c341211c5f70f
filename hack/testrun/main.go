// Command testrun runs `go test -json` for one section of the tests and shows it the way a person wants to read it: a line
// per package as go test prints it, the output of what failed, what is still running, and a closing line with counts.
//
//	testrun -section unit [-totals FILE] [-dir DIR] [-v] -- GO-TEST-ARGUMENTS
//	testrun -report FILE
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	section := flag.String("section", "tests", "name of the section in headings and in the summary")
	dir := flag.String("dir", ".", "folder to run go test in")
	totals := flag.String("totals", "", "file to append the section's counts to; without it they are the closing line")
	verbose := flag.Bool("v", false, "show each top-level test as it ends")
	report := flag.String("report", "", "print the summary of a totals file and nothing else")
	flag.Parse()

	if *report != "" {
		exit(printReport(os.Stdout, *report))
	}
	// go test gets the terminal's interrupt too: wait for it, so that tests clean up and their counts are shown.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	signal.Ignore(os.Interrupt)
	exit(runSection(ctx, os.Stdout, *section, *dir, *totals, *verbose, flag.Args()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runSection runs go test and fails when a test failed, when go test did, and when nothing ran at all: a pattern that
// matches nothing is a mistake and not a success.
func runSection(ctx context.Context, out io.Writer, section, dir, totals string, verbose bool, args []string) error {
	started := time.Now()
	fmt.Fprintf(out, "==> %s\n", section)
	r := newRecorder(out, verbose)
	testErr := goTest(ctx, dir, args, r)
	counts := r.finish()
	counts.Section, counts.Seconds = section, time.Since(started).Seconds()
	if testErr != nil && counts.Failed == 0 {
		counts.Failed++ // go test failed without a package to blame, such as a pattern it could not resolve
	}
	r.printSlowest()
	if totals == "" {
		fmt.Fprintf(out, "%s took %.0fs\n%s\n", section, counts.Seconds, counts)
	} else {
		fmt.Fprintf(out, "%s: %s\n", section, counts)
		if err := appendCounts(totals, counts); err != nil {
			return err
		}
	}
	switch {
	case testErr != nil:
		return fmt.Errorf("section %s: %w", section, testErr)
	case counts.Failed > 0:
		return fmt.Errorf("section %s: %d failed", section, counts.Failed)
	case counts.Passed == 0:
		return fmt.Errorf("section %s: no test passed: is the pattern right?", section)
	}
	return nil
}

func goTest(ctx context.Context, dir string, args []string, r *recorder) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("piping go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	readErr := follow(stdout, r, time.NewTicker(time.Minute))
	return errors.Join(cmd.Wait(), readErr)
}

// follow feeds the recorder until the stream ends, and has it tell once a tick what is still running.
func follow(stream io.Reader, r *recorder, ticker *time.Ticker) error {
	defer ticker.Stop()
	lines, done := make(chan []byte), make(chan error, 1)
	go func() {
		defer close(lines)
		reader := bufio.NewReader(stream)
		for {
			line, err := reader.ReadBytes('\n')
			if len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				done <- err
				return
			}
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return <-done
			}
			r.line(line)
		case now := <-ticker.C:
			r.printRunning(now)
		}
	}
}

// line takes one line of the stream. What is no event is printed: the go command itself was speaking.
func (r *recorder) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s", line)
		return
	}
	r.record(e)
}
