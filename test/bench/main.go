// Command bench measures the operator against a real API server and prints a table. Figures are not tests: nothing here
// is too slow or too large. A measurement that fails leaves the rows of the others alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// timeout bounds the whole run; with -full, the cold runs are part of it.
const timeout = 3 * time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	only := flag.String("only", "", "comma-separated names of what to measure besides the start, of: size, edits, idle, imagestreams, successor, commands; start alone measures nothing else; empty measures all")
	verbose := flag.Bool("v", false, "print every request of the start")
	all := flag.Bool("full", false, "also time cold runs of make run and make test, and a warm make test: an hour and a half")
	storages := flag.Bool("storages", false, "measure nothing but how long each kind of storage takes to be emptied and how often its cloud is asked; with the servers' programs in the environment")
	flag.Parse()
	measure := func() error { return run(ctx, *only, *all, *verbose) }
	if *storages {
		measure = func() error { return ofStorages(ctx) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figure is one row of the table. The reference's figures were measured in a cluster like this, on 2 cores.
type figure struct{ name, reference, ours string }

func run(ctx context.Context, only string, all, verbose bool) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, verbose: verbose}
	defer b.end(ctx)
	var figures []figure
	var failures []error
	for _, m := range b.measurements() {
		why := ""
		switch {
		case m.full && !all:
			why = "not measured (FULL=1)"
		case only != "" && !m.always && !m.full && !slices.Contains(strings.Split(only, ","), m.name):
			why = "not measured (-only)"
		}
		var found []string
		if why == "" {
			if found, err = m.measure(ctx); err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", m.name, err))
				why = "failed"
			}
		}
		figures = append(figures, m.figures(found, why)...)
	}
	table(figures)
	return errors.Join(failures...)
}

// measurement is a group of rows.
type measurement struct {
	name string
	// full is measured with -full only, always whatever -only says: the others need it.
	full, always bool
	rows         []row
	// measure returns the values of the rows, in their order; of those before the one that fails.
	measure func(context.Context) ([]string, error)
}

// row is a figure without ours.
type row struct{ name, reference string }

// figures are all rows of a measurement, those without a value with why there is none.
func (m measurement) figures(found []string, why string) []figure {
	figures := make([]figure, 0, len(m.rows))
	for i, r := range m.rows {
		ours := why
		if i < len(found) {
			ours = found[i]
		}
		figures = append(figures, figure{r.name, r.reference, ours})
	}
	return figures
}

func (b *bench) measurements() []measurement {
	return []measurement{
		{name: "size", measure: b.size, rows: []row{{"binary, static and stripped", "107 MB (seven backends)"}}},
		{name: "cluster", always: true, measure: b.up, rows: []row{{"cluster up, without real nodes", ""}}},
		{name: "start", always: true, measure: b.start, rows: []row{
			{"start to created deployment", "1.4 s"},
			{"  requests, without watches", "47"},
			{"  watches held", "28"},
			{"start to available", ""},
			{"  requests, without watches", ""},
			{"  watches held", "29"},
		}},
		{name: "edits", measure: b.edits, rows: []row{
			{fmt.Sprintf("edit to updated deployment, registry at rest, median of %d", edits), "1,553 ms"},
			{"  99th percentile", ""},
			{"  from the API server's answer to the edit, median", ""},
			{"  edits in a row, median", ""},
			{"  edits in a row, 99th percentile", ""},
		}},
		{name: "idle", measure: b.idle, rows: []row{{"requests in two minutes of steady state", "9"}, {"memory (RSS), idle", "100 MB"}}},
		{name: "imagestreams", measure: b.imageStreams, rows: []row{
			{fmt.Sprintf("memory (RSS) with %d image streams of %d tags", streams, tags), "239 MB"},
			{"  peak while a new operator reads them", ""},
			{"  of an operator that saw them come", ""},
		}},
		{name: "successor", measure: b.successor, rows: []row{{"SIGTERM to the successor leading", ""}}},
		{name: "commands", measure: b.commands, rows: []row{{"cluster up, one real node, warm", ""}, {"make run, warm", ""}}},
		{name: "full", full: true, measure: b.full, rows: []row{{"make run, cold", ""}, {"make test, cold", ""}, {"make test, warm", ""}}},
	}
}

func table(figures []figure) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "figure\treference\tours")
	for _, f := range figures {
		fmt.Fprintf(out, "%s\t%s\t%s\n", f.name, f.reference, f.ours)
	}
	_ = out.Flush()
}
