package pruner

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	imageregistryinformers "github.com/openshift/client-go/imageregistry/informers/externalversions/imageregistry/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// NewInformer makes the informer for the one ImagePruner, and the factory that starts it. Its objects are typed although
// it receives untyped ones: see decode.
func NewInformer(client dynamic.Interface) (dynamicinformer.DynamicSharedInformerFactory, imageregistryinformers.ImagePrunerInformer) {
	one := fields.OneTermEqualSelector(metav1.ObjectNameField, names.Cluster).String()
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, metav1.NamespaceAll, func(options *metav1.ListOptions) {
		options.FieldSelector = one
	})
	shared := factory.ForResource(imageregistryv1.GroupVersion.WithResource("imagepruners")).Informer()
	// The error says that the informer runs already, which it cannot: it was made just now.
	_ = shared.SetTransform(decode)
	return factory, typed{shared}
}

// typed is the informer as its users know it.
type typed struct{ shared cache.SharedIndexInformer }

// Informer is the shared informer.
func (t typed) Informer() cache.SharedIndexInformer { return t.shared }

// Lister reads its store.
func (t typed) Lister() imageregistrylisters.ImagePrunerLister {
	return imageregistrylisters.NewImagePrunerLister(t.shared.GetIndexer())
}
