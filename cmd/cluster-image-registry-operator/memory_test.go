package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// The collector is off here, so that nothing but the tick can free what is garbage.
func TestFreeMemoryGoesBackAtEachTick(t *testing.T) {
	previous := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(previous) })
	ctx, stop := context.WithCancel(t.Context())
	ticks, ended := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(ended)
		giveBack(ctx, ticks)
	}()
	const size = 64 << 20
	for range 2 {
		fill(size)
		before := released()
		ticks <- time.Now()
		// The second one is taken when the first has been dealt with.
		ticks <- time.Now()
		if back := released() - before; back < size/2 {
			t.Errorf("%d bytes of %d went back", back, size)
		}
	}
	stop()
	<-ended
}

// fill makes garbage and touches it, or the kernel would not have given it.
func fill(size int) {
	garbage := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
}

func released() int {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapReleased)
}
