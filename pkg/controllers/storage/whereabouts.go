package storage

import (
	"fmt"

	corev1listers "k8s.io/client-go/listers/core/v1"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	appsv1listers "k8s.io/client-go/listers/apps/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Whereabouts finds out, from caches, on which storage the registry's pods are. It reads objects of the operator's
// namespace.
type Whereabouts struct {
	Drivers     storage.Drivers
	Secrets     corev1listers.SecretNamespaceLister
	Deployments appsv1listers.DeploymentNamespaceLister
	Pods        corev1listers.PodNamespaceLister
}

// Settled tells that no pod of the registry can be on another storage than status.storage.
func (w Whereabouts) Settled(config *imageregistryv1.Config) (bool, error) {
	deployment, err := w.deployment()
	if err != nil {
		return false, err
	}
	pods, err := w.pods()
	if err != nil {
		return false, err
	}
	if deployment == nil {
		return len(pods) == 0, nil
	}
	used := config.Status.Storage
	if len(storage.Configured(&used)) == 0 {
		return true, nil
	}
	return w.on(used, deployment, pods)
}

// on tells that all of the registry's pods are on a storage.
func (w Whereabouts) on(used storage.Coordinates, deployment *appsv1.Deployment, pods []*corev1.Pod) (bool, error) {
	driver, err := w.Drivers.Select(&used)
	if err != nil {
		return false, err
	}
	pair, err := w.Secret(names.StoragePair)
	if err != nil || pair == nil {
		return false, err
	}
	location, facts := storage.DecodePair(pair.Data)
	if location != storage.LocationHash(used) {
		return false, nil
	}
	settings, err := driver.Settings(used, facts)
	if err != nil {
		return false, fmt.Errorf("rendering settings of storage %s: %w", storage.Describe(used), err)
	}
	return serves(deployment, pods, settings)
}

// Secret returns nil for one that does not exist.
func (w Whereabouts) Secret(name string) (*corev1.Secret, error) {
	secret, err := w.Secrets.Get(name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading secret %s/%s: %w", names.OperatorNamespace, name, err)
	}
	return secret, nil
}

// deployment is the registry's; nil when there is none.
func (w Whereabouts) deployment() (*appsv1.Deployment, error) {
	deployment, err := w.Deployments.Get(names.Registry)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading deployment %s/%s: %w", names.OperatorNamespace, names.Registry, err)
	}
	return deployment, nil
}

// pods are the registry's.
func (w Whereabouts) pods() ([]*corev1.Pod, error) {
	pods, err := w.Pods.List(labels.SelectorFromSet(labels.Set{names.RegistryLabel: names.RegistryLabelValue}))
	if err != nil {
		return nil, fmt.Errorf("listing registry pods: %w", err)
	}
	return pods, nil
}
