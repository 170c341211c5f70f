package imagestreams

import (
	"sync"

	"k8s.io/client-go/tools/cache"
)

// Counts are the tags of a cluster.
type Counts struct {
	// Platform are the tags in namespaces of the platform, Other those everywhere else.
	Platform, Other Tags
}

// Tags by where they come from.
type Tags struct{ Imported, Pushed int }

// Counter watches all image streams.
type Counter struct {
	informer cache.SharedIndexInformer
	start    sync.Once
	running  sync.WaitGroup
}

// NewCounter makes a counter; nothing is sent before Start.
func NewCounter(client *Client) *Counter { return &Counter{informer: client.newInformer()} }

// Informer is the watch behind the counter.
func (c *Counter) Informer() cache.SharedIndexInformer { return c.informer }

// Start starts watching until stop is closed, once.
func (c *Counter) Start(stop <-chan struct{}) {
	c.start.Do(func() { c.running.Go(func() { c.informer.Run(stop) }) })
}

// Shutdown waits for the end of the watch.
func (c *Counter) Shutdown() { c.running.Wait() }

// Count counts; false means that the streams are not known, because the API is absent or has not answered yet. It goes
// over a few numbers per stream, which is cheaper than keeping sums right through every kind of event.
func (c *Counter) Count() (Counts, bool) {
	var all Counts
	if !c.informer.HasSynced() {
		return all, false
	}
	for _, item := range c.informer.GetStore().List() {
		stream, ok := item.(*Stream)
		if !ok {
			continue
		}
		into := &all.Other
		if stream.platform() {
			into = &all.Platform
		}
		into.Imported += int(stream.imported)
		into.Pushed += int(stream.pushed)
	}
	return all, true
}
