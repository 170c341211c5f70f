package versionoperator

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"sigs.k8s.io/yaml"
)

// operatorManifests is the folder that the operator ships, seen from this package.
const operatorManifests = "../../../../../manifests"

// TestTheOperatorsManifests loads what the operator really ships, and prepares it for a cluster of each profile:
// nothing in it may be unknown to this version operator.
func TestTheOperatorsManifests(t *testing.T) {
	release, err := Load(copyManifests(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range knownProfiles {
		t.Run(profile, func(t *testing.T) {
			s := selection{profile: profile, featureSet: "Default"}
			for _, c := range configv1.KnownClusterVersionCapabilities {
				s.known, s.enabled = append(s.known, string(c)), append(s.enabled, string(c))
			}
			deployments := 0
			for _, m := range release.Manifests {
				included, err := s.includes(m.Object)
				if err != nil {
					t.Errorf("%s: %v", m, err)
				}
				if !included {
					continue
				}
				if m.Object.GetKind() == "Deployment" {
					deployments++
				}
				obj := m.Object.DeepCopy()
				if err := errors.Join(injectProxy(obj, configv1.ProxyStatus{HTTPProxy: "http://proxy.test"}), injectTLS(obj, nil)); err != nil {
					t.Errorf("%s: %v", m, err)
				}
			}
			if deployments != 1 {
				t.Errorf("%d deployments of the operator, want one", deployments)
			}
		})
	}
}

// copyManifests makes a release of the operator's manifests, with an image for each of its placeholders.
func copyManifests(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, manifestsDir), os.DirFS(operatorManifests)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(operatorManifests, imageReferences))
	if err != nil {
		t.Fatal(err)
	}
	var r references
	if err := yaml.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	meta := metadata{Version: "4.22.0", Images: map[string]string{}}
	for _, tag := range r.Spec.Tags {
		meta.Images[tag.From.Name] = "cluster.test/" + tag.Name + ":1"
	}
	encoded, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, releaseFile), encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
