package names

// Reasons of events. Those of writes are made of kind and verb (DeploymentCreated, RouteUpdateFailed), as earlier
// releases had them.
const (
	// EventDriftReverted: somebody changed or deleted an object of the operator's, or changed settings of its storage in the
	// cloud, and that was set back.
	EventDriftReverted = "DriftReverted"

	// EventManagementStateChanged: spec.managementState of Config asks for something else than before.
	EventManagementStateChanged = "ManagementStateChanged"
	// EventTakenOver: the registry was run by another release of the operator before.
	EventTakenOver = "OwnershipTakenOver"
	// EventHTTPSecretGenerated: spec.httpSecret was empty. Uploads under way begin again.
	EventHTTPSecretGenerated = "HTTPSecretGenerated"
	// EventRolloutStarted, EventRolloutFinished and EventRolloutFailed: the pods of the registry are being replaced, have
	// been, or could not be in time.
	EventRolloutStarted  = "RolloutStarted"
	EventRolloutFinished = "RolloutFinished"
	EventRolloutFailed   = "RolloutFailed"
	// EventRegistryRemoved: the Deployment is gone as Config asks.
	EventRegistryRemoved = "RegistryRemoved"

	// EventStorageAdopted: the registry uses storage that was there before.
	EventStorageAdopted = "StorageAdopted"
	// EventStorageFailed and EventStorageRecovered: what StorageReady says.
	EventStorageFailed    = "StorageFailed"
	EventStorageRecovered = "StorageRecovered"
	// EventStorageRemoving: the removal of the storage has begun.
	EventStorageRemoving = "StorageRemoving"
	// EventStorageKept: the registry is removed, its storage is not: it is the administrator's.
	EventStorageKept = "StorageKept"
	// EventStorageManagementStateChanged: it was said anew whether the operator may configure and delete the storage.
	EventStorageManagementStateChanged = "StorageManagementStateChanged"
	// EventWaitingForCredentials, EventCredentialsFound and EventCredentialsChanged: about the Secret with the cloud's
	// credentials, never with anything of what is in it.
	EventWaitingForCredentials = "WaitingForCredentials"
	EventCredentialsFound      = "CredentialsFound"
	EventCredentialsChanged    = "CredentialsChanged"
	// EventConfigDeleted: the last step of a deletion, the finalizer, is done.
	EventConfigDeleted = "ConfigDeleted"

	// EventRouteConflict, EventRouteRefused, EventRoutesFailed and EventRoutesRecovered: what RoutesReady says.
	EventRouteConflict   = "RouteConflict"
	EventRouteRefused    = "RouteNotAdmitted"
	EventRoutesFailed    = "RoutesFailed"
	EventRoutesRecovered = "RoutesRecovered"

	// EventCertificateAuthorities: something is wrong with a source of trust. EventCertificateAuthoritiesRecovered: no
	// longer. EventCertificateAuthoritiesPublished: which keys of what pods and nodes trust have changed.
	EventCertificateAuthorities          = "CertificateAuthorities"
	EventCertificateAuthoritiesRecovered = "CertificateAuthoritiesRecovered"
	EventCertificateAuthoritiesPublished = "CertificateAuthoritiesPublished"

	// EventNodeCAUnavailable and EventNodeCAAvailable: what NodeCAAvailable says. EventNodeCAFailed and EventNodeCARecovered:
	// what NodeCADegraded says.
	EventNodeCAUnavailable = "NodeCAUnavailable"
	EventNodeCAAvailable   = "NodeCAAvailable"
	EventNodeCAFailed      = "NodeCAFailed"
	EventNodeCARecovered   = "NodeCARecovered"

	// EventImageConfigFailed and EventImageConfigRecovered: what ImageConfigDegraded says.
	EventImageConfigFailed    = "ImageConfigFailed"
	EventImageConfigRecovered = "ImageConfigRecovered"
)
