// Package storage is the seam between the controllers and the seven kinds of registry storage. It holds the types
// both sides share and no cloud code: each kind is a Driver in a package of its own below this one.
package storage

import (
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

// Kind names a kind of storage the way conditions, errors and the metric image_registry_storage_type name it.
type Kind string

// The kinds, in the order in which errors list them.
const (
	EmptyDir Kind = "EmptyDir"
	S3       Kind = "S3"
	Swift    Kind = "Swift"
	GCS      Kind = "GCS"
	IBMCOS   Kind = "IBMCOS"
	PVC      Kind = "PVC"
	Azure    Kind = "Azure"
)

// Coordinates say where the storage is: one member of the union is set. managementState is not part of them.
type Coordinates = imageregistryv1.ImageRegistryConfigStorage

// Facts are what a backend learned and the registry needs to reach the storage: credentials, effective endpoints.
// They are secret, live only in Secrets, and are valid for one location (LocationHash).
type Facts map[string][]byte

// Settings are what the registry pod needs. They are a pure function of Coordinates and Facts.
type Settings struct {
	// Env are registry variables, in the order the specification gives.
	Env []EnvVar
	// Volumes and Mounts are in matching order.
	Volumes []corev1.Volume
	Mounts  []corev1.VolumeMount
	// SecretData goes whole into Secret image-registry-private-configuration, beside the secret Env values.
	SecretData map[string][]byte
}

// EnvVar is one variable for the registry, which parses REGISTRY_* values as YAML: Value is an int, a bool, a string
// or a struct and is rendered by RenderEnv.
type EnvVar struct {
	Name  string
	Value any
	// Secret values go to Secret image-registry-private-configuration under Name and become a secretKeyRef.
	Secret bool
}

// Plan is where the storage is, or will be once Ensure has run. It is stored in Config before Ensure may create
// anything, so that a crash at any call leaves at most one medium, which the next run adopts (decision 9).
type Plan struct {
	// Coordinates are complete: every generated name and every value taken from the cluster is in them.
	Coordinates Coordinates
	// ManagementState is what to record when the administrator did not say: Managed for a medium that Ensure will
	// create, Unmanaged for one that exists and is not ours.
	ManagementState string
	// Exists tells that the medium was seen. With unchanged inputs that is all there is to know until the next check.
	Exists bool
	// Drifted says what of the settings that Inputs.Look names is not as Ensure left it: Ensure is to be called now. Empty
	// while they hold.
	Drifted string
	// Unread tells that these settings may not be read any more. Ensure is to be called now, and makes of that what it always
	// does. A reading that failed for a reason that may pass is left to the next turn of the look.
	Unread bool
	// Condition is StorageExists as the look found it; nil when nothing was looked at.
	Condition *operatorv1.OperatorCondition
}

// Look names settings that one call to the cloud shows, in words that only their backend knows; empty for a look that is
// only whether the medium is there.
type Look []string

// Note is an event to raise.
type Note struct {
	Warning bool
	Reason  string
	Message string
}

// Result is what Ensure established.
type Result struct {
	// Coordinates to publish as status.storage.
	Coordinates Coordinates
	Facts       Facts
	// Conditions are the complete set of storage conditions of this backend (StorageExists and its companions).
	Conditions []operatorv1.OperatorCondition
	// Created is true when this call created the medium; the controller records it.
	Created bool
	// Incomplete is true when a setting could not be applied for a reason that may pass: Ensure is called again at the
	// next check although nothing has changed.
	Incomplete bool
	// Looks are what the checks of the steady state go round: between them they compare each setting that Ensure has put in
	// effect and that can be read. Those that are not in effect are left out: nothing holds that could drift. None where a
	// look at the medium is all there is.
	Looks []Look
	// Notes are events worth raising.
	Notes []Note
	// RetryAfter is set while the backend waits for the cloud: call Ensure again then. Coordinates are not
	// published before it is zero.
	RetryAfter time.Duration
}

// Progress is how far a removal has come. Remove does a bounded step per call.
type Progress struct {
	Done bool
	// Message says what is left ("1200 objects left"); shown in StorageExists while not Done.
	Message    string
	Conditions []operatorv1.OperatorCondition
	// RetryAfter is when to call Remove again; zero means at once.
	RetryAfter time.Duration
}

// Backend is one medium of one kind, made for one set of Inputs. It never sees Config and never writes anything but
// its cloud (PVC: its claim). Every method is idempotent, honours ctx and may be called again after any failure.
// Errors are *Error where the condition should say more than "unknown"; see errors.go.
type Backend interface {
	// Plan looks, and decides where the storage is or will be. It creates nothing. It is also the cheap check of the
	// steady state: at most one call to the cloud when the medium is there and the settings of Inputs.Look hold.
	Plan(ctx context.Context) (Plan, error)
	// Ensure makes the medium of Inputs.Coordinates exist and, if Inputs.Managed, applies the default settings.
	Ensure(ctx context.Context) (Result, error)
	// Remove empties and deletes the medium in bounded steps. It deletes only what carries the cluster's mark or
	// what Inputs.Created says we made; otherwise it returns an *Error with reason StorageNotOwned. A medium that is
	// gone is Done.
	Remove(ctx context.Context) (Progress, error)
}

// Content is the files of a medium by the paths that the registry's storage drivers give them
// (docker/registry/v2/blobs/…), without what a driver or its medium puts before them. It serves to copy images from one
// medium to another; the registry may be at work on the medium at the same time.
type Content interface {
	// List calls visit for each file whose path begins with prefix, in no particular order, and ends with the first
	// error of visit.
	List(ctx context.Context, prefix string, visit func(File) error) error
	// Open reads a file; the error for one that is not there is fs.ErrNotExist to errors.Is.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	// Write stores size bytes as a file, whole or not at all: nobody ever sees a part of it.
	Write(ctx context.Context, path string, size int64, content io.Reader) error
}

// File is one file of Content.
type File struct {
	Path string
	// Size is in bytes.
	Size int64
}

// CABundle is what is needed to verify the storage endpoint.
type CABundle struct {
	PEM []byte
	// SystemRoots says that the system's roots are trusted as well.
	SystemRoots bool
}

// Inputs are everything a backend may look at, gathered from caches by the storage controller.
type Inputs struct {
	// Coordinates as in spec.storage (or status.storage for a removal); possibly incomplete.
	Coordinates Coordinates
	// Managed tells whether settings may be applied.
	Managed bool
	// Created tells that the operator recorded the creation of this medium.
	Created bool
	// Decide tells Plan that its ManagementState is wanted; finding it out may cost a call that the check does not need.
	Decide bool
	// Look is what Plan is to compare, one of Result.Looks; empty for nothing.
	Look Look
	// Replicas and RolloutStrategy matter to claims that only one node can mount.
	Replicas        int32
	RolloutStrategy string

	Infrastructure *configv1.Infrastructure
	// UserSecret and MintedSecret are nil when absent. UserSecret replaces MintedSecret whole.
	UserSecret, MintedSecret *corev1.Secret
	// ConfigMap reads a ConfigMap of the openshift-config or openshift-config-managed namespace from cache.
	// It returns a NotFound API error when there is none.
	ConfigMap func(namespace, name string) (*corev1.ConfigMap, error)
	// Version forms the user agent.
	Version string
	// Observed is what Driver.Observed said where a Snapshot was taken; a driver takes it for what is the case. Empty
	// where the driver can look itself.
	Observed string
}

// Driver describes one kind of storage: how to recognise it, how to make its Backend, and its pure functions.
type Driver struct {
	Kind Kind
	// Configured tells whether the union member of this kind is set.
	Configured func(*Coordinates) bool
	// New makes a Backend; it reads credentials from Inputs and must not touch the network.
	New func(Inputs) (Backend, error)
	// Settings is what the registry pod needs; pure.
	Settings func(Coordinates, Facts) (Settings, error)
	// CABundle is the trust needed for the endpoint; reads Inputs only.
	CABundle func(Inputs) (CABundle, error)
	// Identity is the bucket, container or claim; empty for emptyDir.
	Identity func(*Coordinates) string
	// Forget clears the generated names that stop being valid once Remove is done; nil when there are none.
	Forget func(*Coordinates)
	// Content opens the files of the medium of complete Inputs; nil for kinds whose medium has to be mounted, and for those
	// whose images cannot be copied by us.
	Content func(Inputs) (Content, error)
	// Usable asks the cloud whether a platform whose default this kind is offers it at all, for the inputs of an empty
	// configuration; an error says that this could not be found out. Nil when every such platform does.
	Usable func(context.Context, Inputs) (bool, error)
	// Observed says what Ensure depends on beside Inputs and the cloud, as a text that changes when it does; nil when
	// there is nothing.
	Observed func(Inputs) string
}
