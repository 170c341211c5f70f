package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Reasons of StorageExists.
const (
	reasonExists  = "S3 Bucket Exists"
	reasonCreated = "Creation Successful"
	reasonTaken   = "Unable to Access Bucket"
	reasonDeleted = "S3 Bucket Deleted"
	reasonWaiting = "ResourceNotReady"
)

// settleDelay is how long to give the cloud before looking again for a bucket just made or deleted.
const settleDelay = 5 * time.Second

// presence is what HEAD says about the bucket.
type presence int

const (
	absent presence = iota
	present
	// forbidden is a bucket that is there, but refuses us: somebody else's, or a right is missing.
	forbidden
)

// look asks for the bucket; the error is a *storage.Error or that of a cancelled context.
func (b *backend) look(ctx context.Context) (presence, *operatorv1.OperatorCondition, error) {
	_, err := do(ctx, b, b.client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.config.Bucket})
	action := "looking for " + b.config.where()
	switch {
	case err == nil:
		return present, condition(names.StorageExists, operatorv1.ConditionTrue, reasonExists, b.config.where()+" exists"), nil
	case cancelled(ctx):
		return absent, nil, fmt.Errorf("%s: %w", action, ctx.Err())
	case isCode(err, codeNotFound, codeNoSuchBucket):
		return absent, condition(names.StorageExists, operatorv1.ConditionFalse, code(err), b.config.where()+" does not exist"), nil
	case isCode(err, codeForbidden):
		return b.diagnose(ctx, action)
	}
	failure := b.failure(action, err, operatorv1.ConditionUnknown)
	if !fromSTS(err) {
		failure.Status, failure.ConditionReason = operatorv1.ConditionUnknown, storage.UnknownError
	}
	if isCode(err, "BadRequest") {
		// Expired tokens answer like this, and HEAD has no room to say so.
		if found, c, diagnosis := b.diagnose(ctx, action); diagnosis != nil || found == absent {
			return found, c, diagnosis
		}
	}
	return absent, nil, failure
}

// diagnose finds out why HEAD was refused, with a call whose answer has room for a reason. Wrong credentials must not
// look like a bucket that is not there: the next step would be to create it.
func (b *backend) diagnose(ctx context.Context, action string) (presence, *operatorv1.OperatorCondition, error) {
	_, err := do(ctx, b, b.client.GetBucketLocation, &s3.GetBucketLocationInput{Bucket: &b.config.Bucket})
	switch {
	case cancelled(ctx):
		return absent, nil, fmt.Errorf("%s: %w", action, ctx.Err())
	case isCode(err, codeNoSuchBucket):
		return absent, condition(names.StorageExists, operatorv1.ConditionFalse, codeNoSuchBucket, b.config.where()+" does not exist"), nil
	case isCode(err, aboutCredentials...):
		return absent, nil, b.failure(action, err, operatorv1.ConditionFalse)
	}
	return forbidden, condition(names.StorageExists, operatorv1.ConditionFalse, codeForbidden,
		fmt.Sprintf("%s refuses access with the credentials of secret %s", b.config.where(), b.secret)), nil
}

// Plan implements storage.Backend.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	if !b.given {
		return plan, nil
	}
	found, seen, err := b.look(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	plan.Exists, plan.Condition = found == present, seen
	if found == absent || !b.in.Decide {
		return plan, nil
	}
	ours, err := b.madeHere(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	if !ours {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	return plan, nil
}

// madeHere tells whether a bucket that was given by name is in fact the one that this operator makes.
func (b *backend) madeHere(ctx context.Context) (bool, error) {
	if b.in.Created {
		return true, nil
	}
	if !b.nameGenerated() {
		return false, nil
	}
	tags, err := b.tags(ctx)
	if err != nil {
		if cancelled(ctx) || mayPass(err) {
			return false, b.failure("reading the tags of "+b.config.where(), err, operatorv1.ConditionUnknown)
		}
		return false, nil
	}
	return tags[b.ownerTag()] == owned, nil
}

func (b *backend) nameGenerated() bool {
	return b.config.Bucket == storage.DeterministicName(b.cluster.infrastructure, b.config.Region)
}

// Ensure implements storage.Backend.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	result := storage.Result{Facts: storage.Facts{factCredentials: []byte(b.text)}}
	found, seen, err := b.look(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	if found != present {
		if result.Created, err = b.create(ctx); err != nil {
			return storage.Result{}, err
		}
		seen = condition(names.StorageExists, operatorv1.ConditionTrue, reasonCreated, b.config.where()+" was created")
		settled, err := b.settled(ctx)
		if err != nil {
			return result, err
		}
		if !settled {
			result.RetryAfter = settleDelay
			result.Conditions = []operatorv1.OperatorCondition{*condition(names.StorageExists, operatorv1.ConditionFalse, reasonWaiting,
				b.config.where()+" was created and does not show up yet")}
			return result, nil
		}
	}
	result.Conditions = []operatorv1.OperatorCondition{*seen}
	if b.in.Managed {
		if err := b.applyDefaults(ctx, &result); err != nil {
			return result, err
		}
	}
	result.Coordinates = b.coordinates()
	return result, nil
}

// create makes the bucket. Created is reported only for what this call, or an earlier one under the generated name,
// has made.
func (b *backend) create(ctx context.Context) (created bool, err error) {
	in := &s3.CreateBucketInput{Bucket: &b.config.Bucket}
	if b.config.Region != "us-east-1" {
		// The SDK sends none by itself, and without it the bucket ends up in us-east-1 or is refused.
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.config.Region)}
	}
	klog.InfoS("creating storage", "kind", storage.S3, "bucket", b.config.Bucket, "region", b.config.Region)
	_, err = do(ctx, b, b.client.CreateBucket, in)
	action := "creating " + b.config.where()
	switch {
	case err == nil:
		return true, nil
	case cancelled(ctx):
		return false, fmt.Errorf("%s: %w", action, ctx.Err())
	case isCode(err, "BucketAlreadyOwnedByYou"):
		return b.nameGenerated(), nil
	case isCode(err, "BucketAlreadyExists"):
		return false, &storage.Error{
			Status: operatorv1.ConditionFalse, ConditionReason: reasonTaken, Code: code(err), Err: err,
			Message: fmt.Sprintf("%s: the name is taken by another account; choose another in spec.storage.s3.bucket", action),
		}
	}
	return false, b.failure(action, err, operatorv1.ConditionFalse)
}

// settled tells whether a bucket just made can be seen. Refusals and redirects count: somebody answers for it.
func (b *backend) settled(ctx context.Context) (bool, error) {
	_, err := do(ctx, b, b.client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.config.Bucket})
	switch {
	case err == nil, isCode(err, codeForbidden, codeRegion):
		return true, nil
	case isCode(err, codeNotFound, codeNoSuchBucket):
		return false, nil
	}
	return false, b.failure("waiting for "+b.config.where(), err, operatorv1.ConditionFalse)
}

func condition(conditionType string, status operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}
