package operator

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// add puts a row into the table. Asking for the informer is what makes its factory start it.
func (i *informerSet) add(factory startable, informer cache.SharedIndexInformer, row watch) {
	row.factory, row.informer = factory, informer
	i.table = append(i.table, row)
}

// byName is the selector column of single objects.
func byName(name string) string { return metav1.ObjectNameField + "=" + name }

// watchConfiguration: cluster-wide configuration, single objects all.
func (i *informerSet) watchConfiguration(c clients) {
	start, config := lenient.Informer[imageregistryv1.Config](c.dynamic, imageregistryv1.GroupVersion.WithResource("configs"), names.Cluster)
	i.config = configInformer{config}
	i.add(start, config, watch{kind: "configs.imageregistry.operator.openshift.io", selector: byName(names.Cluster), users: "all"})

	cluster := oneConfig(c.config, names.Cluster)
	i.infrastructure = cluster.Config().V1().Infrastructures()
	i.add(cluster, i.infrastructure.Informer(), watch{kind: "infrastructures.config.openshift.io", selector: byName(names.Cluster), users: "bootstrap, storage, registry, trust, azurestack, leftovers"})
	i.proxy = cluster.Config().V1().Proxies()
	i.add(cluster, i.proxy.Informer(), watch{kind: "proxies.config.openshift.io", selector: byName(names.Cluster), users: "registry"})
	i.image = cluster.Config().V1().Images()
	i.add(cluster, i.image.Informer(), watch{kind: "images.config.openshift.io", selector: byName(names.Cluster), users: "trust, imageconfig, pruner"})
	i.apiServer = cluster.Config().V1().APIServers()
	i.add(cluster, i.apiServer.Informer(), watch{kind: "apiservers.config.openshift.io", selector: byName(names.Cluster), users: "bootstrap, configobserver"})
	i.featureGate = cluster.Config().V1().FeatureGates()
	i.add(cluster, i.featureGate.Informer(), watch{kind: "featuregates.config.openshift.io", selector: byName(names.Cluster), users: "the process"})

	version := oneConfig(c.config, names.ClusterVersion)
	i.clusterVersion = version.Config().V1().ClusterVersions()
	i.add(version, i.clusterVersion.Informer(), watch{kind: "clusterversions.config.openshift.io", selector: byName(names.ClusterVersion), users: "the process, imageconfig"})
	operator := oneConfig(c.config, names.ClusterOperator)
	i.clusterOperator = operator.Config().V1().ClusterOperators()
	i.add(operator, i.clusterOperator.Informer(), watch{kind: "clusteroperators.config.openshift.io", selector: byName(names.ClusterOperator), users: "clusteroperator"})
}

// watchRegistry: what the registry consists of, single objects nearly all.
func (i *informerSet) watchRegistry(c clients) {
	registry := oneApplied(c.kube, names.OperatorNamespace, names.Registry)
	i.deployment = registry.Apps().V1().Deployments()
	i.add(registry, i.deployment.Informer(), watch{kind: "deployments", scope: names.OperatorNamespace, selector: byName(names.Registry), users: "registry, storage, trust, clusteroperator"})
	i.service = registry.Core().V1().Services()
	i.add(registry, i.service.Informer(), watch{kind: "services", scope: names.OperatorNamespace, selector: byName(names.Registry), users: "registry, trust, imageconfig"})
	i.budget = registry.Policy().V1().PodDisruptionBudgets()
	i.add(registry, i.budget.Informer(), watch{kind: "poddisruptionbudgets", scope: names.OperatorNamespace, selector: byName(names.Registry), users: "registry"})

	policy := oneApplied(c.kube, names.OperatorNamespace, names.RegistryNetworkPolicy)
	i.networkPolicy = policy.Networking().V1().NetworkPolicies()
	i.add(policy, i.networkPolicy.Informer(), watch{kind: "networkpolicies", scope: names.OperatorNamespace, selector: byName(names.RegistryNetworkPolicy), users: "registry"})
	account := oneApplied(c.kube, names.OperatorNamespace, names.RegistryServiceAccount)
	i.serviceAccount = account.Core().V1().ServiceAccounts()
	i.add(account, i.serviceAccount.Informer(), watch{kind: "serviceaccounts", scope: names.OperatorNamespace, selector: byName(names.RegistryServiceAccount), users: "registry"})
	role := oneApplied(c.kube, metav1.NamespaceAll, names.RegistryClusterRole)
	i.clusterRole = role.Rbac().V1().ClusterRoles()
	i.add(role, i.clusterRole.Informer(), watch{kind: "clusterroles", selector: byName(names.RegistryClusterRole), users: "registry"})
	binding := oneApplied(c.kube, metav1.NamespaceAll, names.RegistryClusterRoleBinding)
	i.clusterRoleBinding = binding.Rbac().V1().ClusterRoleBindings()
	i.add(binding, i.clusterRoleBinding.Informer(), watch{kind: "clusterrolebindings", selector: byName(names.RegistryClusterRoleBinding), users: "registry"})

	pods := selected(c.kube, names.OperatorNamespace, labelled(names.RegistryLabel+"="+names.RegistryLabelValue), stripPod)
	i.pods = pods.Core().V1().Pods()
	i.add(pods, i.pods.Informer(), watch{
		kind: "pods", scope: names.OperatorNamespace, selector: names.RegistryLabel + "=" + names.RegistryLabelValue, users: "storage, trust",
		wide: "their names are generated",
	})
	routes := allRoutes(c.route)
	i.routes = routes.Route().V1().Routes()
	i.add(routes, i.routes.Informer(), watch{
		kind: "routes.route.openshift.io", scope: names.OperatorNamespace, users: "routes, imageconfig", optional: true,
		wide: "administrators name them, and what is ours is known by an annotation",
	})
}

