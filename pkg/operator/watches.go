package operator

import (
	kubeinformers "k8s.io/client-go/informers"
	appsinformers "k8s.io/client-go/informers/apps/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	networkinginformers "k8s.io/client-go/informers/networking/v1"
	policyinformers "k8s.io/client-go/informers/policy/v1"
	rbacinformers "k8s.io/client-go/informers/rbac/v1"
	storageinformers "k8s.io/client-go/informers/storage/v1"
	"k8s.io/client-go/tools/cache"

	configinformers "github.com/openshift/client-go/config/informers/externalversions/config/v1"
	imageregistryinformers "github.com/openshift/client-go/imageregistry/informers/externalversions/imageregistry/v1"
	routeinformers "github.com/openshift/client-go/route/informers/externalversions/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/imagestreams"
)

// watch is one row of the table of everything that this process watches.
type watch struct {
	// kind, scope (a namespace, or "" for the cluster) and selector say what is seen.
	kind, scope, selector string
	// users are the controllers that need it.
	users string
	// wide says why the selector is not a single name; empty where it is.
	wide string
	// optional watches may never sync, because their API may be absent or down: nothing may wait for them without end
	// (the library ends the process when the caches of a controller have not synced after ten minutes).
	optional bool

	informer cache.SharedIndexInformer
	factory  startable
}

// informerSet is every informer of the process. Those of single objects are named for the object.
type informerSet struct {
	table []watch

	config             imageregistryinformers.ConfigInformer
	pruner             imageregistryinformers.ImagePrunerInformer
	ofPruner           prunerInformers
	infrastructure     configinformers.InfrastructureInformer
	proxy              configinformers.ProxyInformer
	image              configinformers.ImageInformer
	apiServer          configinformers.APIServerInformer
	featureGate        configinformers.FeatureGateInformer
	clusterVersion     configinformers.ClusterVersionInformer
	clusterOperator    configinformers.ClusterOperatorInformer
	deployment         appsinformers.DeploymentInformer
	nodeCA             appsinformers.DaemonSetInformer
	service            coreinformers.ServiceInformer
	budget             policyinformers.PodDisruptionBudgetInformer
	networkPolicy      networkinginformers.NetworkPolicyInformer
	serviceAccount     coreinformers.ServiceAccountInformer
	clusterRole        rbacinformers.ClusterRoleInformer
	clusterRoleBinding rbacinformers.ClusterRoleBindingInformer
	namespace          coreinformers.NamespaceInformer
	secrets            coreinformers.SecretInformer
	configMaps         coreinformers.ConfigMapInformer
	claims             coreinformers.PersistentVolumeClaimInformer
	pods               coreinformers.PodInformer
	userConfigMaps     coreinformers.ConfigMapInformer
	pullSecret         coreinformers.SecretInformer
	registryCA         coreinformers.ConfigMapInformer
	cloudConfig        coreinformers.ConfigMapInformer
	move               moveInformer
	routes             routeinformers.RouteInformer
	nodes              kubeinformers.GenericInformer
	storageClasses     storageinformers.StorageClassInformer
	imageStreams       *imagestreams.Counter
}

// newInformers fills the table: reading table.go is reading it.
func newInformers(c clients) *informerSet {
	i := &informerSet{}
	i.watchConfiguration(c)
	i.watchPruner(c)
	i.watchRegistry(c)
	i.watchNodeCA(c)
	i.watchMove(c)
	i.watchInputs(c)
	i.watchImageStreams(c)
	return i
}
