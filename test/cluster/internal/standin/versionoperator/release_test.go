package versionoperator

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestLoad(t *testing.T) {
	release, err := Load("testdata/release")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range release.Manifests {
		if len(order) == 0 || order[len(order)-1] != m.File {
			order = append(order, m.File)
		}
	}
	want := []string{
		"00_widgets.crd.yaml", "01-credentials-request.yaml", "02-namespace.yaml", "03-configmaps.yaml", "04-rbac.yaml",
		"05-network-policies.yaml", "06-service.yaml", "07-deployment-hosted.yaml", "07-deployment.yaml", "08-clusteroperator.yaml",
		"0000_90_demo_01-monitoring.yaml", // a run level of its own puts it behind those that get level 50
	}
	if !slices.Equal(order, want) {
		t.Errorf("files in order %v, want %v", order, want)
	}
	deployment := find(t, release, "07-deployment.yaml")
	container := containersOf(deployment.Object)[0]
	if container["image"] != "cluster.test/demo-operator:1" {
		t.Errorf("image is %v", container["image"])
	}
	for name, want := range map[string]string{"RELEASE_VERSION": "4.22.1", "IMAGE": "cluster.test/operand:1"} {
		if got := envOf(container)[name]; got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	versions, _, err := unstructured.NestedSlice(find(t, release, "08-clusteroperator.yaml").Object, "status", "versions")
	if err != nil || versions[0].(map[string]any)["version"] != "4.22.1" {
		t.Errorf("versions %v, %v", versions, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	const namespaced = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b, annotations: {include.release.openshift.io/hypershift: \"true\"}}\n"
	for name, c := range map[string]struct {
		file, content string
		want          string
	}{
		"a kind it does not know":                  {"manifests/20.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\n", "batch/v1, Kind=Job is not known"},
		"an object without a name":                 {"manifests/20.yaml", "apiVersion: v1\nkind: Namespace\n", "without a name"},
		"an object without its namespace":          {"manifests/20.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "without a namespace"},
		"a namespace on an object without one":     {"manifests/20.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n", "its kind has none"},
		"a key twice":                              {"manifests/20.yaml", "apiVersion: v1\napiVersion: v1\n", "already set"},
		"a file of another sort":                   {"manifests/20.txt", "hello", "neither a manifest"},
		"an empty file":                            {"manifests/20.yaml", "# nothing\n", "holds no object"},
		"an object described twice for a profile":  {"manifests/20.yaml", namespaced + "---\n" + namespaced, "describe the same object"},
		"a version inside a longer text":           {"manifests/20.yaml", namespaced + "data: {a: \"version 0.0.1-snapshot\"}\n", "inside a longer text"},
		"no version":                               {"release.json", `{"images":{}}`, "version is empty"},
		"a profile that nobody includes":           {"release.json", `{"version":"1","profile":"hypershifted"}`, `profile "hypershifted" is not known, only self-managed`},
		"a field of release.json nobody knows":     {"release.json", `{"version":"1","imagez":{}}`, "imagez"},
		"a placeholder without an image":           {"release.json", `{"version":"1","images":{"example.test/origin-operand:latest":"a"}}`, "no image for example.test/origin-demo-operator:latest"},
		"an image without a placeholder":           {"release.json", `{"version":"1","images":{"example.test/origin-demo-operator:latest":"a","example.test/origin-operand:latest":"b","x":"c"}}`, "image for x"},
		"an image that is not in image-references": {"manifests/07-deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\nspec: {template: {spec: {containers: [{name: a, image: other}]}}}\n", `image "other" is not in`},
		"image-references of another kind":         {"manifests/image-references", "kind: List\n", "must be an ImageStream"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/release")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			release, err := Load(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || release != nil {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without a release: %v", err)
	}
}

func find(t *testing.T, release *Release, file string) *unstructured.Unstructured {
	t.Helper()
	for _, m := range release.Manifests {
		if m.File == file {
			return m.Object.DeepCopy()
		}
	}
	t.Fatalf("no manifest of file %s", file)
	return nil
}

func envOf(container map[string]any) map[string]any {
	out := map[string]any{}
	list, _ := container["env"].([]any)
	for _, item := range list {
		if v, ok := item.(map[string]any); ok {
			out[v["name"].(string)] = v["value"]
		}
	}
	return out
}
