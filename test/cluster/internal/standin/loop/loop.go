// Package loop is the frame every stand-in runs in: one queue, one sync function, shared caches, and one way to complain.
package loop

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// Retries back off to this and no further: a person is watching, and the cause is usually being repaired by hand.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// SyncFunc brings what a key stands for to its desired state. An error is logged and retried with back-off.
type SyncFunc func(ctx context.Context, key string) error

// Controller feeds keys from informers to one sync function.
type Controller struct {
	name   string
	sync   SyncFunc
	queue  workqueue.TypedRateLimitingInterface[string]
	synced []cache.InformerSynced
}

// New makes a controller that has nothing to watch yet.
func New(name string, sync SyncFunc) *Controller {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)
	return &Controller{
		name:  name,
		sync:  sync,
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[string]{Name: name}),
	}
}

// Name is the controller's name, for logs.
func (c *Controller) Name() string { return c.name }

// Watch queues the keys that keysOf finds in every object added, changed or deleted. Both sides of a change are asked, so
// that what an object no longer refers to is looked at again too.
func (c *Controller) Watch(informer cache.SharedIndexInformer, keysOf func(obj any) []string) error {
	enqueue := func(obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		for _, key := range keysOf(obj) {
			c.queue.Add(key)
		}
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(before, after any) { enqueue(before); enqueue(after) },
		DeleteFunc: enqueue,
	})
	if err != nil {
		return fmt.Errorf("watching for %s: %w", c.name, err)
	}
	c.synced = append(c.synced, registration.HasSynced)
	return nil
}

// Add queues a key now.
func (c *Controller) Add(key string) { c.queue.Add(key) }

// AddAfter queues a key when the time has passed.
func (c *Controller) AddAfter(key string, after time.Duration) { c.queue.AddAfter(key, after) }

// Run works the queue with one worker until the context ends. It starts when the caches it watches are filled: before
// that, an object that is merely not listed yet would pass for a missing one.
func (c *Controller) Run(ctx context.Context) {
	defer runtime.HandleCrash()
	defer c.queue.ShutDown()
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return
	}
	klog.FromContext(ctx).V(2).Info("Stand-in started", "standin", c.name)
	stop := context.AfterFunc(ctx, c.queue.ShutDown)
	defer stop()
	for c.next(ctx) {
	}
}

func (c *Controller) next(ctx context.Context) bool {
	key, quit := c.queue.Get()
	if quit {
		return false
	}
	defer c.queue.Done(key)
	if err := c.sync(ctx, key); err != nil {
		switch {
		case ctx.Err() != nil:
		case apierrors.IsConflict(err):
			klog.V(2).InfoS("Stand-in saw an object that has changed since and tries again", "standin", c.name, "key", key)
		default:
			klog.ErrorS(err, "Stand-in could not do its work and tries again", "standin", c.name, "key", key)
		}
		c.queue.AddRateLimited(key)
		return true
	}
	c.queue.Forget(key)
	return true
}
