package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// counts are the outcome of one section: a line of the totals file.
type counts struct {
	Section string
	Passed  int
	Failed  int
	Skipped int
	// Flaky is how many of Passed failed first and passed when they were run again.
	Flaky   int
	Seconds float64
	// Words are what a reader of the summary must see: a line for each top-level test that failed, and what it said.
	Words []string
}

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

func appendCounts(file string, c counts) (err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding counts: %w", err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening totals: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing totals: %w", err)
	}
	return nil
}

// printReport prints a table of the sections, what failed, and, as the last line, their sum. It fails when anything failed and when
// nothing passed.
func printReport(out io.Writer, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading totals: %w", err)
	}
	var sum counts
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	var words []string
	fmt.Fprint(table, "SECTION\tPASSED\tFLAKY\tFAILED\tSKIPPED\tTIME\n")
	for line := range bytes.Lines(content) {
		var c counts
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("totals line %q: %w", line, err)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%.0fs\n", c.Section, c.Passed, c.Flaky, c.Failed, c.Skipped, c.Seconds)
		words = append(words, c.Words...)
		sum.Passed, sum.Failed, sum.Skipped = sum.Passed+c.Passed, sum.Failed+c.Failed, sum.Skipped+c.Skipped
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing totals: %w", err)
	}
	for _, line := range words {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out, sum)
	switch {
	case sum.Failed > 0:
		return fmt.Errorf("%d failed", sum.Failed)
	case sum.Passed == 0:
		return errors.New("no test passed")
	}
	return nil
}
