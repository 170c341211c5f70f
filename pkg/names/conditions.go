package names

// Condition types on Config. A type that ends in Available, Progressing or Degraded is aggregated into the
// ClusterOperator.
const (
	// Available, Progressing, Degraded and Removed are the four core conditions, written by the registry controller.
	Available   = "Available"
	Progressing = "Progressing"
	Degraded    = "Degraded"
	Removed     = "Removed"

	// StorageExists says whether the medium behind the registry exists and is reachable.
	StorageExists = "StorageExists"
	// StorageTagged says whether the medium carries the cluster's tags.
	StorageTagged = "StorageTagged"
	// StorageEncrypted says whether default encryption is on.
	StorageEncrypted = "StorageEncrypted"
	// StoragePublicAccessBlocked says whether public access to the bucket is blocked.
	StoragePublicAccessBlocked = "StoragePublicAccessBlocked"
	// StorageIncompleteUploadCleanupEnabled says whether the cloud cleans up abandoned uploads.
	StorageIncompleteUploadCleanupEnabled = "StorageIncompleteUploadCleanupEnabled"

	// StorageReady is the storage controller's acknowledgement (decision 7): True when the current spec.storage has
	// been dealt with and is what status.storage says. Not aggregated.
	StorageReady = "StorageReady"
	// RoutesReady is the route controller's outcome. Not aggregated.
	RoutesReady = "RoutesReady"
	// ResourcesApplied is the registry controller's own apply outcome; its transition time is the start of a failing
	// streak, so that a restart of the operator neither resets nor triggers an inertia. Not aggregated.
	ResourcesApplied = "ResourcesApplied"

	// CertificatesDegraded is the trust controller's condition.
	CertificatesDegraded = "ImageRegistryCertificatesControllerDegraded"
)

// Reasons of the core conditions (controllers.md 7).
const (
	ReasonUnmanaged                = "Unmanaged"
	ReasonRemoved                  = "Removed"
	ReasonReady                    = "Ready"
	ReasonError                    = "Error"
	ReasonAsExpected               = "AsExpected"
	ReasonDeploymentNotFound       = "DeploymentNotFound"
	ReasonDeploymentDeleted        = "DeploymentDeleted"
	ReasonNoReplicasAvailable      = "NoReplicasAvailable"
	ReasonMinimumAvailability      = "MinimumAvailability"
	ReasonDeletingDeployment       = "DeletingDeployment"
	ReasonWaitingForDeployment     = "WaitingForDeployment"
	ReasonFinalizingDeployment     = "FinalizingDeployment"
	ReasonDeploymentNotCompleted   = "DeploymentNotCompleted"
	ReasonUnavailable              = "Unavailable"
	ReasonProgressDeadlineExceeded = "ProgressDeadlineExceeded"
	ReasonRouteDegraded            = "RouteDegraded"
)

// Permanent reasons: not retried in a loop, Degraded at once (decision 11).
const (
	ReasonVerificationFailed         = "VerificationFailed"
	ReasonStorageNotConfigured       = "StorageNotConfigured"
	ReasonMultipleStoragesConfigured = "MultipleStoragesConfigured"
	ReasonInvalidRequestLimits       = "InvalidRequestLimits"
	ReasonInvalidTLSSettings         = "InvalidTLSSettings"
	ReasonInvalidConfigOverrides     = "InvalidConfigOverrides"
	ReasonRouteConflict              = "RouteConflict"
	ReasonStorageNotOwned            = "StorageNotOwned"
	ReasonStorageNotSupported        = "StorageNotSupported"
)

// Waiting reasons of StorageReady: neither permanent nor an error of ours.
const (
	// ReasonStorageChanging: the spec has changed and the storage controller is at work on it.
	ReasonStorageChanging = "StorageChanging"
	// ReasonWaitingForCredentials: the Secret with cloud credentials does not exist (yet); the message names it and
	// its keys (decision 22).
	ReasonWaitingForCredentials = "WaitingForCredentials"
	// ReasonStorageRemoving: storage is being emptied or deleted.
	ReasonStorageRemoving = "StorageRemoving"
)
