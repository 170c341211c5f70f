// Package names holds every name that is a contract with the cluster: namespaces, object names, annotation keys,
// condition types and reasons. It is a leaf: it imports nothing of this module.
package names

// Namespaces.
const (
	// OperatorNamespace is where the operator and everything it deploys live.
	OperatorNamespace = "openshift-image-registry"
	// UserConfigNamespace is where administrators put configuration that a cluster-scoped object refers to by name.
	UserConfigNamespace = "openshift-config"
	// ManagedConfigNamespace is where operators publish configuration for each other.
	ManagedConfigNamespace = "openshift-config-managed"
)

// Singletons and other objects we read or write by name.
const (
	// Cluster is the name of every configuration singleton: Config, ImagePruner, Infrastructure, Proxy, Image,
	// APIServer, FeatureGate.
	Cluster = "cluster"
	// ClusterVersion is the name of the ClusterVersion singleton.
	ClusterVersion = "version"
	// ClusterOperator is the name of our ClusterOperator.
	ClusterOperator = "image-registry"
	// OperatorDeployment is the name of the operator's own Deployment, ServiceAccount, Role and RoleBinding.
	OperatorDeployment = "cluster-image-registry-operator"
	// Lease is the leader election lock. The reference uses the same name: two names would mean two leaders
	// during an upgrade.
	Lease = "openshift-master-controllers"

	// Registry is the name of the registry's Deployment, Service and PodDisruptionBudget.
	Registry = "image-registry"
	// RegistryServiceAccount is the ServiceAccount of the registry pods.
	RegistryServiceAccount = "registry"
	// RegistryClusterRole is what the registry may do in the cluster.
	RegistryClusterRole = "system:registry"
	// RegistryClusterRoleBinding binds RegistryClusterRole to RegistryServiceAccount.
	RegistryClusterRoleBinding = "registry-registry-role"
	// RegistryNetworkPolicy guards the registry pods.
	RegistryNetworkPolicy = "image-registry-networkpolicy"
	// RegistryPort is the port of the registry container and of its Service.
	RegistryPort = 5000
	// RegistryTLSSecret is the serving certificate of the registry, made by the service CA.
	RegistryTLSSecret = "image-registry-tls"
	// RegistryHTTPSecret is the operator-made Secret that carries spec.httpSecret into the pod (decision 5).
	RegistryHTTPSecret = "image-registry-http-secret"
	// RegistryHTTPSecretKey is both the key in RegistryHTTPSecret and the environment variable it feeds.
	RegistryHTTPSecretKey = "REGISTRY_HTTP_SECRET"
	// DefaultRoute is the name of the route made for spec.defaultRoute.
	DefaultRoute = "default-route"

	// PrivateConfiguration is the operator-made Secret with what the registry needs to reach its storage.
	PrivateConfiguration = "image-registry-private-configuration"
	// PrivateConfigurationUser is the administrator's Secret; it replaces the minted credentials whole.
	PrivateConfigurationUser = "image-registry-private-configuration-user"
	// CloudCredentials is the Secret minted by the cloud credential operator.
	CloudCredentials = "installer-cloud-credentials"
	// StoragePair is the operator-private Secret in which the storage controller keeps what it learned about the
	// storage, together with the hash of the location it belongs to (decision 8).
	StoragePair = "image-registry-storage-pair"
	// PullSecretCopy is our copy of ClusterPullSecret, mounted by the registry for pull-through.
	PullSecretCopy = "installation-pull-secrets"
	// ClusterPullSecret is the source of PullSecretCopy, in UserConfigNamespace.
	ClusterPullSecret = "pull-secret"
	// DefaultClaim is the PersistentVolumeClaim used when the administrator names none.
	DefaultClaim = "image-registry-storage"

	// ServiceCA is the ConfigMap into which the service CA injects its certificate.
	ServiceCA = "serviceca"
	// ServiceCAKey is the key the service CA writes in ServiceCA.
	ServiceCAKey = "service-ca.crt"
	// TrustedCA is the ConfigMap into which the cluster-wide trust bundle is injected, key TrustedCAKey.
	TrustedCA = "trusted-ca"
	// TrustedCAKey is the key of the injected bundle.
	TrustedCAKey = "ca-bundle.crt"
	// Certificates is the CA ConfigMap that registry pods and nodes mount.
	Certificates = "image-registry-certificates"
	// RegistryCA is the CA ConfigMap for machine configuration, in ManagedConfigNamespace.
	RegistryCA = "image-registry-ca"
	// StorageCABundleKey is the key of the storage CA in Certificates.
	StorageCABundleKey = "storage-ca-bundle.pem"
	// KubeCloudConfig is the ConfigMap with the cloud's CA, in ManagedConfigNamespace.
	KubeCloudConfig = "kube-cloud-config"
	// KubeCloudConfigCAKey is the key of the CA in KubeCloudConfig.
	KubeCloudConfigCAKey = "ca-bundle.pem"
)

// Labels, annotations, finalizer.
const (
	// Finalizer holds a deleted Config until its storage is dealt with.
	Finalizer = "imageregistry.operator.openshift.io/finalizer"
	// RegistryLabel with RegistryLabelValue selects the registry pods, everywhere.
	RegistryLabel      = "docker-registry"
	RegistryLabelValue = "default"
	// ChecksumAnnotation is the sha256 of the desired object; information only, never a reason to skip a comparison.
	ChecksumAnnotation = "imageregistry.operator.openshift.io/checksum"
	// DependenciesChecksumAnnotation on the pod template rolls the pods when a mounted Secret or ConfigMap changes.
	DependenciesChecksumAnnotation = "imageregistry.operator.openshift.io/dependencies-checksum"
	// VersionAnnotation on the Deployment is the release that rendered it.
	VersionAnnotation = "release.openshift.io/version"
	// OwnedAnnotation marks Routes and PersistentVolumeClaims made by the operator; only its presence is tested.
	OwnedAnnotation = "imageregistry.openshift.io"
	// SupplementalGroupsAnnotation of the operator namespace gives the fsGroup of the registry pods.
	SupplementalGroupsAnnotation = "openshift.io/sa.scc.supplemental-groups"
	// ZoneLabel is the well-known node label for the availability zone.
	ZoneLabel = "topology.kubernetes.io/zone"
)

// Controller names. The field manager of a controller's server-side apply is its name, and the library makes
// condition types from it, so renaming one leaves its old conditions behind for ever.
const (
	BootstrapController       = "ImageRegistryBootstrapController"
	StorageController         = "ImageRegistryStorageController"
	RegistryController        = "ImageRegistryController"
	RoutesController          = "ImageRegistryRoutesController"
	TrustController           = "ImageRegistryCertificatesController"
	ClusterOperatorController = "ImageRegistryClusterOperatorController"
)

// UndecodableAnnotation is on Config and ImagePruner in our cache only, never in the cluster: the fields of the spec that
// the schema admits and Go's types do not, with the reasons, as a JSON object.
const UndecodableAnnotation = "imageregistry.operator.openshift.io/undecodable"
