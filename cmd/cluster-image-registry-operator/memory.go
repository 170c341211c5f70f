package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"k8s.io/klog/v2"
)

const (
	// gcPercent trades a little CPU, of which the operator uses next to none, for memory, of which every cluster gives it
	// some for ever: the heap may grow by half of what is live, not by all of it. GOGC overrides it.
	gcPercent = 50
	// giveBackPeriod is how often free memory goes back to the system. The runtime keeps a share of what it has used for
	// when it is used again: an operator is large for a moment, when it starts, and then idle for days. Each time costs a
	// collection, some milliseconds.
	giveBackPeriod = time.Minute
)

// saveMemory keeps the process small until the context ends.
func saveMemory(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ticker := time.NewTicker(giveBackPeriod)
	go func() {
		defer ticker.Stop()
		giveBack(ctx, ticker.C)
	}()
}

// giveBack gives free memory back at each tick, and at the first one, when the start is over, the code that only the start
// ran: a third of it.
func giveBack(ctx context.Context, ticks <-chan time.Time) {
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			debug.FreeOSMemory()
		}
		if !first {
			continue
		}
		if err := unmapCode(); err != nil {
			klog.V(2).Infof("The code that only the start needed stays mapped: %v", err)
		}
	}
}
