package gcs

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// settleDelay is how long to wait before deleting again a bucket into which something was written meanwhile.
	settleDelay = 5 * time.Second
	// countPages bounds how far the rest is counted, for the sake of the message.
	countPages = 10
	// parallel is how many objects are deleted at a time: there is no call that deletes many.
	parallel = 32
)

// Remove implements storage.Backend. One call deletes a bounded number of objects, or the empty bucket.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	if !b.given {
		return b.gone(), nil
	}
	found, _, err := b.look(ctx)
	if err != nil {
		return storage.Progress{}, err
	}
	if found == nil {
		return b.gone(), nil
	}
	if !b.ours(found) {
		return storage.Progress{}, storage.NotOwned(fmt.Sprintf(
			"%s is not deleted: nothing proves that it was made for this cluster: it does not carry the label %s=%s; "+
				"to keep it set spec.storage.managementState to Unmanaged, to have it deleted add the label",
			b.config.where(), b.cluster.mark(), owned))
	}
	left, err := b.empty(ctx)
	if err != nil {
		return storage.Progress{}, b.failed(ctx, "emptying "+b.config.where(), err, operatorv1.ConditionTrue)
	}
	if left != "" {
		return b.progress(fmt.Sprintf("emptying %s: %s", b.config.where(), left)), nil
	}
	return b.delete(ctx)
}

// empty deletes a bounded number of objects in all their generations and says what is left; nothing when the bucket is empty.
// Unfinished uploads need no care: those of the registry's kind cannot be listed, and end with the bucket.
func (b *backend) empty(ctx context.Context) (left string, err error) {
	var found []object
	page := ""
	for len(found) < b.options.StepObjects {
		out, err := b.client.listObjects(ctx, b.config.Bucket, "", page, true)
		if isStatus(err, http.StatusNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		found = append(found, out.Items...)
		if page = out.NextPageToken; page == "" {
			break
		}
	}
	if len(found) == 0 {
		return "", nil
	}
	if err := b.deleteObjects(ctx, found); err != nil {
		return "", err
	}
	return b.count(ctx)
}

// count says how many objects are left.
func (b *backend) count(ctx context.Context) (string, error) {
	objects, page := 0, ""
	for range countPages {
		out, err := b.client.listObjects(ctx, b.config.Bucket, "", page, true)
		if isStatus(err, http.StatusNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		objects += len(out.Items)
		if page = out.NextPageToken; page == "" {
			if objects == 0 {
				return "", nil
			}
			return fmt.Sprintf("%d objects left", objects), nil
		}
	}
	return fmt.Sprintf("more than %d objects left", objects), nil
}

// deleteObjects deletes a few objects at a time, and starts no other after a failure. Objects that are gone are none.
func (b *backend) deleteObjects(ctx context.Context, objects []object) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan object)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for o := range queue {
				if err := b.client.deleteObject(ctx, b.config.Bucket, o); err != nil && !isStatus(err, http.StatusNotFound) {
					stop(fmt.Errorf("object %s: %w", o.Name, err))
				}
			}
		})
	}
	for _, o := range objects {
		select {
		case queue <- o:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// delete deletes the empty bucket. Its absence is in effect with the answer.
func (b *backend) delete(ctx context.Context) (storage.Progress, error) {
	klog.InfoS("deleting storage", "kind", storage.GCS, "bucket", b.config.Bucket)
	err := b.client.deleteBucket(ctx, b.config.Bucket)
	switch {
	case err == nil, isStatus(err, http.StatusNotFound):
		return b.gone(), nil
	case isStatus(err, http.StatusConflict, http.StatusPreconditionFailed):
		// A pod that is still ending may have written.
		progress := b.progress(b.config.where() + " is not empty yet")
		progress.RetryAfter = settleDelay
		return progress, nil
	}
	return storage.Progress{}, b.failed(ctx, "deleting "+b.config.where(), err, operatorv1.ConditionTrue)
}

func (b *backend) progress(message string) storage.Progress {
	return storage.Progress{Message: message, Conditions: []operatorv1.OperatorCondition{
		*condition(names.StorageExists, operatorv1.ConditionTrue, reasonExists, message),
	}}
}

func (b *backend) gone() storage.Progress {
	return storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{
		*condition(names.StorageExists, operatorv1.ConditionFalse, reasonDeleted, b.config.where()+" is deleted"),
	}}
}
