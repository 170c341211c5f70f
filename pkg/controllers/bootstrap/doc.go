// Package bootstrap creates Config when there is none: at installation, and again after somebody deleted it to start
// over. It also gives every Config the first bit of status, without which no controller can add a condition.
//
// Reads: Config, Infrastructure, APIServer.
//
// Writes: Config (create); status.storage and status.storageManaged once, when there is no status and the storage
// controller has not written one within a second; on platforms whose default storage is a claim, the
// PersistentVolumeClaim.
//
// Conditions: none. Before there is a Config there is nothing to put one on: errors are logged and retried.
//
// Triggers: the start of the operator, Config, Infrastructure.
package bootstrap
