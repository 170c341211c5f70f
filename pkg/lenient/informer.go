package lenient

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// Informer makes the informer for the one object with that name, and the factory that starts it. Its objects are typed
// although it receives untyped ones.
func Informer[T any, P object[T]](client dynamic.Interface, resource schema.GroupVersionResource, name string) (dynamicinformer.DynamicSharedInformerFactory, cache.SharedIndexInformer) {
	one := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, metav1.NamespaceAll, func(options *metav1.ListOptions) {
		options.FieldSelector = one
	})
	informer := factory.ForResource(resource).Informer()
	// The error says that the informer runs already, which it cannot: it was made just now.
	_ = informer.SetTransform(func(o any) (any, error) {
		raw, isRaw := o.(*unstructured.Unstructured)
		if !isRaw {
			return o, nil
		}
		return Decode[T, P](raw)
	})
	return factory, informer
}
