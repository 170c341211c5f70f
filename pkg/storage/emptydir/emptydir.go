// Package emptydir serves storage that lives and dies with the registry pod.
//
// Condition: StorageExists. There is nothing to create or to remove.
package emptydir

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Driver describes storage in an emptyDir volume.
func Driver() storage.Driver {
	return storage.Driver{
		Kind:       storage.EmptyDir,
		Configured: func(c *storage.Coordinates) bool { return c.EmptyDir != nil },
		New:        func(in storage.Inputs) (storage.Backend, error) { return backend{in}, nil },
		Settings: func(storage.Coordinates, storage.Facts) (storage.Settings, error) {
			return storage.FilesystemSettings(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}), nil
		},
		CABundle: func(storage.Inputs) (storage.CABundle, error) { return storage.CABundle{}, nil },
		Identity: func(*storage.Coordinates) string { return "" },
		Observed: func(in storage.Inputs) string { return strconv.Itoa(int(in.Replicas)) },
	}
}

type backend struct{ in storage.Inputs }

// Plan implements storage.Backend.
func (b backend) Plan(context.Context) (storage.Plan, error) {
	return storage.Plan{
		Coordinates:     *b.in.Coordinates.DeepCopy(),
		ManagementState: imageregistryv1.StorageManagementStateManaged,
		Exists:          true,
		Condition:       b.condition(),
	}, nil
}

// Ensure implements storage.Backend.
func (b backend) Ensure(context.Context) (storage.Result, error) {
	return storage.Result{
		Coordinates: *b.in.Coordinates.DeepCopy(),
		Conditions:  []operatorv1.OperatorCondition{*b.condition()},
	}, nil
}

// Remove implements storage.Backend.
func (b backend) Remove(context.Context) (storage.Progress, error) {
	return storage.Progress{Done: true}, nil
}

func (b backend) condition() *operatorv1.OperatorCondition {
	message := "content is kept in the pod and lost with it"
	if b.in.Replicas > 1 {
		message = fmt.Sprintf("%s; %d replicas do not share it: an image pushed to one is missing in the others; set spec.replicas to 1", message, b.in.Replicas)
	}
	return &operatorv1.OperatorCondition{Type: names.StorageExists, Status: operatorv1.ConditionTrue, Reason: "Creation Successful", Message: message}
}
