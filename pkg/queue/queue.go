// Package queue has what the queue of library-go's controller factory lacks: a name filter that lets deletions
// through, and a bounded back-off.
package queue

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"github.com/openshift/library-go/pkg/controller/factory"
)

const (
	firstRetry = 100 * time.Millisecond
	// longestRetry bounds the back-off, so that the end of an outage is noticed soon. The factory's own limiter
	// grows to a quarter of an hour.
	longestRetry = 2 * time.Minute
)

// Names is an event filter that passes objects with one of the names. Unlike factory.NamesFilter it looks into
// tombstones, so a deletion that the watch missed is not lost. Register it once per informer: the factory drops a
// second filter made by the same function for the same informer.
func Names(names ...string) factory.EventFilterFunc {
	return func(obj any) bool {
		if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = tombstone.Obj
		}
		object, ok := obj.(metav1.Object)
		return ok && slices.Contains(names, object.GetName())
	}
}

// Retrying returns a sync function that repeats after an error, with a back-off of at most two minutes. It logs the
// error and returns nil, which keeps the factory from counting the failure on its own, much slower limiter.
func Retrying(name string, sync factory.SyncFunc) factory.SyncFunc {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, longestRetry)
	sync = Observed(name, sync)
	return func(ctx context.Context, syncCtx factory.SyncContext) error {
		key := syncCtx.QueueKey()
		err := sync(ctx, syncCtx)
		if err == nil {
			limiter.Forget(key)
			return nil
		}
		delay := limiter.When(key)
		if apierrors.IsConflict(err) {
			// The cache was behind: ordinary, and cured by the event that is on its way.
			klog.V(4).InfoS("sync met a newer object", "controller", name, "retryAfter", delay, "reason", err.Error())
		} else {
			klog.ErrorS(err, "sync", "controller", name, "retryAfter", delay)
		}
		syncCtx.Queue().AddAfter(key, delay)
		return nil
	}
}
