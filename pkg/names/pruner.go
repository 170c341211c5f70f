package names

// Objects of the image pruner. They exist in every management state of the registry.
const (
	// PrunerController keeps the pruner's CronJob and what it needs.
	PrunerController = "ImagePrunerController"
	// Pruner is the name of the CronJob and of its container, and the value of both labels below.
	Pruner = "image-pruner"
	// PrunerServiceAccount is the ServiceAccount of the pruner's pods.
	PrunerServiceAccount = "pruner"
	// PrunerClusterRole is what the pruner may do in the cluster.
	PrunerClusterRole = "system:image-pruner"
	// PrunerClusterRoleBinding binds PrunerClusterRole to PrunerServiceAccount.
	PrunerClusterRoleBinding = "openshift-image-registry-pruner"
	// PrunerNetworkPolicy guards the pruner's pods.
	PrunerNetworkPolicy = "image-pruner-networkpolicy"
	// PrunerJobLabel with the value Pruner marks the Jobs of the CronJob.
	PrunerJobLabel = "created-by"
)

// Annotations on the pruner's CronJob: what its Jobs, which have a history limit, cannot tell after a restart.
const (
	// PrunerFailedRunsAnnotation lists the latest failed runs since the last success: NAME@TIME, separated by commas.
	PrunerFailedRunsAnnotation = "imageregistry.operator.openshift.io/failed-runs"
	// PrunerScheduledSinceAnnotation is when the CronJob got its present schedule, or was resumed.
	PrunerScheduledSinceAnnotation = "imageregistry.operator.openshift.io/scheduled-since"
)

// Condition types on ImagePruner beside Available, Degraded and ResourcesApplied.
const (
	// Failed says whether the last run of the pruner failed.
	Failed = "Failed"
	// Scheduled says whether the pruner runs at all.
	Scheduled = "Scheduled"
)

// Reasons of the conditions on ImagePruner.
const (
	ReasonComplete  = "Complete"
	ReasonSuspended = "Suspended"
	ReasonScheduled = "Scheduled"
	// ReasonSyncError: an object of the pruner cannot be written.
	ReasonSyncError = "SyncError"
	// ReasonJobFailed: several runs in a row have failed.
	ReasonJobFailed = "JobFailed"
	// ReasonNoRecentSuccess: no run has succeeded for long, although some were due.
	ReasonNoRecentSuccess = "NoRecentSuccess"
)

// Reasons of the pruner controller's events.
const (
	EventImagePrunerCreated       = "ImagePrunerCreated"
	EventImagePrunerStatusChanged = "ImagePrunerStatusChanged"
)
