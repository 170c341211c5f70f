package mainjob

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Names of the operator's objects, in manifests/ and of its own making.
const (
	namespace    = "openshift-image-registry"
	operatorName = "cluster-image-registry-operator"
	registryName = "image-registry"
	leaseName    = "openshift-master-controllers"
	configName   = "cluster"
	configObject = "configs.imageregistry.operator.openshift.io/" + configName
)

var (
	configs  = schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "configs"}
	versions = schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: "clusterversions"}
)

// sight is what one look at the cluster has shown; what is not there is nil.
type sight struct {
	version  *unstructured.Unstructured
	operator *appsv1.Deployment
	pods     []corev1.Pod
	lease    *coordinationv1.Lease
	config   *unstructured.Unstructured
	registry *appsv1.Deployment
}

// answerTime is how long one request may take: one that hangs must not use up the patience.
const answerTime = 15 * time.Second

// clients read what a sight is made of.
type clients struct {
	objects dynamic.Interface
	kube    kubernetes.Interface
}

func (j Job) connect() (clients, error) {
	config, err := clientcmd.BuildConfigFromFlags("", j.Kubeconfig)
	if err != nil {
		return clients{}, fmt.Errorf("reading kubeconfig %s: %w", j.Kubeconfig, err)
	}
	config.Timeout = answerTime
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("making a client of cluster %s: %w", j.Cluster, err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("making a client of cluster %s: %w", j.Cluster, err)
	}
	return clients{objects: objects, kube: kube}, nil
}

// look reads all that the decisions take.
func (c clients) look(ctx context.Context) (*sight, error) {
	var s sight
	var err error
	get := metav1.GetOptions{}
	if s.version, err = found(c.objects.Resource(versions).Get(ctx, "version", get)); err != nil {
		return nil, fmt.Errorf("reading clusterversion version: %w", err)
	}
	if s.operator, err = found(c.kube.AppsV1().Deployments(namespace).Get(ctx, operatorName, get)); err != nil {
		return nil, fmt.Errorf("reading deployment %s/%s: %w", namespace, operatorName, err)
	}
	pods, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "name=" + operatorName})
	if err != nil {
		return nil, fmt.Errorf("listing the operator's pods in %s: %w", namespace, err)
	}
	s.pods = pods.Items
	if s.lease, err = found(c.kube.CoordinationV1().Leases(namespace).Get(ctx, leaseName, get)); err != nil {
		return nil, fmt.Errorf("reading lease %s/%s: %w", namespace, leaseName, err)
	}
	if s.config, err = found(c.objects.Resource(configs).Get(ctx, configName, get)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", configObject, err)
	}
	if s.registry, err = found(c.kube.AppsV1().Deployments(namespace).Get(ctx, registryName, get)); err != nil {
		return nil, fmt.Errorf("reading deployment %s/%s: %w", namespace, registryName, err)
	}
	return &s, nil
}

// found makes nil of what is not there.
func found[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, err
}
