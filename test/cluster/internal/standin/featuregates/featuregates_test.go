package featuregates

import (
	"slices"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
)

func TestDetails(t *testing.T) {
	const stable, preview, custom = "ImageStreamImportMode", "Example", "MadeUp"
	for name, c := range map[string]struct {
		spec configv1.FeatureGateSpec
		on   map[configv1.FeatureGateName]bool
	}{
		"the default set": {
			configv1.FeatureGateSpec{}, map[configv1.FeatureGateName]bool{stable: true, preview: false},
		},
		"the preview set": {
			gates(configv1.TechPreviewNoUpgrade), map[configv1.FeatureGateName]bool{stable: true, preview: true},
		},
		"a custom set starts from the default one": {
			configv1.FeatureGateSpec{FeatureGateSelection: configv1.FeatureGateSelection{
				FeatureSet: configv1.CustomNoUpgrade,
				CustomNoUpgrade: &configv1.CustomFeatureGates{
					Enabled: []configv1.FeatureGateName{custom}, Disabled: []configv1.FeatureGateName{stable},
				},
			}},
			map[configv1.FeatureGateName]bool{stable: false, preview: false, custom: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Details(c.spec, "4.22.0")
			if err != nil {
				t.Fatal(err)
			}
			for gate, on := range c.on {
				in := configv1.FeatureGateAttributes{Name: gate}
				if slices.Contains(got.Enabled, in) != on || slices.Contains(got.Disabled, in) == on {
					t.Errorf("gate %s: want on=%v", gate, on)
				}
			}
		})
	}
}

func TestAnUnknownFeatureSetIsRefused(t *testing.T) {
	if got, err := Details(gates("Everything"), "4.22.0"); err == nil {
		t.Errorf("got %d gates", len(got.Enabled))
	}
}

func TestVersionsAreListedOnce(t *testing.T) {
	version := &configv1.ClusterVersion{Status: configv1.ClusterVersionStatus{
		Desired: configv1.Release{Version: "2"}, History: []configv1.UpdateHistory{{Version: "2"}, {Version: "1"}, {Version: "2"}},
	}}
	if got := versions(version); !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("got %v", got)
	}
}

func gates(set configv1.FeatureSet) configv1.FeatureGateSpec {
	return configv1.FeatureGateSpec{FeatureGateSelection: configv1.FeatureGateSelection{FeatureSet: set}}
}
