package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Reasons of StorageExists.
const (
	reasonExists  = "GCS Bucket Exists"
	reasonCreated = "Creation Successful"
	reasonAbsent  = "Bucket does not exist"
	reasonDeleted = "GCS Bucket Deleted"
)

// look asks for the bucket's attributes; nil when there is no such bucket.
func (b *backend) look(ctx context.Context) (*bucket, *operatorv1.OperatorCondition, error) {
	found, err := b.client.getBucket(ctx, b.config.Bucket)
	switch {
	case err == nil:
		return found, b.exists(), nil
	case isStatus(err, http.StatusNotFound):
		return nil, condition(names.StorageExists, operatorv1.ConditionFalse, reasonAbsent, b.config.where()+" does not exist"), nil
	}
	failure := b.failed(ctx, "looking for "+b.config.where(), err, operatorv1.ConditionUnknown)
	var e *storage.Error
	if errors.As(failure, &e) && isStatus(err, http.StatusForbidden) {
		e.Message += " (storage.buckets.get), or if the bucket is another project's choose another in spec.storage.gcs.bucket"
	}
	return nil, nil, failure
}

func (b *backend) exists() *operatorv1.OperatorCondition {
	return condition(names.StorageExists, operatorv1.ConditionTrue, reasonExists, b.config.where()+" exists")
}

// Plan implements storage.Backend.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	if !b.given {
		return plan, nil
	}
	if slices.Contains(b.in.Look, names.StorageTagged) {
		missing, _, err := b.tagger(&bucket{}).missing(ctx)
		if err == nil {
			// Tags are in effect for what is there.
			plan.Exists, plan.Condition, plan.Drifted = true, b.exists(), driftOfTags(missing)
			return plan, nil
		}
		plan.Unread = !mayPass(err)
	}
	found, seen, err := b.look(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	plan.Exists, plan.Condition = found != nil, seen
	if found != nil {
		plan.Drifted = b.drifted(found)
	}
	if found != nil && !b.ours(found) {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	return plan, nil
}

// ours tells whether the bucket was made for this cluster: by our record, or by its mark.
func (b *backend) ours(found *bucket) bool {
	return b.in.Created || found.Labels[b.cluster.mark()] == owned
}

// Ensure implements storage.Backend.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	result := storage.Result{Facts: storage.Facts{userKey: b.credentials.text}}
	found, seen, err := b.look(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	if found == nil {
		if found, result.Created, err = b.create(ctx); err != nil {
			return storage.Result{}, err
		}
		if seen = b.exists(); result.Created {
			seen = condition(names.StorageExists, operatorv1.ConditionTrue, reasonCreated, b.config.where()+" was created")
		}
	}
	result.Conditions = []operatorv1.OperatorCondition{*seen}
	if b.in.Managed {
		if err := b.applyDefaults(ctx, found, &result); err != nil {
			return result, err
		}
	}
	result.Coordinates = b.coordinates()
	return result, nil
}

// create makes the bucket with all its settings in one call.
func (b *backend) create(ctx context.Context) (made *bucket, created bool, err error) {
	if err := b.config.mayCreate(); err != nil {
		return nil, false, err
	}
	want := bucket{Name: b.config.Bucket, Location: b.config.Region, Labels: b.cluster.wantedLabels()}
	if b.config.KeyID != "" {
		want.Encryption = &encryption{DefaultKMSKeyName: b.config.KeyID}
	}
	klog.InfoS("creating storage", "kind", storage.GCS, "bucket", b.config.Bucket, "region", b.config.Region, "project", b.config.ProjectID)
	made, err = b.insert(ctx, want)
	action := "creating " + b.config.where()
	switch {
	case err == nil:
		return made, true, nil
	case isStatus(err, http.StatusConflict):
		// An answer that was lost may have created it; what is there then is ours.
		if found, err := b.client.getBucket(ctx, b.config.Bucket); err == nil {
			return found, false, nil
		}
		failure := b.failed(ctx, action, err, operatorv1.ConditionFalse)
		var e *storage.Error
		if errors.As(failure, &e) {
			e.Message = fmt.Sprintf("%s: %s: the name is taken by another project; choose another in spec.storage.gcs.bucket", action, code(err))
		}
		return nil, false, failure
	}
	return nil, false, b.failed(ctx, action, err, operatorv1.ConditionFalse)
}

// insert asks for uniform access and against public access where that is permitted: an organisation may forbid either, and a
// bucket without them is still better than none.
func (b *backend) insert(ctx context.Context, want bucket) (made *bucket, err error) {
	uniform := &uniformAccess{Enabled: true}
	for _, access := range []*iamConfiguration{
		{PublicAccessPrevention: enforced, UniformBucketLevelAccess: uniform},
		{UniformBucketLevelAccess: uniform},
		nil,
	} {
		want.IAMConfiguration = access
		made, err = b.client.insertBucket(ctx, b.config.ProjectID, want)
		if !isStatus(err, http.StatusForbidden, http.StatusPreconditionFailed) {
			return made, err
		}
	}
	return made, err
}

func condition(conditionType string, status operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}
