// Command bench measures the operator against a real API server and prints a table. Figures are not tests: nothing here
// passes or fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
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
	flag.Parse()
	if err := run(ctx, *only, *all, *verbose); err != nil {
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
	warm := time.Now()
	cluster, err := library.Start(ctx, fmt.Sprintf("bench-%d", os.Getpid()), "--nodes", "0", "--simulated", "3", "--platform", "AWS")
	if err != nil {
		return err
	}
	defer func() {
		if err := cluster.Stop(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(os.Stderr, "bench: stopping the cluster:", err)
		}
	}()
	figures := []figure{{"cluster up, without real nodes", "", time.Since(warm).Round(100 * time.Millisecond).String()}}
	if err := cluster.Deploy(ctx, "--manifests", "manifests", "--version", "4.22.0-bench"); err != nil {
		return err
	}
	if err := cluster.UntilServiceAccount(ctx, names.OperatorNamespace, names.OperatorDeployment); err != nil {
		return err
	}
	b := &bench{cluster: cluster, dir: dir, verbose: verbose}
	defer b.stop()
	for _, m := range b.measurements(all) {
		// The others need a started operator.
		if only != "" && m.name != "start" && m.name != "full" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		found, err := m.measure(ctx)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	table(figures)
	return nil
}

// measurement is a group of rows.
type measurement struct {
	name    string
	measure func(context.Context) ([]figure, error)
}

func (b *bench) measurements(all bool) []measurement {
	list := []measurement{
		{"size", b.size},
		{"start", b.start},
		{"edits", b.edits},
		{"idle", b.idle},
		{"imagestreams", b.imageStreams},
		{"successor", b.successor},
		{"commands", b.commands},
	}
	if all {
		list = append(list, measurement{"full", b.full})
	}
	return list
}

func table(figures []figure) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "figure\treference\tours")
	for _, f := range figures {
		fmt.Fprintf(out, "%s\t%s\t%s\n", f.name, f.reference, f.ours)
	}
	_ = out.Flush()
}
