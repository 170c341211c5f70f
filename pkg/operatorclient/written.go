package operatorclient

import (
	"strconv"
	"sync"
	"time"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
)

// lag is the longest time for which a cache may be behind our own writes. A cache that is behind for longer shows
// something else: the store was restored from a backup, and its versions begin again at an earlier number.
const lag = 10 * time.Second

// written is the newest answer to a write of this process, while the cache does not show it. All controllers share it:
// without it each of them would meet the writes of the others as conflicts, and repeat its own.
type written struct {
	mu     sync.Mutex
	config *imageregistryv1.Config
	at     time.Time
}

func (w *written) remember(config *imageregistryv1.Config, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.config == nil || w.config.UID != config.UID || later(config, w.config) {
		w.config, w.at = config, now
	}
}

// newer returns the later one of cached and what was written.
func (w *written) newer(cached *imageregistryv1.Config, now time.Time) *imageregistryv1.Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.config != nil && w.config.UID == cached.UID && later(w.config, cached) && now.Sub(w.at) < lag {
		return w.config
	}
	w.config = nil
	return cached
}

// later compares versions of one object. They are numbers that grow; one that is not cannot be compared.
func later(a, b *imageregistryv1.Config) bool {
	left, leftErr := strconv.ParseUint(a.ResourceVersion, 10, 64)
	right, rightErr := strconv.ParseUint(b.ResourceVersion, 10, 64)
	return leftErr == nil && rightErr == nil && left > right
}
