package s3

import (
	"context"
	"fmt"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Remove implements storage.Backend. One call deletes a bounded number of objects, or the empty bucket.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	if !b.given {
		return b.bucket.Gone(), nil
	}
	found, _, err := b.bucket.Look(ctx)
	if err != nil {
		return storage.Progress{}, err
	}
	if found == s3api.Absent {
		return b.bucket.Gone(), nil
	}
	if err := b.mayDelete(ctx); err != nil {
		return storage.Progress{}, err
	}
	return b.bucket.Step(ctx)
}

// mayDelete proves that the bucket is ours: by our record of its creation, or by its tag.
func (b *backend) mayDelete(ctx context.Context) error {
	if b.in.Created {
		return nil
	}
	tags, err := b.tags(ctx)
	if err != nil && (transport.Cancelled(ctx) || s3api.MayPass(err) || s3api.AboutCredentials(err)) {
		return b.bucket.Removing(ctx, "reading the tags of "+b.config.where(), err, operatorv1.ConditionUnknown)
	}
	if err == nil && tags[b.ownerTag()] == owned {
		return nil
	}
	why := "it does not carry the tag " + b.ownerTag() + "=" + owned
	if err != nil {
		why = "its tags cannot be read (" + s3api.Code(err) + ")"
	}
	return storage.NotOwned(fmt.Sprintf("%s is not deleted: nothing proves that it was made for this cluster: %s; "+
		"to keep it set spec.storage.managementState to Unmanaged, to have it deleted add the tag", b.config.where(), why))
}
