package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// reader pulls images, one after the other, until it is stopped. Every pull has to succeed.
type reader struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	lock   sync.Mutex
	pulls  int
	failed []string
	// marked is how many pulls there were at the last mark.
	marked int
}

// image is one that was pushed.
type image struct{ repository, digest string }

const (
	// readBatch is how many images one process pulls: to start it costs more than a pull.
	readBatch = 20
	// readPause is the time between two pulls. Without one they take half of the machine.
	readPause = 200 * time.Millisecond
)

// startReader begins to pull; what fails is reported by stop.
func startReader(t *testing.T, images []image) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{cancel: cancel}
	r.running.Go(func() {
		for next := 0; ctx.Err() == nil; next++ {
			first := images[next*readBatch%len(images)]
			r.read(ctx, first.repository, digestsFrom(images, first))
		}
	})
	t.Cleanup(func() { r.cancel(); r.running.Wait() })
	return r
}

// digestsFrom are those of a batch of images of a repository, from one on and around.
func digestsFrom(images []image, first image) []string {
	var own []string
	begin := 0
	for _, one := range images {
		if one == first {
			begin = len(own)
		}
		if one.repository == first.repository {
			own = append(own, one.digest)
		}
	}
	batch := make([]string, 0, readBatch)
	for i := range readBatch {
		batch = append(batch, own[(begin+i)%len(own)])
	}
	return batch
}

// read pulls a batch. The process prints a line for each image and ends with the first that fails.
func (r *reader) read(ctx context.Context, repository string, digests []string) {
	out, err := cluster.Driver(ctx, "image", append([]string{"pull", "--pause", readPause.String(), repository}, digests...)...)
	pulled := 0
	for line := range strings.Lines(out) {
		if _, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil {
			pulled++
		}
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.pulls += pulled
	if err != nil && ctx.Err() == nil {
		r.pulls++
		r.failed = append(r.failed, fmt.Sprintf("%s of %s, after %d that succeeded: %v", digests[min(pulled, len(digests)-1)], repository, r.pulls-1, err))
	}
}

// mark fails the test if nothing was pulled since the last mark: reads went on through every step, not only through the first.
func (r *reader) mark(t *testing.T, step string) {
	t.Helper()
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.pulls == r.marked {
		t.Errorf("nothing was pulled during %s", step)
	}
	r.marked = r.pulls
}

// stop ends the reader, and the test if a pull has failed.
func (r *reader) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	r.running.Wait()
	t.Logf("%d pulls, %d failed", r.pulls, len(r.failed))
	for _, failure := range r.failed[:min(len(r.failed), 10)] {
		t.Error(failure)
	}
}
