package operator

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	configlistersv1 "github.com/openshift/client-go/config/listers/config/v1"

	storagecontroller "github.com/openshift/cluster-image-registry-operator/pkg/controllers/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/azure"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/emptydir"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/gcs"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/ibmcos"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/pvc"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/swift"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

// newDrivers is the catalog of storage: what is not in it is reported as not supported. The key cache's look-ups are told
// to keyCache, which may be nil.
func newDrivers(c clients, i *informerSet, e Environment, keyCache func(hit bool)) storage.Drivers {
	return storage.Drivers{
		azure.Driver(azure.Options{EnvironmentFile: e.AzureEnvironmentFile, IdentityFile: e.AzureIdentityFile, KeyCache: keyCache}),
		emptydir.Driver(),
		ibmcos.Driver(ibmcos.Options{}),
		s3.Driver(s3.Options{}),
		gcs.Driver(gcs.Options{}),
		swift.Driver(swift.Options{}),
		pvc.Driver(pvc.Deps{
			Lister: i.claims.Lister().PersistentVolumeClaims(names.OperatorNamespace),
			Client: c.kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace),
		}),
	}
}

// kindNames are the values of the label of image_registry_storage_type.
func kindNames() []string {
	var all []string
	for _, kind := range []storage.Kind{storage.EmptyDir, storage.S3, storage.Swift, storage.GCS, storage.IBMCOS, storage.PVC, storage.Azure} {
		all = append(all, string(kind))
	}
	return all
}

// storageInputs gathers, from caches, what a driver needs to tell which CA its endpoint has.
type storageInputs struct {
	storagecontroller.Whereabouts
	infrastructures configlistersv1.InfrastructureLister
	userConfigMaps  corev1listers.ConfigMapNamespaceLister
	cloudConfig     corev1listers.ConfigMapNamespaceLister
}

func (s storageInputs) gather(config *imageregistryv1.Config, coordinates storage.Coordinates) (storage.Inputs, error) {
	infrastructure, err := s.infrastructures.Get(names.Cluster)
	if err != nil {
		return storage.Inputs{}, fmt.Errorf("reading infrastructure %s: %w", names.Cluster, err)
	}
	user, err := s.Secret(names.PrivateConfigurationUser)
	if err != nil {
		return storage.Inputs{}, err
	}
	minted, err := s.Secret(names.CloudCredentials)
	if err != nil {
		return storage.Inputs{}, err
	}
	return storage.Inputs{
		Coordinates:     coordinates,
		Managed:         config.Spec.Storage.ManagementState == imageregistryv1.StorageManagementStateManaged,
		Replicas:        config.Spec.Replicas,
		RolloutStrategy: config.Spec.RolloutStrategy,
		Infrastructure:  infrastructure,
		UserSecret:      user,
		MintedSecret:    minted,
		ConfigMap:       s.configMap,
		Version:         version.Version,
	}, nil
}

func (s storageInputs) configMap(namespace, name string) (*corev1.ConfigMap, error) {
	switch namespace {
	case names.UserConfigNamespace:
		return s.userConfigMaps.Get(name)
	case names.ManagedConfigNamespace:
		return s.cloudConfig.Get(name)
	}
	return nil, fmt.Errorf("configmaps of namespace %s are not watched", namespace)
}
