package s3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
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
	if found == absent {
		return b.gone(), nil
	}
	if err := b.mayDelete(ctx); err != nil {
		return storage.Progress{}, err
	}
	left, err := b.empty(ctx)
	if err != nil {
		return storage.Progress{}, b.removing(ctx, "emptying "+b.config.where(), err, operatorv1.ConditionUnknown)
	}
	if left.some() {
		return b.progress(fmt.Sprintf("emptying %s: %s", b.config.where(), left)), nil
	}
	return b.delete(ctx, left)
}

// mayDelete proves that the bucket is ours: by our record of its creation, or by its tag.
func (b *backend) mayDelete(ctx context.Context) error {
	if b.in.Created {
		return nil
	}
	tags, err := b.tags(ctx)
	if err != nil && (cancelled(ctx) || mayPass(err) || isCode(err, aboutCredentials...)) {
		return b.removing(ctx, "reading the tags of "+b.config.where(), err, operatorv1.ConditionUnknown)
	}
	if err == nil && tags[b.ownerTag()] == owned {
		return nil
	}
	why := "it does not carry the tag " + b.ownerTag() + "=" + owned
	if err != nil {
		why = "its tags cannot be read (" + code(err) + ")"
	}
	return storage.NotOwned(fmt.Sprintf("%s is not deleted: nothing proves that it was made for this cluster: %s; "+
		"to keep it set spec.storage.managementState to Unmanaged, to have it deleted add the tag", b.config.where(), why))
}

// delete deletes the empty bucket and looks whether it is gone.
func (b *backend) delete(ctx context.Context, left leftover) (storage.Progress, error) {
	klog.InfoS("deleting storage", "kind", storage.S3, "bucket", b.config.Bucket, "region", b.config.Region)
	_, err := do(ctx, b, b.client.DeleteBucket, &s3.DeleteBucketInput{Bucket: &b.config.Bucket})
	action := "deleting " + b.config.where()
	switch {
	case isCode(err, codeNoSuchBucket):
		return b.gone(), nil
	case isCode(err, "BucketNotEmpty") && !left.plain:
		// Listings may lag behind deletions, and a pod that is still ending may have written.
		progress := b.progress(b.config.where() + " is not empty yet")
		progress.RetryAfter = settleDelay
		return progress, nil
	case isCode(err, "BucketNotEmpty"):
		failure := b.failure(action, err, operatorv1.ConditionUnknown)
		failure.Message += "; it holds object versions that the credentials of secret " + b.secret +
			" may not list (s3:ListBucketVersions, s3:DeleteObjectVersion): grant these rights or empty the bucket"
		return storage.Progress{}, failure
	case err != nil:
		return storage.Progress{}, b.removing(ctx, action, err, operatorv1.ConditionUnknown)
	}
	_, err = do(ctx, b, b.client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.config.Bucket})
	switch {
	case isCode(err, codeNotFound, codeNoSuchBucket):
		return b.gone(), nil
	case err != nil && !isCode(err, codeForbidden, codeRegion):
		return storage.Progress{}, b.removing(ctx, "waiting for the end of "+b.config.where(), err, operatorv1.ConditionTrue)
	}
	progress := b.progress(b.config.where() + " is deleted and still shows up")
	progress.RetryAfter = settleDelay
	return progress, nil
}

// removing makes the error of a step of the removal.
func (b *backend) removing(ctx context.Context, action string, err error, status operatorv1.ConditionStatus) error {
	if cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	return b.failure(action, err, status)
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
