// Package operatorclient is the one writer of Config. Controllers read the cached object and write through two narrow
// doors: a patch of named spec fields with a resourceVersion precondition, so that an administrator's edit is never
// reverted, and a server-side apply of the status fields that the calling controller owns.
package operatorclient

import (
	"context"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

// Client reads and writes configs.imageregistry.operator.openshift.io/cluster.
type Client interface {
	// Config returns the object, which the caller must not modify, or a NotFound API error. It is the cached one, or a
	// later one that this process has written.
	Config() (*imageregistryv1.Config, error)
	// Patch sends the changes to spec and metadata as one JSON patch that applies only to the version given: a
	// conflict error means that the cache was behind, and the next event brings the sync back. It returns the stored
	// object. Without changes it writes nothing and returns config. managedFields remember the manager, which is how the
	// storage controller tells a value it set from one the administrator set.
	Patch(ctx context.Context, manager string, config *imageregistryv1.Config, changes ...Change) (*imageregistryv1.Config, error)
	// ReplaceStorage replaces status.storage whole and sets status.storageManaged, with the same precondition.
	// Server-side apply cannot do this: the union is a granular map, so two managers' members would both stay.
	ReplaceStorage(ctx context.Context, manager string, config *imageregistryv1.Config, storage imageregistryv1.ImageRegistryConfigStorage, managed bool) (*imageregistryv1.Config, error)
	// ApplyStatus applies the complete set of status fields that the field manager owns: what it owned before and
	// leaves out now is removed. LastTransitionTime is filled in: kept while the status of the condition is the same,
	// now otherwise. Nothing is sent when the cached object already says all of it, nor before ReplaceStorage has given
	// the object a status.
	ApplyStatus(ctx context.Context, manager string, status Status) error
	// DropConditions removes conditions whoever owns them, with the same precondition as Patch. It is for those that
	// nobody keeps up: what another manager has left behind cannot be removed by applying. Without any of the types it
	// writes nothing and returns config.
	DropConditions(ctx context.Context, manager string, config *imageregistryv1.Config, types ...string) (*imageregistryv1.Config, error)
}

// Status are the fields of Config's status that a controller may own.
type Status struct {
	Conditions         []operatorv1.OperatorCondition
	Generations        []operatorv1.GenerationStatus
	ObservedGeneration *int64
	ReadyReplicas      *int32
}

// Change is one step of a patch.
type Change struct {
	// Op is a JSON patch operation: add, replace or remove.
	Op string `json:"op"`
	// Path is a JSON pointer such as /spec/storage/s3/bucket.
	Path string `json:"path"`
	// Value is any JSON value; absent for remove.
	Value any `json:"value,omitempty"`
}

// Set sets the field at path, whose parent must exist, to value. A false, zero or empty value is sent as such.
func Set(path string, value any) Change { return Change{Op: "add", Path: path, Value: value} }

// Remove removes the field at path, which must exist.
func Remove(path string) Change { return Change{Op: "remove", Path: path} }
