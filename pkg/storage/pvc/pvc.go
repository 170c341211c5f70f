// Package pvc serves storage in a PersistentVolumeClaim of the operator's namespace.
//
// Claim: named by the administrator, or image-registry-storage, which is made when it is absent and marked with the
// annotation imageregistry.openshift.io. Only a marked claim is ever deleted.
//
// Condition: StorageExists.
package pvc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Reasons of StorageExists.
const (
	reasonExists       = "PVC Exists"
	reasonCreated      = "PVC Created"
	reasonMissing      = "PVC does not exist"
	reasonForeign      = "PVC Already Exists"
	reasonCreateFailed = "Creation Failed"
	reasonIssues       = "PVC Issues Found"
)

// size is what the default claim asks for.
const size = "100Gi"

// removalDelay is when to look again whether a deleted claim is gone.
const removalDelay = 5 * time.Second

// Deps are what the driver needs beside Inputs.
type Deps struct {
	// Claims of the operator's namespace, read from cache and written live.
	Lister corev1listers.PersistentVolumeClaimNamespaceLister
	Client corev1client.PersistentVolumeClaimInterface
}

// Driver describes storage in a claim.
func Driver(deps Deps) storage.Driver {
	return storage.Driver{
		Kind:       storage.PVC,
		Configured: func(c *storage.Coordinates) bool { return c.PVC != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			b := &backend{Deps: deps, in: in, name: identity(&in.Coordinates)}
			b.given = b.name != ""
			if !b.given {
				b.name = names.DefaultClaim
			}
			return b, nil
		},
		Settings: settings,
		CABundle: func(storage.Inputs) (storage.CABundle, error) { return storage.CABundle{}, nil },
		Identity: identity,
		Observed: func(in storage.Inputs) string { return observed(deps, in) },
	}
}

func identity(c *storage.Coordinates) string {
	if c.PVC == nil {
		return ""
	}
	return c.PVC.Claim
}

func settings(coordinates storage.Coordinates, _ storage.Facts) (storage.Settings, error) {
	claim := identity(&coordinates)
	if claim == "" {
		return storage.Settings{}, errors.New("coordinates name no claim")
	}
	return storage.FilesystemSettings(corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}), nil
}

// observed changes with the claim and with what decides whether it can be mounted, so that the controller looks again.
func observed(deps Deps, in storage.Inputs) string {
	name := identity(&in.Coordinates)
	if name == "" {
		name = names.DefaultClaim
	}
	claim, err := deps.Lister.Get(name)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %s %v %t %d %s", claim.UID, claim.Status.Phase, claim.Spec.AccessModes, claim.DeletionTimestamp != nil,
		in.Replicas, in.RolloutStrategy)
}

type backend struct {
	Deps
	in    storage.Inputs
	name  string
	given bool
}

// Plan implements storage.Backend.
func (b *backend) Plan(context.Context) (storage.Plan, error) {
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	claim, err := b.Lister.Get(b.name)
	switch {
	case apierrors.IsNotFound(err):
		return plan, b.mayCreate()
	case err != nil:
		return storage.Plan{}, b.unknown(err)
	case !b.given && !marked(claim):
		return storage.Plan{}, b.fail(reasonForeign, fmt.Sprintf(
			"claim %s exists and was not made by this operator; to use it name it in spec.storage.pvc.claim", b.path()))
	}
	if b.given {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	plan.Exists, plan.Condition = true, b.exists(claim)
	return plan, b.checkAccess(claim.Spec.AccessModes)
}

// mayCreate tells whether an absent claim is ours to make: the default one is, even when its name is given, as it is
// left in spec when the storage is removed.
func (b *backend) mayCreate() error {
	if b.name == names.DefaultClaim {
		return nil
	}
	return b.fail(reasonIssues, fmt.Sprintf("claim %s does not exist; create it, or empty spec.storage.pvc.claim to have one made", b.path()))
}

// Ensure implements storage.Backend.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	result := storage.Result{Coordinates: b.coordinates()}
	claim, err := b.Lister.Get(b.name)
	switch {
	case apierrors.IsNotFound(err):
		if err := b.mayCreate(); err != nil {
			return storage.Result{}, err
		}
		if err := b.create(ctx); err != nil {
			return storage.Result{}, err
		}
		result.Created = true
		result.Conditions = []operatorv1.OperatorCondition{*b.condition(operatorv1.ConditionTrue, reasonCreated, "claim "+b.path()+" was created")}
		return result, nil
	case err != nil:
		return storage.Result{}, b.unknown(err)
	}
	if err := b.checkAccess(claim.Spec.AccessModes); err != nil {
		return storage.Result{}, err
	}
	result.Conditions = []operatorv1.OperatorCondition{*b.exists(claim)}
	return result, nil
}

