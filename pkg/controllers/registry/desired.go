package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Desired are the objects that should exist now, and what is missing for the rest.
type Desired struct {
	Objects
	// Waiting says why the Deployment cannot be made yet; empty when it can.
	Waiting string
	// Missing says what the running Deployment has lost; its pods are not replaced until that is back.
	Missing string
}

// Render decides what should exist. It is pure: same inputs, same objects. Inputs must have passed Validate, and
// spec.httpSecret must have been stored.
func Render(in Inputs) (Desired, error) {
	if in.Config.Spec.HTTPSecret == "" {
		return Desired{}, errors.New("spec.httpSecret is empty")
	}
	settings, waiting, err := storageSettings(in)
	if err != nil {
		return Desired{}, err
	}
	if waiting != "" && in.Live.Deployment == nil {
		// Nothing is rendered before the first storage is good: the Service alone would publish a hostname that
		// builds try to push to.
		return Desired{Waiting: waiting}, nil
	}
	desired, err := renderStatic(in)
	if err != nil {
		return Desired{}, err
	}
	if waiting != "" {
		desired.Waiting = waiting
		return desired, nil
	}
	if desired.PrivateConfiguration, err = privateConfiguration(settings); err != nil {
		return Desired{}, err
	}
	return desired, renderDeployment(in, settings, &desired)
}

// storageSettings is what the pod needs to reach status.storage, the last storage known to be good. What was learned
// about a location counts only for that location.
func storageSettings(in Inputs) (settings storage.Settings, waiting string, err error) {
	coordinates := in.Config.Status.Storage
	driver, ready := driverOf(in)
	if !ready {
		// The storage controller says in StorageReady what is wrong or under way.
		return storage.Settings{}, "Waiting for storage that is set up", nil
	}
	var hash string
	var facts storage.Facts
	if in.Pair != nil {
		hash, facts = storage.DecodePair(in.Pair.Data)
	}
	if hash != storage.LocationHash(coordinates) {
		return storage.Settings{}, "Waiting for the credentials of storage " + storage.Describe(coordinates), nil
	}
	if in.Live.Deployment != nil && !storageSpoken(in.Config) {
		// What an earlier operator left in status.storage may be about to be completed, and that would be one more rollout.
		return storage.Settings{}, "Waiting for a first look at storage " + storage.Describe(coordinates), nil
	}
	settings, err = driver.Settings(coordinates, facts)
	if err != nil {
		return storage.Settings{}, "", fmt.Errorf("rendering settings of storage %s: %w", storage.Describe(coordinates), err)
	}
	return settings, "", nil
}

// storageSpoken tells that the storage controller has dealt with some spec.storage of this Config.
func storageSpoken(config *imageregistryv1.Config) bool {
	return slices.ContainsFunc(config.Status.Generations, func(have operatorv1.GenerationStatus) bool {
		return have.Group == imageregistryv1.GroupVersion.Group && have.Name == names.StorageGeneration
	})
}

// driverOf is the driver of status.storage, if that is one storage of a kind we know.
func driverOf(in Inputs) (storage.Driver, bool) {
	driver, err := in.Drivers.Select(&in.Config.Status.Storage)
	return driver, err == nil
}

// renderStatic makes all objects that do not depend on storage.
func renderStatic(in Inputs) (Desired, error) {
	desired := Desired{Objects: Objects{
		ClusterRole:         load[rbacv1.ClusterRole]("clusterrole"),
		ClusterRoleBinding:  load[rbacv1.ClusterRoleBinding]("clusterrolebinding"),
		ServiceAccount:      load[corev1.ServiceAccount]("serviceaccount"),
		PullSecret:          pullSecret(in.PullSecret),
		Service:             load[corev1.Service]("service"),
		PodDisruptionBudget: disruptionBudget(in.Config.Spec.Replicas),
		NetworkPolicy:       load[networkingv1.NetworkPolicy]("networkpolicy"),
	}}
	var err error
	desired.HTTPSecret, err = httpSecret(in.Config.Spec.HTTPSecret)
	return desired, err
}

// renderDeployment adds the Deployment, or what it waits for.
func renderDeployment(in Inputs, settings storage.Settings, desired *Desired) error {
	deployment := load[appsv1.Deployment]("deployment")
	for _, t := range transforms {
		if err := t.apply(deployment, rendering{Inputs: in, settings: settings}); err != nil {
			return fmt.Errorf("rendering deployment, %s: %w", t.name, err)
		}
	}
	found, err := resolve(in, desired.Objects, deployment)
	if err != nil {
		return err
	}
	live := in.Live.Deployment
	switch {
	case len(found.missing) == 0:
		setChecksum(deployment, found.checksum)
	case live == nil:
		// The first pods would hang without them, and be replaced as soon as they appear.
		desired.Waiting = "Waiting for " + strings.Join(found.missing, ", ")
		return nil
	default:
		desired.Missing = "the registry's pods need " + strings.Join(found.missing, ", ")
		setChecksum(deployment, checksumOf(live))
	}
	if err := setOverrides(deployment, &in.Config.Spec); err != nil {
		return fmt.Errorf("rendering deployment, overrides: %w", err)
	}
	desired.Deployment = towards(live, deployment)
	return nil
}

// disruptionBudget keeps one pod when there are several; a single pod must not block the drain of its node.
func disruptionBudget(replicas int32) *policyv1.PodDisruptionBudget {
	budget := load[policyv1.PodDisruptionBudget]("poddisruptionbudget")
	if replicas > 1 {
		budget.Spec.MinAvailable = ptr.To(intstr.FromInt32(1))
	}
	return budget
}

func load[T any, P bindata.Object[T]](name string) *T {
	return bindata.MustDecode[T, P]("registry/" + name + ".yaml")
}
