package names

// Names of the storage controller's records.
const (
	// StorageDecidedAnnotation on Config holds the location for which spec.storage.managementState was decided. It is
	// written in the same patch as the decision, so that after a crash the medium which that decision created is not
	// mistaken for one that was there before.
	StorageDecidedAnnotation = "imageregistry.operator.openshift.io/storage-decided-for"
	// StorageLeftAnnotation on Config names the storage that the registry was on before the one it is on now.
	StorageLeftAnnotation = "imageregistry.operator.openshift.io/storage-left"
	// StorageGeneration is the name of the storage controller's entry in status.generations.
	StorageGeneration = "spec.storage"
)

// Reasons of the storage controller's events.
const (
	EventStorageCreated  = "StorageCreated"
	EventStorageChanged  = "StorageChanged"
	EventStorageRemoved  = "StorageRemoved"
	EventStorageOrphaned = "StorageOrphaned"
	// EventUpdateAWSTags tells that tags of the bucket were written, or could not be.
	EventUpdateAWSTags = "UpdateAWSTags"
)
