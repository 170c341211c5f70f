package ibmcos

import (
	"context"
	"fmt"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
)

// Remove implements storage.Backend. One call deletes a bounded number of objects, or the empty bucket. The service
// instance and its key stay.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	bucket := b.bucket()
	if b.config.Bucket == "" || b.config.ServiceInstanceCRN == "" {
		return bucket.Gone(), nil
	}
	if _, err := b.session.identify(ctx); err != nil {
		return storage.Progress{}, b.failure(ctx, "signing in at IBM Cloud", err)
	}
	found, _, err := b.look(ctx)
	if err != nil {
		return storage.Progress{}, err
	}
	if found == s3api.Absent {
		return bucket.Gone(), nil
	}
	ours, err := b.madeHere(ctx)
	if err != nil {
		return storage.Progress{}, err
	}
	if !ours {
		return storage.Progress{}, storage.NotOwned(fmt.Sprintf("%s is not deleted: nothing proves that it was made for this cluster: "+
			"its creation was not recorded and its service instance is not called %s; "+
			"set spec.storage.managementState to Unmanaged to keep it, or delete it yourself", b.where(), b.cluster.resourceName()))
	}
	return bucket.Step(ctx)
}