func (b *backend) create(ctx context.Context) error {
	klog.InfoS("creating storage", "kind", storage.PVC, "claim", b.path())
	_, err := b.Client.Create(ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:        b.name,
			Namespace:   names.OperatorNamespace,
			Annotations: map[string]string{names.OwnedAnnotation: "true"},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		// The cache was behind. Whether the claim is ours is decided when it has arrived there.
		return &storage.Error{Message: fmt.Sprintf("claim %s has just been created", b.path()), Err: err}
	}
	if err != nil {
		return b.fail(reasonCreateFailed, fmt.Sprintf(
			"creating claim %s: %v; make what refuses it admit the claim (a quota or an admission webhook), or name one of yours in spec.storage.pvc.claim",
			b.path(), err))
	}
	return nil
}

// checkAccess refuses a claim that the pods of a rollout cannot mount together.
func (b *backend) checkAccess(modes []corev1.PersistentVolumeAccessMode) error {
	switch {
	case slices.Contains(modes, corev1.ReadWriteMany):
		return nil
	case !slices.Contains(modes, corev1.ReadWriteOnce):
		return b.fail(reasonIssues, fmt.Sprintf("claim %s has access modes %v; it needs ReadWriteMany, or ReadWriteOnce with one replica", b.path(), modes))
	case b.in.Replicas > 1:
		return b.fail(reasonIssues, fmt.Sprintf(
			"claim %s is ReadWriteOnce and cannot be shared by %d replicas; set spec.replicas to 1 or use a ReadWriteMany claim", b.path(), b.in.Replicas))
	case b.in.RolloutStrategy != storage.Recreate:
		return b.fail(reasonIssues, fmt.Sprintf(
			"claim %s is ReadWriteOnce: old and new pod of a rollout cannot both mount it; set spec.rolloutStrategy to Recreate", b.path()))
	}
	return nil
}

// Remove implements storage.Backend.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	gone := storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{
		*b.condition(operatorv1.ConditionFalse, reasonMissing, "claim "+b.path()+" is deleted"),
	}}
	claim, err := b.Lister.Get(b.name)
	switch {
	case apierrors.IsNotFound(err) || !b.given:
		return gone, nil
	case err != nil:
		return storage.Progress{}, b.unknown(err)
	case !marked(claim) && !b.in.Created:
		return storage.Progress{}, storage.NotOwned(fmt.Sprintf("claim %s is not deleted: it was not made by this operator "+
			"(annotation %s); to keep it set spec.storage.managementState to Unmanaged, or delete it yourself", b.path(), names.OwnedAnnotation))
	case claim.DeletionTimestamp == nil:
		klog.InfoS("deleting storage", "kind", storage.PVC, "claim", b.path())
		err := b.Client.Delete(ctx, b.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &claim.UID}})
		if err != nil && !apierrors.IsNotFound(err) {
			return storage.Progress{}, b.unknown(fmt.Errorf("deleting: %w", err))
		}
	}
	// The watch brings the controller back when the claim is gone; the delay is for a watch that is behind.
	message := "claim " + b.path() + " is being deleted"
	return storage.Progress{Message: message, RetryAfter: removalDelay, Conditions: []operatorv1.OperatorCondition{
		*b.condition(operatorv1.ConditionTrue, reasonExists, message),
	}}, nil
}

func marked(claim *corev1.PersistentVolumeClaim) bool {
	_, found := claim.Annotations[names.OwnedAnnotation]
	return found
}

func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	c.PVC = &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: b.name}
	return c
}

func (b *backend) path() string { return names.OperatorNamespace + "/" + b.name }

func (b *backend) exists(claim *corev1.PersistentVolumeClaim) *operatorv1.OperatorCondition {
	message := "claim " + b.path() + " exists"
	if claim.Status.Phase != corev1.ClaimBound {
		message += ", but it is not bound to a volume yet"
	}
	return b.condition(operatorv1.ConditionTrue, reasonExists, message)
}

func (b *backend) condition(status operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: names.StorageExists, Status: status, Reason: reason, Message: message}
}

func (b *backend) fail(reason, message string) error {
	return &storage.Error{Status: operatorv1.ConditionFalse, ConditionReason: reason, Message: message}
}

func (b *backend) unknown(err error) error {
	return &storage.Error{
		Status:          operatorv1.ConditionUnknown,
		ConditionReason: "Unknown error occurred checking for volume claim " + b.name,
		Message:         fmt.Sprintf("claim %s: %v", b.path(), err),
		Err:             err,
	}
}
