package operator

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	configclient "github.com/openshift/client-go/config/clientset/versioned"
	configinformers "github.com/openshift/client-go/config/informers/externalversions"
	routeclient "github.com/openshift/client-go/route/clientset/versioned"
	routeinformers "github.com/openshift/client-go/route/informers/externalversions"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// No informer resyncs: every sync compares with what is cached, so repeating it on unchanged objects finds nothing.
const noResync = 0

// startable is what the informer factories of the various clients have in common.
type startable interface {
	Start(stop <-chan struct{})
	Shutdown()
}

// named selects a single object.
func named(name string) func(*metav1.ListOptions) {
	selector := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	return func(options *metav1.ListOptions) { options.FieldSelector = selector }
}

// labelled selects by label.
func labelled(selector string) func(*metav1.ListOptions) {
	return func(options *metav1.ListOptions) { options.LabelSelector = selector }
}

// one makes a factory that sees a single name, of whatever kinds are asked of it; "" is the cluster scope. It is for
// objects that are only read.
func one(client kubernetes.Interface, namespace, name string) kubeinformers.SharedInformerFactory {
	return selected(client, namespace, named(name), stripManagedFields)
}

// oneApplied is for an object that we write: pkg/apply reads from managedFields what an earlier operator has left. All
// of them or none must be kept, because an update with some of them would take the fields of the others away.
func oneApplied(client kubernetes.Interface, namespace, name string) kubeinformers.SharedInformerFactory {
	return selected(client, namespace, named(name), nil)
}

func selected(client kubernetes.Interface, namespace string, tweak func(*metav1.ListOptions), transform cache.TransformFunc) kubeinformers.SharedInformerFactory {
	return kubeinformers.NewSharedInformerFactoryWithOptions(client, noResync, kubeinformers.WithNamespace(namespace),
		kubeinformers.WithTweakListOptions(tweak), kubeinformers.WithTransform(transform))
}

func oneConfig(client configclient.Interface, name string) configinformers.SharedInformerFactory {
	return configinformers.NewSharedInformerFactoryWithOptions(client, noResync,
		configinformers.WithTweakListOptions(named(name)), configinformers.WithTransform(stripManagedFields))
}

func allRoutes(client routeclient.Interface) routeinformers.SharedInformerFactory {
	return routeinformers.NewSharedInformerFactoryWithOptions(client, noResync, routeinformers.WithNamespace(names.OperatorNamespace))
}

// zonedNodes sees the metadata of nodes that have a zone: all that matters is whether there are any.
func zonedNodes(client metadata.Interface) metadatainformer.SharedInformerFactory {
	return metadatainformer.NewFilteredSharedInformerFactory(client, noResync, metav1.NamespaceAll, labelled(names.ZoneLabel))
}

// stripManagedFields drops what nobody reads from objects that nobody writes.
func stripManagedFields(obj any) (any, error) {
	if object, err := meta.Accessor(obj); err == nil {
		object.SetManagedFields(nil)
	}
	return obj, nil
}

// stripNode keeps what the selector looked at. Nodes have long annotations and many labels, and there are many nodes.
func stripNode(obj any) (any, error) {
	if node, ok := obj.(*metav1.PartialObjectMetadata); ok {
		return &metav1.PartialObjectMetadata{TypeMeta: node.TypeMeta, ObjectMeta: metav1.ObjectMeta{
			Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion,
			Labels: map[string]string{names.ZoneLabel: node.Labels[names.ZoneLabel]},
		}}, nil
	}
	return obj, nil
}

// stripPod keeps what tells that a registry pod still exists.
func stripPod(obj any) (any, error) {
	if pod, ok := obj.(*corev1.Pod); ok {
		return &corev1.Pod{TypeMeta: pod.TypeMeta, ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			Labels: pod.Labels, DeletionTimestamp: pod.DeletionTimestamp,
		}, Status: corev1.PodStatus{Phase: pod.Status.Phase}}, nil
	}
	return obj, nil
}

// withoutTokens selects the Secrets of the operator's namespace without those that the cluster makes for ServiceAccounts:
// nobody here reads them, and they are the larger part.
func withoutTokens(options *metav1.ListOptions) {
	options.FieldSelector = fields.AndSelectors(
		fields.OneTermNotEqualSelector("type", string(corev1.SecretTypeDockercfg)),
		fields.OneTermNotEqualSelector("type", string(corev1.SecretTypeServiceAccountToken)),
	).String()
}

// start starts every informer and returns a function that waits for their ends.
func (i *informerSet) start(ctx context.Context) func() {
	for _, row := range i.table {
		row.factory.Start(ctx.Done())
	}
	return func() {
		for _, row := range i.table {
			row.factory.Shutdown()
		}
	}
}
