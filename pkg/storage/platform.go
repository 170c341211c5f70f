package storage

import (
	"errors"
	"slices"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Rollout strategies of the registry's Deployment.
const (
	RollingUpdate = "RollingUpdate"
	Recreate      = "Recreate"
)

// Default is what a platform gets when nobody says otherwise.
type Default struct {
	// Storage has no member for a platform without storage.
	Storage Coordinates
	// Replicas, ManagementState and RolloutStrategy are for the registry itself, and only for bootstrap.
	Replicas        int32
	ManagementState operatorv1.ManagementState
	RolloutStrategy string
	// Claim is the claim that bootstrap has to make when there is none of that name; nil for no claim.
	Claim *DefaultClaim
}

// DefaultClaim is a claim made at bootstrap: ReadWriteOnce, 100Gi.
type DefaultClaim struct {
	Name, StorageClass string
}

// DefaultFor is the platform table. A platform that is known to have no storage starts Removed; one that is not known
// starts on ephemeral storage, so that new platforms come up. without are kinds that this one turned out not to offer
// (Drivers.Default asks).
func DefaultFor(infrastructure *configv1.Infrastructure, without ...Kind) (Default, error) {
	if infrastructure == nil || infrastructure.Status.PlatformStatus == nil {
		return Default{}, errors.New("infrastructure cluster has no status.platformStatus yet")
	}
	d := platformDefault(infrastructure.Status.PlatformStatus.Type, without)
	if infrastructure.Status.InfrastructureTopology == configv1.SingleReplicaTopologyMode {
		d.Replicas = 1
	}
	return d, nil
}

func platformDefault(platform configv1.PlatformType, without []Kind) Default {
	shared := Default{Replicas: 2, ManagementState: operatorv1.Managed, RolloutStrategy: RollingUpdate}
	single := shared
	single.Replicas = 1
	switch platform {
	case configv1.AWSPlatformType:
		shared.Storage.S3 = &imageregistryv1.ImageRegistryConfigStorageS3{}
		return shared
	case configv1.AzurePlatformType:
		shared.Storage.Azure = &imageregistryv1.ImageRegistryConfigStorageAzure{}
		return shared
	case configv1.GCPPlatformType:
		shared.Storage.GCS = &imageregistryv1.ImageRegistryConfigStorageGCS{}
		return shared
	case configv1.IBMCloudPlatformType, configv1.PowerVSPlatformType:
		shared.Storage.IBMCOS = &imageregistryv1.ImageRegistryConfigStorageIBMCOS{}
		return shared
	case configv1.OpenStackPlatformType:
		if slices.Contains(without, Swift) {
			return onClaim(single, "standard-csi")
		}
		shared.Storage.Swift = &imageregistryv1.ImageRegistryConfigStorageSwift{}
		return shared
	case configv1.OvirtPlatformType:
		return onClaim(single, "ovirt-csi-sc")
	case configv1.BareMetalPlatformType, configv1.VSpherePlatformType, configv1.NonePlatformType,
		configv1.NutanixPlatformType, configv1.KubevirtPlatformType, configv1.EquinixMetalPlatformType,
		configv1.AlibabaCloudPlatformType, configv1.ExternalPlatformType:
		single.ManagementState = operatorv1.Removed
		return single
	default:
		// Libvirt, and every platform that is newer than this table.
		single.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
		return single
	}
}

// onClaim is d with a claim of that class for storage: one node at a time can mount it.
func onClaim(d Default, class string) Default {
	d.Storage.PVC = &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: names.DefaultClaim}
	d.RolloutStrategy = Recreate
	d.Claim = &DefaultClaim{Name: names.DefaultClaim, StorageClass: class}
	return d
}
