package apply

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

// Delete deletes the cached object in the foreground, so that it is seen until everything it made is gone. It does
// nothing for an object that is absent or on its way, and tells whether a call was made.
func Delete[T Object](ctx context.Context, client Client[T], kind Kind[T], live T) (bool, error) {
	var absent T
	if live == absent || live.GetDeletionTimestamp() != nil {
		return false, nil
	}
	uid := live.GetUID()
	err := client.Delete(ctx, live.GetName(), metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0),
		PropagationPolicy:  ptr.To(metav1.DeletePropagationForeground),
		// Somebody may have replaced the object since: then the cache is behind, and this is not the object we mean.
		Preconditions: &metav1.Preconditions{UID: &uid},
	})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return true, fmt.Errorf("deleting %s: %w", describe(kind.Name, live), err)
	}
	klog.InfoS("object deleted", "kind", kind.Name, "object", klog.KObj(live))
	return true, nil
}
