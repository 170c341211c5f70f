package registry

import (
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Inputs are everything the registry's objects depend on. The objects belong to caches: nobody modifies them.
type Inputs struct {
	// Config is the administrator's wish; status.storage in it is where the registry stores.
	Config *imageregistryv1.Config
	// Drivers knows the kinds of storage.
	Drivers storage.Drivers
	// Pair is the Secret with what the storage controller learned about status.storage, nil before that.
	Pair *corev1.Secret
	// PullSecret is the cluster's pull secret, nil when there is none.
	PullSecret *corev1.Secret
	// Namespace is the operator's, nil when the cache does not have it.
	Namespace *corev1.Namespace
	// Proxy is the cluster's, nil when there is none.
	Proxy *configv1.Proxy
	// Zones tells that at least one node has the zone label.
	Zones bool
	// Topology is that of the control plane.
	Topology configv1.TopologyMode
	// Advice says what could be the storage of a registry that is removed because there is none; empty otherwise.
	Advice string
	// Secret and ConfigMap read the operator namespace from cache; nil, nil stands for absent.
	Secret    func(name string) (*corev1.Secret, error)
	ConfigMap func(name string) (*corev1.ConfigMap, error)
	// RegistryImage and ReleaseVersion come from the operator's environment.
	RegistryImage, ReleaseVersion string
	// Live are the objects as they are.
	Live Objects
}

// Objects are the objects of the registry, desired or live. Nil is absent, or not wanted now.
type Objects struct {
	ClusterRole          *rbacv1.ClusterRole
	ClusterRoleBinding   *rbacv1.ClusterRoleBinding
	ServiceAccount       *corev1.ServiceAccount
	PullSecret           *corev1.Secret
	PrivateConfiguration *corev1.Secret
	HTTPSecret           *corev1.Secret
	Service              *corev1.Service
	Deployment           *appsv1.Deployment
	PodDisruptionBudget  *policyv1.PodDisruptionBudget
	NetworkPolicy        *networkingv1.NetworkPolicy
}

// gather reads the caches.
func (c *controller) gather(config *imageregistryv1.Config) (Inputs, error) {
	secrets := c.Secrets.Lister().Secrets(names.OperatorNamespace)
	configMaps := c.ConfigMaps.Lister().ConfigMaps(names.OperatorNamespace)
	in := Inputs{
		Config:         config,
		Drivers:        c.Drivers,
		RegistryImage:  c.RegistryImage,
		ReleaseVersion: c.ReleaseVersion,
		Secret:         func(name string) (*corev1.Secret, error) { return optional(secrets.Get(name)) },
		ConfigMap:      func(name string) (*corev1.ConfigMap, error) { return optional(configMaps.Get(name)) },
	}
	var r reader
	in.Pair = read(&r, in.Secret, names.StoragePair)
	in.PullSecret = read(&r, c.PullSecrets.Lister().Secrets(names.UserConfigNamespace).Get, names.ClusterPullSecret)
	in.Namespace = read(&r, c.Namespaces.Lister().Get, names.OperatorNamespace)
	in.Proxy = read(&r, c.Proxies.Lister().Get, names.Cluster)
	if infrastructure := read(&r, c.Infrastructures.Lister().Get, names.Cluster); infrastructure != nil {
		in.Topology = infrastructure.Status.ControlPlaneTopology
		in.Advice = c.advice(&r, config, infrastructure)
	}
	in.Live = Objects{
		ClusterRole:          read(&r, c.ClusterRoles.Lister().Get, names.RegistryClusterRole),
		ClusterRoleBinding:   read(&r, c.ClusterRoleBindings.Lister().Get, names.RegistryClusterRoleBinding),
		ServiceAccount:       read(&r, c.ServiceAccounts.Lister().ServiceAccounts(names.OperatorNamespace).Get, names.RegistryServiceAccount),
		PullSecret:           read(&r, in.Secret, names.PullSecretCopy),
		PrivateConfiguration: read(&r, in.Secret, names.PrivateConfiguration),
		HTTPSecret:           read(&r, in.Secret, names.RegistryHTTPSecret),
		Service:              read(&r, c.Services.Lister().Services(names.OperatorNamespace).Get, names.Registry),
		Deployment:           read(&r, c.Deployments.Lister().Deployments(names.OperatorNamespace).Get, names.Registry),
		PodDisruptionBudget:  read(&r, c.PodDisruptionBudgets.Lister().PodDisruptionBudgets(names.OperatorNamespace).Get, names.Registry),
		NetworkPolicy:        read(&r, c.NetworkPolicies.Lister().NetworkPolicies(names.OperatorNamespace).Get, names.RegistryNetworkPolicy),
	}
	in.Zones = c.zones(&r)
	return in, r.err
}

// advice is for a registry that nobody has asked for yet: removed, without storage, on a platform that offers none.
func (c *controller) advice(r *reader, config *imageregistryv1.Config, infrastructure *configv1.Infrastructure) string {
	if config.Spec.ManagementState != operatorv1.Removed || len(storage.Configured(&config.Spec.Storage)) > 0 {
		return ""
	}
	platform, err := storage.DefaultFor(infrastructure)
	if err != nil || len(storage.Configured(&platform.Storage)) > 0 {
		return ""
	}
	live, err := c.StorageClasses.Lister().List(labels.Everything())
	if err != nil {
		r.fail(fmt.Errorf("listing storage classes: %w", err))
	}
	classes := make([]storage.Class, len(live))
	for i, class := range live {
		classes[i] = storage.Class{Name: class.Name, Provisioner: class.Provisioner, Default: class.Annotations[defaultClass] == "true"}
	}
	return storage.Advice(infrastructure.Status.PlatformStatus.Type, classes)
}

// defaultClass is the annotation by which Kubernetes knows the default storage class.
const defaultClass = "storageclass.kubernetes.io/is-default-class"

// zones tells whether a node has the zone label.
func (c *controller) zones(r *reader) bool {
	hasZone, err := labels.NewRequirement(names.ZoneLabel, selection.Exists, nil)
	if err != nil {
		r.fail(err)
		return false
	}
	nodes, err := c.Nodes.Lister().List(labels.NewSelector().Add(*hasZone))
	if err != nil {
		r.fail(fmt.Errorf("listing nodes: %w", err))
	}
	return len(nodes) > 0
}

// zonesChanged passes events of nodes only when the answer to the one question about nodes has changed: their status
// moves all the time.
func (c *controller) zonesChanged(any) bool {
	var r reader
	return c.zones(&r) != c.zoned.Load()
}

// reader keeps the first error of many reads.
type reader struct{ err error }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// read gets an object that may be absent.
func read[T any](r *reader, get func(string) (*T, error), name string) *T {
	object, err := optional(get(name))
	if err != nil {
		r.fail(fmt.Errorf("reading %T %s from cache: %w", object, name, err))
	}
	return object
}

func optional[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, err
}
