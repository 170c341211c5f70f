// Package storage brings the storage of the registry from Config.spec.storage to Config.status.storage.
//
// Reads: Config, Infrastructure, the Secrets image-registry-private-configuration-user, installer-cloud-credentials and
// image-registry-storage-pair, ConfigMaps of openshift-config and openshift-config-managed, the registry's Deployment
// and pods (before a removal), PersistentVolumeClaims (through their driver).
//
// Writes: spec.storage.<member> where it was empty, spec.storage.s3.encrypt, spec.storage.managementState, the
// finalizer and the annotations storage-decided-for and storage-left; status.storage and status.storageManaged; the pair
// Secret; the medium itself.
//
// Conditions: StorageReady, StorageExists, StorageTagged, StorageEncrypted, StoragePublicAccessBlocked,
// StorageIncompleteUploadCleanupEnabled; and the status.generations entry spec.storage.
//
// Triggers: all of the above, and its own clock: a check of the medium every five minutes, which is one call and compares
// the settings that this call shows, so that all have been compared when each has had its turn; a verification of all of
// them every six hours; retries of what failed after at most two minutes unless the cloud asks for more. What a check finds
// drifted is mended at once.
//
// The order of one change: look (Plan), decide, store name, managementState and finalizer in one patch, create
// (Ensure), store what was learned, publish status.storage. A crash between any two steps is picked up by the next
// sync; a failure leaves status.storage, and with it the registry, where they were. Meanwhile changed credentials are taken
// over for the place that the registry is on, if they serve there, and a lost pair is learned anew.
//
// A removal takes away the medium of status.storage, and one that was made and not published (decision.go says how that is
// known).
package storage
