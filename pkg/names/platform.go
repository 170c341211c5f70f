package names

// Names of the controllers for what the registry shares with the platform.
const (
	// ImageConfigController publishes the registry's hostnames in images.config.openshift.io.
	ImageConfigController = "ImageConfigController"
	// ConfigObserver brings the cluster's TLS security profile into spec.observedConfig. It is also the field manager
	// that earlier releases applied their condition with, so that we own what they left.
	ConfigObserver = "ImageRegistryConfigObserver-ConfigObserver"
	// AzureStackController keeps the file with the endpoints of an Azure Stack.
	AzureStackController = "AzureStackCloudController"
	// LeftoversController removes what nobody keeps up any more.
	LeftoversController = "ImageRegistryLeftoversController"
)

// Condition types of these controllers.
const (
	// ImageConfigDegraded is True when images.config.openshift.io cannot be kept up for longer than its inertia.
	ImageConfigDegraded = "ImageConfigControllerDegraded"
	// ImageConfigReady is the outcome of the last attempt at once; its transition time is the start of a failing streak.
	// Not aggregated.
	ImageConfigReady = "ImageConfigReady"
	// ConfigObservationDegraded is True while the TLS security profile cannot be taken over.
	ConfigObservationDegraded = "ConfigObservationDegraded"
	// AzureStackDegraded is True while the file with the endpoints cannot be kept up.
	AzureStackDegraded = "AzureStackCloudControllerDegraded"
)

// Condition types that only earlier releases wrote, or only some kinds of storage do.
const (
	// AzurePathFixProgressing and AzurePathFixDegraded are of a migration that has been over for many releases.
	AzurePathFixProgressing = "AzurePathFixProgressing"
	AzurePathFixDegraded    = "AzurePathFixControllerDegraded"
	// StorageLabeled says whether a bucket carries the cluster's labels.
	StorageLabeled = "StorageLabeled"
)

// Objects of these controllers.
const (
	// AzurePathFixJob is the Job of that migration.
	AzurePathFixJob = "azure-path-fix"
	// CloudProviderConfig in UserConfigNamespace has the endpoints of an Azure Stack in key CloudProviderEndpointsKey.
	CloudProviderConfig       = "cloud-provider-config"
	CloudProviderEndpointsKey = "endpoints"
)
