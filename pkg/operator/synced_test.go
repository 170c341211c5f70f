package operator

import (
	"context"
	"sync/atomic"
	"testing"
)

func TestSynced(t *testing.T) {
	var first, second atomic.Bool
	result := make(chan bool, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { result <- synced(ctx, first.Load, second.Load) }()
	second.Store(true)
	select {
	case <-result:
		t.Fatal("did not wait for the first cache")
	default:
	}
	first.Store(true)
	if !<-result {
		t.Error("all have synced")
	}
	first.Store(false)
	go func() { result <- synced(ctx, first.Load) }()
	cancel()
	if <-result {
		t.Error("the context ended before")
	}
}
