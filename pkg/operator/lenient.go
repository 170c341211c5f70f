package operator

import (
	"k8s.io/client-go/tools/cache"

	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
)

// configInformer is the lenient informer for Config as its users know it.
type configInformer struct{ shared cache.SharedIndexInformer }

// Informer is the shared informer.
func (i configInformer) Informer() cache.SharedIndexInformer { return i.shared }

// Lister reads its store.
func (i configInformer) Lister() imageregistrylisters.ConfigLister {
	return imageregistrylisters.NewConfigLister(i.shared.GetIndexer())
}

// prunerInformer is the one for ImagePruner.
type prunerInformer struct{ shared cache.SharedIndexInformer }

// Informer is the shared informer.
func (i prunerInformer) Informer() cache.SharedIndexInformer { return i.shared }

// Lister reads its store.
func (i prunerInformer) Lister() imageregistrylisters.ImagePrunerLister {
	return imageregistrylisters.NewImagePrunerLister(i.shared.GetIndexer())
}
