package swift

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// settleDelay is how long to give the cloud before another try at a container that it does not believe to be empty:
// listings and the containers' own counts lag behind deletions.
const settleDelay = 5 * time.Second

// Remove implements storage.Backend. One call deletes a bounded number of objects, or the empty container.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	if !b.given {
		return b.gone(), nil
	}
	found, err := b.look(ctx)
	if err != nil {
		return storage.Progress{}, b.failure(ctx, "looking for "+b.where(), err, operatorv1.ConditionUnknown, reasonUnknown)
	}
	if !found.exists {
		return b.gone(), nil
	}
	if !b.ours(found) {
		return storage.Progress{}, b.notOwned(found)
	}
	left, err := b.empty(ctx, found.versions)
	if err != nil {
		return storage.Progress{}, b.failure(ctx, "emptying "+b.where(), err, operatorv1.ConditionUnknown, reasonUnknown)
	}
	if left.objects > 0 {
		return b.progress(fmt.Sprintf("emptying %s: %s", b.where(), left)), nil
	}
	return b.delete(ctx)
}

func (b *backend) notOwned(found presence) error {
	why := "it does not carry the metadata " + headerMark
	if found.mark != "" {
		why = fmt.Sprintf("its metadata %s names %s", headerMark, found.mark)
	}
	return storage.NotOwned(fmt.Sprintf("%s is not deleted: nothing proves that it was made for this cluster: %s; "+
		"to keep it set spec.storage.managementState to Unmanaged, to have it deleted set that metadata to %s", b.where(), why, b.cluster))
}

// delete deletes the empty container.
func (b *backend) delete(ctx context.Context) (storage.Progress, error) {
	klog.InfoS("deleting storage", "kind", storage.Swift, "container", b.container)
	_, err := b.do(ctx, http.MethodDelete, url.PathEscape(b.container), gophercloud.RequestOpts{
		OkCodes: []int{http.StatusNoContent, http.StatusNotFound},
	})
	switch {
	case status(err) == http.StatusConflict:
		progress := b.progress(b.where() + " is not empty yet")
		progress.RetryAfter = settleDelay
		return progress, nil
	case err != nil:
		return storage.Progress{}, b.failure(ctx, "deleting "+b.where(), err, operatorv1.ConditionUnknown, reasonUnknown)
	}
	return b.gone(), nil
}

func (b *backend) progress(message string) storage.Progress {
	return storage.Progress{Message: message, Conditions: []operatorv1.OperatorCondition{
		*b.condition(operatorv1.ConditionTrue, reasonExists, message),
	}}
}

func (b *backend) gone() storage.Progress {
	return storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{
		*b.condition(operatorv1.ConditionFalse, reasonDeleted, b.where()+" is deleted"),
	}}
}
