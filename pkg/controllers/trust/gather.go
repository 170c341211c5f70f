package trust

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// cached are the objects of one sync, nil where there is none.
type cached struct {
	config *imageregistryv1.Config
	// serviceCA, certificates and registryCA are ours to write.
	serviceCA, certificates, registryCA *corev1.ConfigMap
	inputs                              Inputs
}

func (c *controller) gather() (cached, error) {
	var found cached
	var err error
	if found.config, err = absentIsNil(c.Client.Config()); err != nil {
		return found, fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	if found.serviceCA, err = absentIsNil(c.ConfigMaps.Get(names.ServiceCA)); err != nil {
		return found, fmt.Errorf("reading configmap %s/%s: %w", names.OperatorNamespace, names.ServiceCA, err)
	}
	if found.certificates, err = absentIsNil(c.ConfigMaps.Get(names.Certificates)); err != nil {
		return found, fmt.Errorf("reading configmap %s/%s: %w", names.OperatorNamespace, names.Certificates, err)
	}
	if found.registryCA, err = absentIsNil(c.RegistryCA.Get(names.RegistryCA)); err != nil {
		return found, fmt.Errorf("reading configmap %s/%s: %w", names.ManagedConfigNamespace, names.RegistryCA, err)
	}
	in := &found.inputs
	in.Published = found.certificates
	if found.serviceCA != nil {
		in.ServiceCA = found.serviceCA.Data[names.ServiceCAKey]
	}
	if in.Service, err = absentIsNil(c.Services.Get(names.Registry)); err != nil {
		return found, fmt.Errorf("reading service %s/%s: %w", names.OperatorNamespace, names.Registry, err)
	}
	if in.Additional, err = c.additional(); err != nil {
		return found, err
	}
	if found.config != nil {
		in.Managed = found.config.Spec.ManagementState == operatorv1.Managed
		in.DisableRedirect = found.config.Spec.DisableRedirect
		in.Storage = c.storageCA(found.config)
	}
	return found, nil
}

func (c *controller) additional() (Additional, error) {
	image, err := absentIsNil(c.Images.Get(names.Cluster))
	if err != nil {
		return Additional{}, fmt.Errorf("reading image %s: %w", names.Cluster, err)
	}
	if image == nil || image.Spec.AdditionalTrustedCA.Name == "" {
		return Additional{}, nil
	}
	name := image.Spec.AdditionalTrustedCA.Name
	configMap, err := absentIsNil(c.UserConfigMaps.Get(name))
	if err != nil {
		return Additional{}, fmt.Errorf("reading configmap %s/%s: %w", names.UserConfigNamespace, name, err)
	}
	return Additional{Name: name, ConfigMap: configMap}, nil
}

// storageCA asks the drivers of the location in use and of the one asked for: while the storage is being changed,
// pods of both are running. What is wrong with the choice itself is for the storage controller to say.
func (c *controller) storageCA(config *imageregistryv1.Config) StorageCA {
	var found StorageCA
	if config.Spec.ManagementState == operatorv1.Removed {
		return found
	}
	locations := []struct {
		field       string
		coordinates storage.Coordinates
	}{{"spec.storage", config.Spec.Storage}}
	if !equality.Semantic.DeepEqual(config.Spec.Storage, config.Status.Storage) {
		locations = append(locations, struct {
			field       string
			coordinates storage.Coordinates
		}{"status.storage", config.Status.Storage})
	}
	for _, location := range locations {
		bundle, err := c.bundleFor(config, location.coordinates)
		if err != nil {
			found.Problems = append(found.Problems, fmt.Sprintf("the CA bundle for %s: %v", location.field, err))
		} else if len(bundle) > 0 {
			found.Bundles = append(found.Bundles, string(bundle))
		}
	}
	settled, err := c.Settled(config)
	if err != nil {
		found.Problems = append(found.Problems, fmt.Sprintf("the CA bundle of the storage before: %v", err))
	}
	found.Leaving = !settled
	return found
}

func (c *controller) bundleFor(config *imageregistryv1.Config, coordinates storage.Coordinates) ([]byte, error) {
	driver, err := c.Drivers.Select(&coordinates)
	if err != nil {
		return nil, nil //nolint:nilerr // no storage, several or an unknown one: nothing to trust
	}
	inputs, err := c.StorageInputs(config, coordinates)
	if err != nil {
		return nil, err
	}
	bundle, err := driver.CABundle(inputs)
	return bundle.PEM, err
}

// absentIsNil turns a NotFound error into a nil object.
func absentIsNil[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}
