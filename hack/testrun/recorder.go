package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// event is what `go test -json` writes, see `go doc test2json`.
type event struct {
	Time        time.Time
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

type testID struct{ pkg, test string }

// isTopLevel tells a test from a subtest.
func (id testID) isTopLevel() bool { return !strings.Contains(id.test, "/") }

type result struct {
	action  string
	seconds float64
}

// recorder follows the events of one section.
type recorder struct {
	out     io.Writer
	verbose bool

	output  map[testID][]string // of tests that have not ended
	started map[testID]time.Time
	builds  map[string][]string
	results map[testID]result
	// words are what each top-level test that failed said, see remember.
	words map[testID][]string
	// failedPackages counts packages that failed without a failed test in them: build errors, TestMain, os.Exit.
	failedPackages int
}

func newRecorder(out io.Writer, verbose bool) *recorder {
	return &recorder{
		out: out, verbose: verbose,
		output:  map[testID][]string{},
		started: map[testID]time.Time{},
		builds:  map[string][]string{},
		results: map[testID]result{},
		words:   map[testID][]string{},
	}
}

func (r *recorder) record(e event) {
	switch e.Action {
	case "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
		return
	case "build-fail":
		fmt.Fprint(r.out, strings.Join(r.builds[e.ImportPath], ""))
		return
	}
	id := testID{e.Package, e.Test}
	switch {
	case e.Test == "":
		r.recordPackage(e)
	case e.Action == "run":
		r.started[id] = e.Time
	case e.Action == "output":
		r.output[id] = append(r.output[id], e.Output)
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		r.endTest(id, result{e.Action, e.Elapsed})
	}
}

func (r *recorder) endTest(id testID, res result) {
	r.results[id] = res
	switch {
	case res.action == "fail":
		fmt.Fprint(r.out, strings.Join(r.output[id], ""))
		r.remember(id)
	case res.action == "skip" && !r.verbose:
		fmt.Fprintf(r.out, "skip\t%s\t%s\n", id.test, skipReason(r.output[id]))
	case r.verbose && id.isTopLevel():
		fmt.Fprintf(r.out, "%s\t%s\t%.1fs\n", res.action, id.test, res.seconds)
	}
	delete(r.output, id)
	delete(r.started, id)
}

// own is a line that a test itself printed, with its place: the logs of others that it shows have none.
var own = regexp.MustCompile(`^\s+\w+\.go:\d+: `)

// remember keeps the words of a failed test under the name of its top-level test: its own lines, or, if it had none, because it
// died, the last ones.
func (r *recorder) remember(id testID) {
	const atMost, width = 8, 500
	var said, last []string
	for _, line := range r.output[id] {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "=== ") {
			continue
		}
		line = line[:min(len(line), width)]
		last = append(last, line)
		if own.MatchString(line) {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		said = last[max(0, len(last)-atMost):]
	}
	top := testID{id.pkg, topLevel(id.test)}
	words := append(r.words[top], said[:min(len(said), atMost)]...)
	r.words[top] = words[:min(len(words), 2*atMost)]
}

// topLevel is the name of the test that a subtest belongs to.
func topLevel(test string) string {
	name, _, _ := strings.Cut(test, "/")
	return name
}

// failed lists the top-level tests that failed, in the order of their names.
func (r *recorder) failed() []testID {
	var ids []testID
	for id := range r.words {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b testID) int { return strings.Compare(a.pkg+a.test, b.pkg+b.test) })
	return ids
}

// passed says that a test ran and passed.
func (r *recorder) passed(id testID) bool { return r.results[id].action == "pass" }

// skipReason is what the test said, without the frame go test puts around it.
func skipReason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

func (r *recorder) recordPackage(e event) {
	switch e.Action {
	case "output":
		if line := e.Output; line != "PASS\n" && line != "FAIL\n" && !strings.Contains(line, "[no test files]") {
			fmt.Fprint(r.out, line)
		}
	case "fail":
		r.failPackage(e.Package)
	}
}

// failPackage shows what its unfinished tests had said and counts the package itself when no test of it failed.
func (r *recorder) failPackage(pkg string) {
	blamed := false
	for id, res := range r.results {
		blamed = blamed || id.pkg == pkg && res.action == "fail"
	}
	for id, output := range r.output {
		if id.pkg == pkg {
			fmt.Fprint(r.out, strings.Join(output, ""))
			r.remember(id)
			delete(r.output, id)
			delete(r.started, id)
			r.results[id] = result{action: "fail"}
			blamed = true
		}
	}
	if !blamed {
		r.failedPackages++
	}
}

// finish counts the tests that have no subtests, and those that failed although all their subtests passed.
func (r *recorder) finish() counts {
	parents, failedInside := map[testID]bool{}, map[testID]bool{}
	for id, res := range r.results {
		for i, c := range id.test {
			if c == '/' {
				parent := testID{id.pkg, id.test[:i]}
				parents[parent] = true
				failedInside[parent] = failedInside[parent] || res.action == "fail"
			}
		}
	}
	c := counts{Failed: r.failedPackages}
	for id, res := range r.results {
		switch {
		case res.action == "fail" && !failedInside[id]:
			c.Failed++
		case parents[id]:
		case res.action == "pass":
			c.Passed++
		case res.action == "skip":
			c.Skipped++
		}
	}
	return c
}

func (r *recorder) printRunning(now time.Time) {
	var running []string
	for id, since := range r.started {
		if id.isTopLevel() {
			running = append(running, fmt.Sprintf("%s (%.0fs)", id.test, now.Sub(since).Seconds()))
		}
	}
	slices.Sort(running)
	if len(running) > 0 {
		fmt.Fprintf(r.out, "... still running: %s\n", strings.Join(running, ", "))
	}
}

// printSlowest names the top-level tests worth a look when the section should get faster.
func (r *recorder) printSlowest() {
	const worthALook, atMost = 5.0, 5
	var slow []testID
	for id, res := range r.results {
		if res.seconds >= worthALook && id.isTopLevel() {
			slow = append(slow, id)
		}
	}
	slices.SortFunc(slow, func(a, b testID) int { return int(100 * (r.results[b].seconds - r.results[a].seconds)) })
	for _, id := range slow[:min(len(slow), atMost)] {
		fmt.Fprintf(r.out, "slow\t%s\t%.1fs\n", id.test, r.results[id].seconds)
	}
}