// watchNodeCA: what runs on every node.
func (i *informerSet) watchNodeCA(c clients) {
	nodeCA := oneApplied(c.kube, names.OperatorNamespace, names.NodeCA)
	i.nodeCA = nodeCA.Apps().V1().DaemonSets()
	i.add(nodeCA, i.nodeCA.Informer(), watch{kind: "daemonsets", scope: names.OperatorNamespace, selector: byName(names.NodeCA), users: "nodeca"})
}

// watchInputs: Secrets, ConfigMaps and what else the registry depends on.
func (i *informerSet) watchInputs(c clients) {
	here := selected(c.kube, names.OperatorNamespace, nil, nil)
	i.configMaps = here.Core().V1().ConfigMaps()
	i.add(here, i.configMaps.Informer(), watch{
		kind: "configmaps", scope: names.OperatorNamespace, users: "registry, trust",
		wide: "three names of six in the namespace: one watch is cheaper than three",
	})
	i.claims = here.Core().V1().PersistentVolumeClaims()
	i.add(here, i.claims.Informer(), watch{
		kind: "persistentvolumeclaims", scope: names.OperatorNamespace, users: "storage, bootstrap",
		wide: "the administrator names the claim",
	})
	secrets := selected(c.kube, names.OperatorNamespace, withoutTokens, nil)
	i.secrets = secrets.Core().V1().Secrets()
	i.add(secrets, i.secrets.Informer(), watch{
		kind: "secrets", scope: names.OperatorNamespace, selector: "type!=kubernetes.io/dockercfg,type!=kubernetes.io/service-account-token", users: "registry, storage, routes, trust",
		wide: "routes refer to Secrets by names that administrators choose",
	})
	user := selected(c.kube, names.UserConfigNamespace, nil, stripManagedFields)
	i.userConfigMaps = user.Core().V1().ConfigMaps()
	i.add(user, i.userConfigMaps.Informer(), watch{
		kind: "configmaps", scope: names.UserConfigNamespace, users: "trust, storage, azurestack",
		wide: "administrators name the ConfigMaps with additional CAs",
	})

	pull := one(c.kube, names.UserConfigNamespace, names.ClusterPullSecret)
	i.pullSecret = pull.Core().V1().Secrets()
	i.add(pull, i.pullSecret.Informer(), watch{kind: "secrets", scope: names.UserConfigNamespace, selector: byName(names.ClusterPullSecret), users: "registry"})
	// Two watches, because the namespace also has megabytes of dashboards.
	ca := oneApplied(c.kube, names.ManagedConfigNamespace, names.RegistryCA)
	i.registryCA = ca.Core().V1().ConfigMaps()
	i.add(ca, i.registryCA.Informer(), watch{kind: "configmaps", scope: names.ManagedConfigNamespace, selector: byName(names.RegistryCA), users: "trust"})
	cloud := one(c.kube, names.ManagedConfigNamespace, names.KubeCloudConfig)
	i.cloudConfig = cloud.Core().V1().ConfigMaps()
	i.add(cloud, i.cloudConfig.Informer(), watch{kind: "configmaps", scope: names.ManagedConfigNamespace, selector: byName(names.KubeCloudConfig), users: "trust, storage"})
	own := one(c.kube, metav1.NamespaceAll, names.OperatorNamespace)
	i.namespace = own.Core().V1().Namespaces()
	i.add(own, i.namespace.Informer(), watch{kind: "namespaces", selector: byName(names.OperatorNamespace), users: "registry"})

	classes := selected(c.kube, metav1.NamespaceAll, nil, stripManagedFields)
	i.storageClasses = classes.Storage().V1().StorageClasses()
	i.add(classes, i.storageClasses.Informer(), watch{
		kind: "storageclasses", users: "registry",
		wide: "any of them may be the storage that a platform without its own can be advised",
	})
	nodes := zonedNodes(c.metadata)
	i.nodes = nodes.ForResource(corev1.SchemeGroupVersion.WithResource("nodes"))
	// The error says that the informer runs already, which it cannot: nothing has been started.
	_ = i.nodes.Informer().SetTransform(stripNode)
	i.add(nodes, i.nodes.Informer(), watch{
		kind: "nodes", selector: names.ZoneLabel, users: "registry",
		wide: "the question is whether any node has the label",
	})
}
