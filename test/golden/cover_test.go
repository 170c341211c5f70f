package golden

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

// fewest cases there have to be: a folder that is not found any more would not be missed otherwise.
const fewest = 40

// TestGoldenCoversEveryKindOfCluster looks at what the cases begin with and what administrators edit.
func TestGoldenCoversEveryKindOfCluster(t *testing.T) {
	seen := map[string]bool{}
	cases, variants := directories(t, "*"), directories(t, "variants/*")
	if len(cases)+len(variants) < fewest {
		t.Errorf("%d cases, want %d or more", len(cases)+len(variants), fewest)
	}
	for _, dir := range cases {
		about := readCase(t, dir)
		note(seen, about.objects(t, dir), about.Edits)
	}
	for _, dir := range variants {
		var about variant
		readYAML(t, filepath.Join(dir, "test.yaml"), &about)
		note(seen, about.apply(t, readCase(t, about.Base).objects(t, about.Base)), about.Edits)
	}
	for _, platform := range []configv1.PlatformType{
		configv1.AWSPlatformType, configv1.AzurePlatformType, configv1.BareMetalPlatformType, configv1.GCPPlatformType, configv1.LibvirtPlatformType,
		configv1.OpenStackPlatformType, configv1.NonePlatformType, configv1.VSpherePlatformType, configv1.OvirtPlatformType, configv1.IBMCloudPlatformType,
		configv1.KubevirtPlatformType, configv1.EquinixMetalPlatformType, configv1.PowerVSPlatformType, configv1.AlibabaCloudPlatformType,
		configv1.NutanixPlatformType, configv1.ExternalPlatformType,
	} {
		if !seen["platform "+string(platform)] {
			t.Errorf("no case has platform %s", platform)
		}
	}
	for _, topology := range []configv1.TopologyMode{
		configv1.HighlyAvailableTopologyMode, configv1.SingleReplicaTopologyMode, configv1.ExternalTopologyMode,
	} {
		if !seen["control plane "+string(topology)] {
			t.Errorf("no case has control plane topology %s", topology)
		}
		if topology != configv1.ExternalTopologyMode && !seen["infrastructure "+string(topology)] {
			t.Errorf("no case has infrastructure topology %s", topology)
		}
	}
	for _, state := range []operatorv1.ManagementState{operatorv1.Managed, operatorv1.Unmanaged, operatorv1.Removed, operatorv1.Force} {
		if !seen["state "+string(state)] {
			t.Errorf("no case has managementState %s", state)
		}
	}
}

// TestGoldenHasARegistryOnEveryStorage: a case that only waits for credentials shows nothing of what the registry is told.
func TestGoldenHasARegistryOnEveryStorage(t *testing.T) {
	const objects = "expected/objects/openshift-image-registry/"
	for _, storage := range []string{"emptyDir", "pvc", "s3", "azure", "gcs", "swift", "ibmcos"} {
		found := false
		for _, dir := range directories(t, "*") {
			for _, o := range readCase(t, dir).objects(t, dir) {
				_, asked, _ := unstructured.NestedMap(o.Object, "spec", "storage", storage)
				if o.GetKind() != "Config" || !asked {
					continue
				}
				_, noDeployment := os.Stat(filepath.Join(dir, objects+"deployments-image-registry.yaml"))
				_, noSecret := os.Stat(filepath.Join(dir, objects+"secrets-image-registry-private-configuration.yaml"))
				found = found || noDeployment == nil && noSecret == nil
			}
		}
		if !found {
			t.Errorf("no case shows Deployment and Secret of a registry on %s", storage)
		}
	}
}

// note adds the platform, the topologies and the states of a case.
func note(seen map[string]bool, objects []*object, edits []edit) {
	state := func(config map[string]any) {
		if state, found, _ := unstructured.NestedString(config, "spec", "managementState"); found {
			seen["state "+state] = true
		}
	}
	for _, o := range objects {
		switch o.GetKind() {
		case "Infrastructure":
			platform, _, _ := unstructured.NestedString(o.Object, "status", "platformStatus", "type")
			seen["platform "+platform] = true
			for what, field := range map[string]string{"control plane ": "controlPlaneTopology", "infrastructure ": "infrastructureTopology"} {
				topology, _, _ := unstructured.NestedString(o.Object, "status", field)
				seen[what+topology] = true
			}
		case "Config":
			state(o.Object)
		}
	}
	for _, e := range edits {
		state(e.Config)
	}
}
