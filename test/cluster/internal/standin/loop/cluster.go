package loop

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

// Cluster is what every stand-in is given.
type Cluster struct {
	Kube             kubernetes.Interface
	Dynamic          dynamic.Interface
	KubeInformers    informers.SharedInformerFactory
	DynamicInformers dynamicinformer.DynamicSharedInformerFactory
	Recorder         record.EventRecorder
}

// Refuse says loudly that a stand-in does not know what an object asks for: in the log and as a warning Event on the object.
// The stand-in then does nothing; a change of the object is looked at anew.
func (c *Cluster) Refuse(obj runtime.Object, reason, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	klog.ErrorS(nil, "Stand-in refuses", "reason", reason, "object", describe(obj), "message", message)
	c.Recorder.Event(obj, corev1.EventTypeWarning, reason, message)
}

func describe(obj runtime.Object) string {
	key, err := cache.MetaNamespaceKeyFunc(obj)
	if err != nil {
		return fmt.Sprintf("%T", obj)
	}
	return fmt.Sprintf("%T %s", obj, key)
}

// Cached reads an object of an OpenShift type from the shared cache. The result is a copy. A missing object is the API
// machinery's NotFound error.
func Cached[T any](c *Cluster, resource schema.GroupVersionResource, key string) (*T, error) {
	obj, exists, err := c.DynamicInformers.ForResource(resource).Informer().GetStore().GetByKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s from the cache: %w", resource.Resource, key, err)
	}
	if !exists {
		return nil, apierrors.NewNotFound(resource.GroupResource(), key)
	}
	return Typed[T](obj)
}

// Typed converts what a dynamic informer delivers into a typed copy.
func Typed[T any](obj any) (*T, error) {
	raw, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("expected an unstructured object, got %T", obj)
	}
	out := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.UnstructuredContent(), out); err != nil {
		return nil, fmt.Errorf("converting %s %s: %w", raw.GetKind(), raw.GetName(), err)
	}
	return out, nil
}

// Unstructured converts a typed object, for the dynamic client. It goes through JSON, as the API server would see it.
func Unstructured(obj any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", obj, err)
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("decoding %T: %w", obj, err)
	}
	return out, nil
}

// WriteStatus stores the status of a typed object and nothing else of it. What the types of this module's version of the API
// would add to the spec (and the API server would warn about) is not sent.
func WriteStatus(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, obj any) (*unstructured.Unstructured, error) {
	raw, err := Unstructured(obj)
	if err != nil {
		return nil, err
	}
	delete(raw.Object, "spec")
	written, err := client.Resource(resource).Namespace(raw.GetNamespace()).UpdateStatus(ctx, raw, metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("writing the status of %s %s: %w", resource.Resource, raw.GetName(), err)
	}
	return written, nil
}

// Key queues an object under namespace/name (or name).
func Key(obj any) []string {
	key, err := cache.MetaNamespaceKeyFunc(obj)
	if err != nil {
		klog.ErrorS(err, "An informer delivered something that is no object", "type", fmt.Sprintf("%T", obj))
		return nil
	}
	return []string{key}
}

// Always queues the same key whatever changed, for syncs that look at everything.
func Always(key string) func(any) []string {
	return func(any) []string { return []string{key} }
}
