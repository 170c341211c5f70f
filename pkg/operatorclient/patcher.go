package operatorclient

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
)

// Patcher is what the Client needs of a client for Config. The generated one will do in tests.
type Patcher interface {
	// Patch patches the named Config and returns it as it is stored then.
	Patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (*imageregistryv1.Config, error)
}

// NewPatcher is a Patcher that also understands the answer when the administrator has written what Go's types cannot hold.
func NewPatcher(client dynamic.Interface) Patcher {
	return patcher{client.Resource(imageregistryv1.GroupVersion.WithResource("configs"))}
}

type patcher struct {
	client dynamic.NamespaceableResourceInterface
}

func (p patcher) Patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (*imageregistryv1.Config, error) {
	stored, err := p.client.Patch(ctx, name, kind, body, options, subresources...)
	if err != nil {
		return nil, err
	}
	return lenient.Decode[imageregistryv1.Config](stored)
}
