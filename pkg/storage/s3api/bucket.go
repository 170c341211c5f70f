// Package s3api is what the storages that speak the S3 protocol have in common: one bucket, looked for, made, filled,
// emptied in bounded steps and deleted, and the codes of the protocol turned into conditions.
package s3api

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Reasons of StorageExists that do not depend on whose S3 it is.
const (
	ReasonCreated = "Creation Successful"
	ReasonTaken   = "Unable to Access Bucket"
	ReasonWaiting = "ResourceNotReady"
)

// SettleDelay is how long to give the cloud before looking again for a bucket just made or deleted.
const SettleDelay = 5 * time.Second

// Bucket is one bucket.
type Bucket struct {
	Kind   storage.Kind
	Client *s3.Client
	Name   string
	// Location is the location constraint of a new bucket; empty for none.
	Location string
	// Where names the bucket and its server in messages, and Secret where the credentials are from.
	Where, Secret string
	// Field is the field of Config with the name of the bucket, for messages.
	Field string
	// Compatible tells that the server is not Amazon's own.
	Compatible bool
	// CallTimeout bounds one call with its retries, StepObjects is about how many objects one step of Empty deletes.
	CallTimeout time.Duration
	StepObjects int
	// ReasonExists and ReasonDeleted are the reasons of StorageExists.
	ReasonExists, ReasonDeleted string
	// Explain says what a failure means and what to do about it. It is the same text for the same fault each time: request
	// ids and local ports would rewrite the condition with every retry.
	Explain func(error) string
}

// Presence is what HEAD says about the bucket.
type Presence int

// Forbidden is a bucket that is there, but refuses us: somebody else's, or a right is missing.
const (
	Absent Presence = iota
	Present
	Forbidden
)

// Look asks for the bucket; the error is a *storage.Error or that of a cancelled context.
func (b *Bucket) Look(ctx context.Context) (Presence, *operatorv1.OperatorCondition, error) {
	_, err := Do(ctx, b.CallTimeout, b.Client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.Name})
	action := "looking for " + b.Where
	switch {
	case err == nil:
		return Present, b.Exists(), nil
	case transport.Cancelled(ctx):
		return Absent, nil, fmt.Errorf("%s: %w", action, ctx.Err())
	case IsCode(err, CodeNotFound, CodeNoSuchBucket):
		return Absent, Condition(names.StorageExists, operatorv1.ConditionFalse, Code(err), b.Where+" does not exist"), nil
	case IsCode(err, CodeForbidden):
		return b.diagnose(ctx, action)
	}
	failure := b.Failure(action, err, operatorv1.ConditionUnknown)
	if !FromSTS(err) {
		failure.Status, failure.ConditionReason = operatorv1.ConditionUnknown, storage.UnknownError
	}
	if IsCode(err, "BadRequest") {
		// Expired tokens answer like this, and HEAD has no room to say so.
		if found, c, diagnosis := b.diagnose(ctx, action); diagnosis != nil || found == Absent {
			return found, c, diagnosis
		}
	}
	return Absent, nil, failure
}

// Exists is the condition of a bucket that is there.
func (b *Bucket) Exists() *operatorv1.OperatorCondition {
	return Condition(names.StorageExists, operatorv1.ConditionTrue, b.ReasonExists, b.Where+" exists")
}

// diagnose finds out why HEAD was refused, with a call whose answer has room for a reason. Wrong credentials must not
// look like a bucket that is not there: the next step would be to create it.
func (b *Bucket) diagnose(ctx context.Context, action string) (Presence, *operatorv1.OperatorCondition, error) {
	_, err := Do(ctx, b.CallTimeout, b.Client.GetBucketLocation, &s3.GetBucketLocationInput{Bucket: &b.Name})
	switch {
	case transport.Cancelled(ctx):
		return Absent, nil, fmt.Errorf("%s: %w", action, ctx.Err())
	case IsCode(err, CodeNoSuchBucket):
		return Absent, Condition(names.StorageExists, operatorv1.ConditionFalse, CodeNoSuchBucket, b.Where+" does not exist"), nil
	case AboutCredentials(err):
		return Absent, nil, b.Failure(action, err, operatorv1.ConditionFalse)
	}
	return Forbidden, Condition(names.StorageExists, operatorv1.ConditionFalse, CodeForbidden,
		fmt.Sprintf("%s refuses access with the credentials of secret %s", b.Where, b.Secret)), nil
}

