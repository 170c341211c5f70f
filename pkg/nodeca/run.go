package nodeca

import (
	"context"
	"strings"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// interval is how often a pass is made though nothing seems to have happened: somebody may have edited the node's files.
const interval = time.Minute

// Run makes passes until the context ends: one at once, one when the source changes, and one every minute.
func Run(ctx context.Context, folders Folders, clock clock.WithTicker) {
	changes, err := watch(ctx, folders.Source)
	if err != nil {
		klog.ErrorS(err, "looking every minute only", "folder", folders.Source)
	}
	ticker := clock.NewTicker(interval)
	defer ticker.Stop()
	for log := (&passLog{}); ; {
		log.tell(folders.Pass())
		select {
		case <-ctx.Done():
			klog.Info("shutting down node-ca")
			return
		case <-ticker.C():
		case <-changes:
		}
	}
}

// passLog tells of passes, and of one that found nothing new only to those who want to know.
type passLog struct {
	told bool
	last string
}

func (l *passLog) tell(result Result, err error) {
	counts := []any{"copied", len(result.Written), "skipped", len(result.Unchanged), "trimmed", len(result.Removed)}
	if err != nil {
		klog.ErrorS(err, "not all certificates are in place")
		if result.Changed() {
			klog.InfoS("some certificates were changed", append(counts, "written", result.Written, "removed", result.Removed)...)
		}
		// The next pass without an error is news.
		l.told = false
		return
	}
	ignored := strings.Join(result.Ignored, ",")
	if !l.told || result.Changed() || l.last != ignored {
		l.told, l.last = true, ignored
		klog.InfoS("certificates are in place", append(counts, "written", result.Written, "removed", result.Removed, "keysThatNameNoRegistry", result.Ignored)...)
		return
	}
	klog.V(4).InfoS("nothing to do", counts...)
}
