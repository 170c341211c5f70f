package swift

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gophercloud/gophercloud/v2"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// usable tells whether this OpenStack has object storage for us: an endpoint in the catalogue, and a listing of containers
// that is not refused. Credentials that are wrong, and a Keystone that does not answer, say nothing about that and are
// errors.
func usable(options Options, pool *pool) func(context.Context, storage.Inputs) (bool, error) {
	return func(ctx context.Context, in storage.Inputs) (bool, error) {
		in.Coordinates = storage.Coordinates{Swift: &imageregistryv1.ImageRegistryConfigStorageSwift{}}
		b, err := newBackend(in, options, pool)
		if err != nil {
			return false, err
		}
		_, err = b.do(ctx, http.MethodGet, "?format=json&limit=1", gophercloud.RequestOpts{OkCodes: []int{http.StatusOK, http.StatusNoContent}})
		var login *loginError
		switch {
		case err == nil:
			return true, nil
		case transport.Cancelled(ctx):
			return false, fmt.Errorf("asking for object storage: %w", ctx.Err())
		case errors.As(err, &login) && !errors.Is(err, errNoEndpoint):
			return false, b.failure(ctx, "finding out whether this OpenStack has object storage", err, operatorv1.ConditionUnknown, reasonUnknown)
		}
		klog.InfoS("object storage cannot be used", "kind", storage.Swift, "why", b.access.explain(err))
		return false, nil
	}
}