// Create makes the bucket. existed tells that it was there already and is our account's.
func (b *Bucket) Create(ctx context.Context) (existed bool, err error) {
	in := &s3.CreateBucketInput{Bucket: &b.Name}
	if b.Location != "" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.Location)}
	}
	klog.InfoS("creating storage", "kind", b.Kind, "bucket", b.Name, "location", b.Location)
	_, err = Do(ctx, b.CallTimeout, b.Client.CreateBucket, in)
	action := "creating " + b.Where
	switch {
	case err == nil:
		return false, nil
	case transport.Cancelled(ctx):
		return false, fmt.Errorf("%s: %w", action, ctx.Err())
	case IsCode(err, "BucketAlreadyOwnedByYou"):
		return true, nil
	case IsCode(err, "BucketAlreadyExists"):
		return false, &storage.Error{
			Status: operatorv1.ConditionFalse, ConditionReason: ReasonTaken, Code: Code(err), Err: err,
			Message: fmt.Sprintf("%s: the name is taken by another account; choose another in %s", action, b.Field),
		}
	}
	return false, b.Failure(action, err, operatorv1.ConditionFalse)
}

// Settled tells whether a bucket just made can be seen. Refusals and redirects count: somebody answers for it.
func (b *Bucket) Settled(ctx context.Context) (bool, error) {
	_, err := Do(ctx, b.CallTimeout, b.Client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.Name})
	switch {
	case err == nil, IsCode(err, CodeForbidden, CodeRegion):
		return true, nil
	case IsCode(err, CodeNotFound, CodeNoSuchBucket):
		return false, nil
	}
	return false, b.Failure("waiting for "+b.Where, err, operatorv1.ConditionFalse)
}

// Unsettled is the condition of a bucket that was made and does not show up.
func (b *Bucket) Unsettled() operatorv1.OperatorCondition {
	return *Condition(names.StorageExists, operatorv1.ConditionFalse, ReasonWaiting, b.Where+" was created and does not show up yet")
}

// Delete deletes the empty bucket and looks whether it is gone.
func (b *Bucket) Delete(ctx context.Context, left Leftover) (storage.Progress, error) {
	klog.InfoS("deleting storage", "kind", b.Kind, "bucket", b.Name)
	_, err := Do(ctx, b.CallTimeout, b.Client.DeleteBucket, &s3.DeleteBucketInput{Bucket: &b.Name})
	action := "deleting " + b.Where
	switch {
	case IsCode(err, CodeNoSuchBucket):
		return b.Gone(), nil
	case IsCode(err, "BucketNotEmpty") && !left.plain:
		// Listings may lag behind deletions, and a pod that is still ending may have written.
		progress := b.Progress(b.Where + " is not empty yet")
		progress.RetryAfter = SettleDelay
		return progress, nil
	case IsCode(err, "BucketNotEmpty"):
		failure := b.Failure(action, err, operatorv1.ConditionUnknown)
		failure.Message += "; it holds object versions that the credentials of secret " + b.Secret +
			" may not list (s3:ListBucketVersions, s3:DeleteObjectVersion): grant these rights or empty the bucket"
		return storage.Progress{}, failure
	case err != nil:
		return storage.Progress{}, b.Removing(ctx, action, err, operatorv1.ConditionUnknown)
	}
	_, err = Do(ctx, b.CallTimeout, b.Client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.Name})
	switch {
	case IsCode(err, CodeNotFound, CodeNoSuchBucket):
		return b.Gone(), nil
	case err != nil && !IsCode(err, CodeForbidden, CodeRegion):
		return storage.Progress{}, b.Removing(ctx, "waiting for the end of "+b.Where, err, operatorv1.ConditionTrue)
	}
	progress := b.Progress(b.Where + " is deleted and still shows up")
	progress.RetryAfter = SettleDelay
	return progress, nil
}

// Step does a step of the removal of a bucket that may be deleted: it empties it, or deletes it once it is empty.
func (b *Bucket) Step(ctx context.Context) (storage.Progress, error) {
	left, err := b.Empty(ctx)
	if err != nil {
		return storage.Progress{}, b.Removing(ctx, "emptying "+b.Where, err, operatorv1.ConditionUnknown)
	}
	if left.Some() {
		return b.Progress(fmt.Sprintf("emptying %s: %s", b.Where, left)), nil
	}
	return b.Delete(ctx, left)
}

// Removing makes the error of a step of the removal.
func (b *Bucket) Removing(ctx context.Context, action string, err error, status operatorv1.ConditionStatus) error {
	if transport.Cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	return b.Failure(action, err, status)
}

// Progress says how far a removal has come.
func (b *Bucket) Progress(message string) storage.Progress {
	return storage.Progress{Message: message, Conditions: []operatorv1.OperatorCondition{
		*Condition(names.StorageExists, operatorv1.ConditionTrue, b.ReasonExists, message),
	}}
}

// Gone is the end of a removal.
func (b *Bucket) Gone() storage.Progress {
	return storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{
		*Condition(names.StorageExists, operatorv1.ConditionFalse, b.ReasonDeleted, b.Where+" is deleted"),
	}}
}

// Condition makes a condition.
func Condition(conditionType string, status operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}
