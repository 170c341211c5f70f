// Command testrun runs `go test -json` for one section of the tests and shows it the way a person wants to read it: a line
// per package as go test prints it, the output of what failed, what is still running, and a closing line with counts.
//
//	testrun -section unit [-totals FILE] [-dir DIR] [-v] [-again [-final REGEXP]] -- GO-TEST-ARGUMENTS
//	testrun -report FILE
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	name := flag.String("section", "tests", "name of the section in headings and in the summary")
	dir := flag.String("dir", ".", "folder to run go test in")
	totals := flag.String("totals", "", "file to append the section's counts to; without it they are the closing line")
	verbose := flag.Bool("v", false, "show each top-level test as it ends")
	again := flag.Bool("again", false, "run a few failed tests once more; those that pass then are called flaky and do not fail the section")
	final := flag.String("final", "^$", "names of tests that -again does not run: those that judge the whole run")
	report := flag.String("report", "", "print the summary of a totals file and nothing else")
	flag.Parse()

	if *report != "" {
		exit(printReport(os.Stdout, *report))
	}
	// go test gets the terminal's interrupt too: wait for it, so that tests clean up and their counts are shown.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	signal.Ignore(os.Interrupt)
	finalNames, err := regexp.Compile(*final)
	if err != nil {
		exit(fmt.Errorf("-final: %w", err))
	}
	s := section{name: *name, dir: *dir, totals: *totals, verbose: *verbose, again: *again, final: finalNames, out: os.Stdout}
	exit(s.run(ctx, flag.Args()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// section is what the flags say about the tests to run.
type section struct {
	name, dir, totals string
	verbose, again    bool
	final             *regexp.Regexp
	out               io.Writer
}

// run runs go test and fails when a test failed, when go test did, and when nothing ran at all: a pattern that matches
// nothing is a mistake and not a success.
func (s section) run(ctx context.Context, args []string) error {
	started := time.Now()
	fmt.Fprintf(s.out, "==> %s\n", s.name)
	r := newRecorder(s.out, s.verbose)
	testErr := goTest(ctx, s.dir, args, r)
	counts := r.finish()
	counts.Section = s.name
	if testErr != nil && counts.Failed == 0 {
		counts.Failed++ // go test failed without a package to blame, such as a pattern it could not resolve
	}
	for _, id := range r.failed() {
		counts.Words = append(counts.Words, fmt.Sprintf("%s | failed: %s", s.name, id.test))
		for _, line := range r.words[id] {
			counts.Words = append(counts.Words, fmt.Sprintf("%s |   %s", s.name, line))
		}
	}
	if s.again && ctx.Err() == nil && s.flaky(ctx, args, r) {
		testErr = nil
		counts.Flaky = counts.Failed
		counts.Passed, counts.Failed = counts.Passed+counts.Failed, 0
		counts.Words = append(counts.Words, s.name+" | flaky: these passed when they were run again")
	}
	counts.Seconds = time.Since(started).Seconds()
	r.printSlowest()
	if err := s.close(counts); err != nil {
		return err
	}
	switch {
	case counts.Failed > 0:
		return fmt.Errorf("section %s: %w", s.name, cmp.Or(testErr, fmt.Errorf("%d failed", counts.Failed)))
	case counts.Passed == 0:
		return fmt.Errorf("section %s: no test passed: is the pattern right?", s.name)
	}
	return nil
}

// close prints or appends the section's counts.
func (s section) close(counts counts) error {
	if s.totals == "" {
		for _, line := range counts.Words {
			fmt.Fprintln(s.out, line)
		}
		fmt.Fprintf(s.out, "%s took %.0fs\n%s\n", s.name, counts.Seconds, counts)
		return nil
	}
	fmt.Fprintf(s.out, "%s: %s\n", s.name, counts)
	return appendCounts(s.totals, counts)
}

// flaky runs the failed tests once more and says whether they all pass then. Many failures are no accident, a package that
// failed without a test to blame cannot be asked again, and what judges the whole run would judge another one.
func (s section) flaky(ctx context.Context, args []string, r *recorder) bool {
	const atMost = 3
	failed := r.failed()
	if len(failed) == 0 || len(failed) > atMost || r.failedPackages > 0 {
		return false
	}
	var names []string
	for _, id := range failed {
		if s.final.MatchString(id.test) {
			return false
		}
		names = append(names, regexp.QuoteMeta(id.test))
	}
	fmt.Fprintf(s.out, "==> %s, what failed once more: %s\n", s.name, strings.Join(names, " "))
	second := newRecorder(s.out, s.verbose)
	if err := goTest(ctx, s.dir, picking("^("+strings.Join(names, "|")+")$", args), second); err != nil {
		return false
	}
	return !slices.ContainsFunc(failed, func(id testID) bool { return !second.passed(id) })
}

// picking is the arguments with another -run and nothing from go test's cache.
func picking(pattern string, args []string) []string {
	rest := slices.Clone(args)
	if i := slices.Index(rest, "-run"); i >= 0 {
		rest = slices.Delete(rest, i, i+2)
	}
	return append([]string{"-run", pattern, "-count=1"}, rest...)
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
