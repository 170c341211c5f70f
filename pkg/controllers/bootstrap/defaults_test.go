package bootstrap

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/tlsprofile"
)

func infrastructure(platform configv1.PlatformType, topology configv1.TopologyMode) *configv1.Infrastructure {
	infra := &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	infra.Status.InfrastructureTopology = topology
	infra.Status.PlatformStatus = &configv1.PlatformStatus{Type: platform}
	return infra
}

// platformDefault is the default of a platform that offers all that it may.
func platformDefault(t *testing.T, infrastructure *configv1.Infrastructure, without ...storage.Kind) storage.Default {
	t.Helper()
	platform, err := storage.DefaultFor(named(infrastructure), without...)
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

// summary is what the platform decides, in one line.
type summary struct {
	Storage         string
	Replicas        int32
	State           operatorv1.ManagementState
	RolloutStrategy string
}

func TestDefaultConfigByPlatform(t *testing.T) {
	shared := func(storage string) summary { return summary{storage, 2, operatorv1.Managed, "RollingUpdate"} }
	ephemeral := summary{`{"emptyDir":{}}`, 1, operatorv1.Managed, "RollingUpdate"}
	none := summary{`{}`, 1, operatorv1.Removed, "RollingUpdate"}
	for platform, want := range map[configv1.PlatformType]summary{
		"AWS":          shared(`{"s3":{"virtualHostedStyle":false,"trustedCA":{"name":""}}}`),
		"Azure":        shared(`{"azure":{}}`),
		"GCP":          shared(`{"gcs":{}}`),
		"IBMCloud":     shared(`{"ibmcos":{}}`),
		"PowerVS":      shared(`{"ibmcos":{}}`),
		"OpenStack":    shared(`{"swift":{}}`),
		"oVirt":        {`{"pvc":{"claim":"image-registry-storage"}}`, 1, operatorv1.Managed, "Recreate"},
		"Libvirt":      ephemeral,
		"":             ephemeral,
		"SomethingNew": ephemeral,
		"BareMetal":    none,
		"VSphere":      none,
		"None":         none,
		"Nutanix":      none,
		"KubeVirt":     none,
		"EquinixMetal": none,
		"AlibabaCloud": none,
		"External":     none,
	} {
		for topology, most := range map[configv1.TopologyMode]int32{"": 2, configv1.HighlyAvailableTopologyMode: 2, configv1.SingleReplicaTopologyMode: 1} {
			t.Run("platform "+string(platform)+" topology "+string(topology), func(t *testing.T) {
				want := want
				want.Replicas = min(want.Replicas, most)
				config, err := DefaultConfig(platformDefault(t, infrastructure(platform, topology)), nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, summaryOf(t, config)); diff != "" {
					t.Errorf("config (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func summaryOf(t *testing.T, config *imageregistryv1.Config) summary {
	t.Helper()
	text, err := json.Marshal(config.Spec.Storage)
	if err != nil {
		t.Fatal(err)
	}
	return summary{string(text), config.Spec.Replicas, config.Spec.ManagementState, config.Spec.RolloutStrategy}
}

func TestDefaultConfigOnOpenStackWithoutSwift(t *testing.T) {
	config, err := DefaultConfig(platformDefault(t, infrastructure("OpenStack", "HighlyAvailable"), storage.Swift), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := summary{`{"pvc":{"claim":"image-registry-storage"}}`, 1, operatorv1.Managed, "Recreate"}
	if diff := cmp.Diff(want, summaryOf(t, config)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestDefaultConfigWithoutPlatformStatusIsAnUnknownPlatform(t *testing.T) {
	infra := infrastructure("", "")
	infra.Status.PlatformStatus = nil
	config, err := DefaultConfig(platformDefault(t, infra), nil)
	if err != nil {
		t.Fatal(err)
	}
	if config.Spec.Storage.EmptyDir == nil || infra.Status.PlatformStatus != nil {
		t.Errorf("storage %+v, infrastructure %+v", config.Spec.Storage, infra.Status)
	}
}

func TestDefaultConfigWhole(t *testing.T) {
	config, err := DefaultConfig(platformDefault(t, infrastructure("GCP", "")), &tlsprofile.Settings{MinTLSVersion: "VersionTLS12", CipherSuites: []string{"A", "B"}})
	if err != nil {
		t.Fatal(err)
	}
	want := &imageregistryv1.Config{}
	want.Name, want.Finalizers = "cluster", []string{"imageregistry.operator.openshift.io/finalizer"}
	want.Spec.ManagementState, want.Spec.LogLevel, want.Spec.OperatorLogLevel = operatorv1.Managed, operatorv1.Normal, operatorv1.Normal
	want.Spec.Storage.GCS = &imageregistryv1.ImageRegistryConfigStorageGCS{}
	want.Spec.Replicas, want.Spec.RolloutStrategy = 2, "RollingUpdate"
	want.Spec.ObservedConfig.Raw = []byte(`{"servingInfo":{"minTLSVersion":"VersionTLS12","cipherSuites":["A","B"]}}`)
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestNewClaim(t *testing.T) {
	claim := newClaim(storage.DefaultClaim{Name: "image-registry-storage", StorageClass: "ovirt-csi-sc"})
	text, err := json.Marshal(claim)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"metadata":{"name":"image-registry-storage","namespace":"openshift-image-registry","annotations":{"imageregistry.openshift.io":"true"}},` +
		`"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"100Gi"}},"storageClassName":"ovirt-csi-sc"},"status":{}}`
	if string(text) != want {
		t.Errorf("claim is\n%s, want\n%s", text, want)
	}
}
