// Package bootstrap creates Config when there is none: at installation, and again after somebody deleted it to start
// over. It also gives every Config the first bit of status, without which no controller can add a condition.
//
// Reads: Config, Infrastructure, APIServer; on OpenStack, once, whether the cloud has object storage, with the credentials
// and CAs that takes.
//
// Writes: Config (create); status.storage and status.storageManaged once, when there is no status and the storage
// controller has not written one within a second; on platforms whose default storage is a claim, the
// PersistentVolumeClaim.
//
// Conditions: none. Before there is a Config there is nothing to put one on: errors are logged and retried, and a cloud
// that cannot be asked is an event as well.
//
// Triggers: the start of the operator, Config, Infrastructure, the Secrets with credentials.
package bootstrap
