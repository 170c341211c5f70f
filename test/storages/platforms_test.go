package storages

import (
	"context"
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// platform is one row of the platform table, with the cloud behind it.
type platform struct {
	status configv1.PlatformStatus
	kind   storage.Kind
	// replicas and strategy are those of the Config that bootstrap makes.
	replicas int32
	strategy string
	// exists is the reason of StorageExists, state that of spec.storage.managementState.
	exists, state string
	// medium tells, past the operator, whether the medium of Config is there.
	medium func(ctx context.Context, c *imageregistryv1.ImageRegistryConfigStorage) (bool, error)
	// class is that of the claim that bootstrap makes.
	class string
	// prepare changes the cluster for the time of the test.
	prepare func(t *testing.T)
}

func platforms() map[string]platform {
	ibm := []configv1.IBMCloudServiceEndpoint{}
	power := []configv1.PowerVSServiceEndpoint{}
	for name, address := range map[string]string{
		"COS": clouds.ibm.Addresses["cos"], "IAM": clouds.ibm.Addresses["services"],
		"ResourceController": clouds.ibm.Addresses["services"], "ResourceManager": clouds.ibm.Addresses["services"],
	} {
		ibm = append(ibm, configv1.IBMCloudServiceEndpoint{Name: configv1.IBMCloudServiceName(name), URL: "https://" + address})
		power = append(power, configv1.PowerVSServiceEndpoint{Name: name, URL: "https://" + address})
	}
	return map[string]platform{
		"AWS": {
			status: configv1.PlatformStatus{Type: configv1.AWSPlatformType, AWS: &configv1.AWSPlatformStatus{
				Region: cluster.S3.Region, ServiceEndpoints: []configv1.AWSServiceEndpoint{{Name: "s3", URL: cluster.S3.Endpoint}},
			}},
			kind: storage.S3, replicas: 2, strategy: "RollingUpdate", exists: "Creation Successful|S3 Bucket Exists", state: "Managed", medium: inS3,
		},
		"GCP": {
			status: configv1.PlatformStatus{Type: configv1.GCPPlatformType, GCP: &configv1.GCPPlatformStatus{ProjectID: gcpProject, Region: "us-east1"}},
			kind:   storage.GCS, replicas: 2, strategy: "RollingUpdate", exists: "Creation Successful|GCS Bucket Exists", state: "Managed", medium: inGCS,
		},
		"Azure": {
			status: configv1.PlatformStatus{Type: configv1.AzurePlatformType, Azure: &configv1.AzurePlatformStatus{
				CloudName: configv1.AzurePublicCloud, ResourceGroupName: azureGroup,
			}},
			kind: storage.Azure, replicas: 2, strategy: "RollingUpdate", exists: "ContainerExists", state: "Managed", medium: inAzure,
		},
		"Azure Stack Hub": {
			status: configv1.PlatformStatus{Type: configv1.AzurePlatformType, Azure: &configv1.AzurePlatformStatus{
				CloudName: configv1.AzureStackCloud, ResourceGroupName: azureGroup, ARMEndpoint: "https://management." + azureDomain,
			}},
			kind: storage.Azure, replicas: 2, strategy: "RollingUpdate", exists: "ContainerExists", state: "Managed", medium: inAzure,
		},
		"IBMCloud": {
			status: configv1.PlatformStatus{Type: configv1.IBMCloudPlatformType, IBMCloud: &configv1.IBMCloudPlatformStatus{
				Location: ibmLocation, ResourceGroupName: ibmGroup, ProviderType: configv1.IBMCloudProviderTypeVPC, ServiceEndpoints: ibm,
			}},
			kind: storage.IBMCOS, replicas: 2, strategy: "RollingUpdate", exists: "Creation Successful|IBM COS Bucket Exists", state: "Managed", medium: inIBM,
		},
		"PowerVS": {
			status: configv1.PlatformStatus{Type: configv1.PowerVSPlatformType, PowerVS: &configv1.PowerVSPlatformStatus{
				Region: "dal", Zone: "dal12", ResourceGroup: ibmGroup, ServiceEndpoints: power,
			}},
			kind: storage.IBMCOS, replicas: 2, strategy: "RollingUpdate", exists: "Creation Successful|IBM COS Bucket Exists", state: "Managed", medium: inIBM,
		},
		"OpenStack with Swift": {
			status: configv1.PlatformStatus{Type: configv1.OpenStackPlatformType, OpenStack: &configv1.OpenStackPlatformStatus{CloudName: "openstack"}},
			kind:   storage.Swift, replicas: 2, strategy: "RollingUpdate", exists: "Swift Container Created|Swift container Exists|Container exists", state: "Managed", medium: inSwift,
		},
		"OpenStack without Swift": {
			status: configv1.PlatformStatus{Type: configv1.OpenStackPlatformType, OpenStack: &configv1.OpenStackPlatformStatus{CloudName: "openstack"}},
			kind:   storage.PVC, replicas: 1, strategy: "Recreate", exists: "PVC Exists", state: "Unmanaged", class: "standard-csi", prepare: withoutSwift,
		},
		"oVirt": {
			status: configv1.PlatformStatus{Type: configv1.OvirtPlatformType, Ovirt: &configv1.OvirtPlatformStatus{}},
			kind:   storage.PVC, replicas: 1, strategy: "Recreate", exists: "PVC Exists", state: "Unmanaged", class: "ovirt-csi-sc",
		},
		"Libvirt": {
			status: configv1.PlatformStatus{Type: configv1.LibvirtPlatformType},
			kind:   storage.EmptyDir, replicas: 1, strategy: "RollingUpdate", exists: "Creation Successful", state: "Managed",
		},
	}
}

func TestEachPlatformGetsItsStorage(t *testing.T) {
	// The one control plane node of the suite makes it a cluster for which every row says one replica.
	if err := cluster.SetTopology(t.Context(), configv1.HighlyAvailableTopologyMode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.SetTopology(context.Background(), configv1.SingleReplicaTopologyMode); err != nil {
			t.Error(err)
		}
	})
	for name, p := range platforms() {
		t.Run(name, func(t *testing.T) {
			if p.prepare != nil {
				p.prepare(t)
			}
			if p.kind == storage.PVC {
				provideVolume(t, names.DefaultClaim, p.class, corev1.ReadWriteOnce)
			}
			made := bootstrap(t, p.status)
			if made.Replicas != p.replicas || made.RolloutStrategy != p.strategy || made.ManagementState != operatorv1.Managed {
				t.Errorf("spec is %s with %d replicas and rolloutStrategy %s, want Managed with %d and %s",
					made.ManagementState, made.Replicas, made.RolloutStrategy, p.replicas, p.strategy)
			}
			config := untilStored(t, p.kind, p.exists)
			if got := config.Spec.Storage.ManagementState; got != p.state {
				t.Errorf("spec.storage.managementState is %s, want %s", got, p.state)
			}
			if p.medium == nil {
				return
			}
			used := config.Status.Storage
			requireMedium(t, p, &used, true)
			cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
			cluster.UntilRemoved(t, settle)
			requireMedium(t, p, &used, false)
		})
	}
}

