package operator

import (
	"context"
	"time"

	"k8s.io/client-go/tools/cache"
)

const (
	// syncedLook is how often we look whether caches have synced. The library looks ten times a second and does so in
	// several places of a start, where it cost more than all requests together.
	syncedLook = 5 * time.Millisecond
	// syncedHead is how long the controllers wait for all caches before each waits for its own, at the library's pace and
	// as long as it takes.
	syncedHead = 2 * time.Second
)

// synced waits until the caches have synced, and tells whether they have before the context ended.
func synced(ctx context.Context, caches ...cache.InformerSynced) bool {
	look := time.NewTicker(syncedLook)
	defer look.Stop()
	for _, hasSynced := range caches {
		for !hasSynced() {
			select {
			case <-ctx.Done():
				return false
			case <-look.C:
			}
		}
	}
	return true
}

// headStart gives all caches that somebody waits for a moment to fill.
func (i *informerSet) headStart(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, syncedHead)
	defer cancel()
	var caches []cache.InformerSynced
	for _, row := range i.table {
		if !row.optional {
			caches = append(caches, row.informer.HasSynced)
		}
	}
	synced(ctx, caches...)
}
