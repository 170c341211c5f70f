package standin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"sigs.k8s.io/yaml"
)

// TestTheOperatorsManifestsApply applies what the operator really ships. With nobody to run it, the version operator ends up
// waiting for its ClusterOperator: everything before that was taken by the API server.
func TestTheOperatorsManifestsApply(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "manifests"), os.DirFS("../../../../manifests")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "manifests", "image-references"))
	if err != nil {
		t.Fatal(err)
	}
	var references struct {
		Spec struct {
			Tags []struct {
				Name string
				From struct{ Name string }
			}
		}
	}
	if err := yaml.Unmarshal(data, &references); err != nil {
		t.Fatal(err)
	}
	images := map[string]string{}
	for _, tag := range references.Spec.Tags {
		images[tag.From.Name] = "cluster.test/" + tag.Name + ":1"
	}
	release, err := json.Marshal(map[string]any{"version": "4.30.0", "images": images})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "release.json"), string(release))
	c.install(t, dir)
	c.condition(t, configv1.OperatorProgressing, configv1.ConditionTrue, `cluster operator image-registry reports operator version "", not "4.30.0"`)
	c.condition(t, "Failing", configv1.ConditionFalse, "")
}