// bootstrap gives the test a Config made by the operator on a platform, and returns the spec that it was made with.
func bootstrap(t *testing.T, status configv1.PlatformStatus) imageregistryv1.ImageRegistrySpec {
	t.Helper()
	operator.PrintOnFailure(t)
	return cluster.RecreateOn(t, settle, status).Spec
}

// untilStored waits until the registry runs on storage of that kind.
func untilStored(t *testing.T, kind storage.Kind, reasons string) *imageregistryv1.Config {
	t.Helper()
	var found *imageregistryv1.Config
	cluster.Until(t, settle, "a registry on "+string(kind), func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		if kinds := storage.Configured(&config.Status.Storage); len(kinds) != 1 || kinds[0] != kind {
			return fmt.Errorf("status.storage is of %v", kinds)
		}
		found = config
		return errors.Join(library.Matches(config.Status.Conditions,
			library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonReady},
			library.Want{Type: names.Degraded, Status: "False"},
			library.Want{Type: names.StorageReady, Status: "True"},
		), oneOf(config, names.StorageExists, reasons))
	})
	return found
}

func requireMedium(t *testing.T, p platform, used *imageregistryv1.ImageRegistryConfigStorage, want bool) {
	t.Helper()
	there, err := p.medium(t.Context(), used)
	if err != nil {
		t.Fatalf("looking for %s: %v", storage.Describe(*used), err)
	}
	if there != want {
		t.Errorf("%s is there: %t, want %t", storage.Describe(*used), there, want)
	}
}

// withoutSwift makes the credentials those of a project whose catalogue has no object storage.
func withoutSwift(t *testing.T) {
	t.Helper()
	set := func(project string) {
		secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
		patch := fmt.Sprintf(`{"stringData":{"clouds.yaml":%q}}`, clouds.openstack(project))
		if _, err := secrets.Patch(context.Background(), names.CloudCredentials, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	set("elsewhere")
	t.Cleanup(func() { set("cluster") })
}
