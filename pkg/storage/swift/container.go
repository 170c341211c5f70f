package swift

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// The mark of a container of ours, and the other metadata it has carried ever since.
const (
	headerMark = "X-Container-Meta-Openshiftclusterid"
	headerName = "X-Container-Meta-Name"
)

// headerVersions is there when the container keeps, or has kept, old versions of its objects.
const headerVersions = "X-Versions-Enabled"

// presence is what a look at the container finds.
type presence struct {
	exists, versions bool
	// mark is the cluster that the container says it was made for.
	mark string
}

// look asks for the container. Its error is that of the call.
func (b *backend) look(ctx context.Context) (presence, error) {
	header, err := b.do(ctx, http.MethodHead, url.PathEscape(b.container), gophercloud.RequestOpts{
		OkCodes: []int{http.StatusOK, http.StatusNoContent},
	})
	if status(err) == http.StatusNotFound {
		return presence{}, nil
	}
	return presence{exists: err == nil, versions: header.Get(headerVersions) != "", mark: header.Get(headerMark)}, err
}

// ours tells whether the container was made for this cluster by this operator.
func (b *backend) ours(p presence) bool {
	return b.in.Created || p.mark != "" && p.mark == b.cluster
}

func (b *backend) where() string { return "Swift container " + b.container }

// Plan implements storage.Backend.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	if !b.given {
		return plan, nil
	}
	found, err := b.look(ctx)
	if err != nil {
		return storage.Plan{}, b.failure(ctx, "looking for "+b.where(), err, operatorv1.ConditionUnknown, reasonUnknown)
	}
	plan.Exists = found.exists
	if !found.exists {
		plan.Condition = b.condition(operatorv1.ConditionFalse, reasonAbsent, b.where()+" does not exist")
		return plan, nil
	}
	plan.Condition = b.exists()
	if !b.ours(found) {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	return plan, nil
}

// Ensure implements storage.Backend.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	result := storage.Result{Coordinates: b.coordinates(), Facts: b.access.facts()}
	found, err := b.look(ctx)
	if err != nil {
		return storage.Result{}, b.failure(ctx, "looking for "+b.where(), err, operatorv1.ConditionFalse, reasonUnchecked)
	}
	if found.exists {
		// The same words as the check has: others would be written over with the first check.
		result.Conditions = []operatorv1.OperatorCondition{*b.exists()}
		return result, nil
	}
	if result.Created, err = b.create(ctx); err != nil {
		return storage.Result{}, b.failure(ctx, "creating "+b.where(), err, operatorv1.ConditionFalse, reasonNotCreated)
	}
	result.Conditions = []operatorv1.OperatorCondition{
		*b.condition(operatorv1.ConditionTrue, reasonCreated, b.where()+" was created"),
	}
	return result, nil
}

// create makes the container with its mark, in one call: there is no moment at which it exists without.
func (b *backend) create(ctx context.Context) (created bool, err error) {
	klog.InfoS("creating storage", "kind", storage.Swift, "container", b.container)
	_, err = b.do(ctx, http.MethodPut, url.PathEscape(b.container), gophercloud.RequestOpts{
		MoreHeaders: map[string]string{headerMark: b.cluster, headerName: b.container},
		OkCodes:     []int{http.StatusCreated},
	})
	if status(err) == http.StatusAccepted {
		// It has appeared since we looked.
		return false, nil
	}
	return err == nil, err
}

func (b *backend) exists() *operatorv1.OperatorCondition {
	return b.condition(operatorv1.ConditionTrue, reasonExists, b.where()+" exists")
}

func (b *backend) condition(state operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: names.StorageExists, Status: state, Reason: reason, Message: message}
}
