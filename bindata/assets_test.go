package bindata

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestEveryFileIsOneNamedObject(t *testing.T) {
	count := 0
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		count++
		content, err := Asset(path)
		if err != nil {
			return err
		}
		object := metav1.PartialObjectMetadata{}
		if err := yaml.Unmarshal(content, &object); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if object.Kind == "" || object.APIVersion == "" || object.Name == "" {
			t.Errorf("%s: not an object: %+v", path, object)
		}
		if strings.Contains(string(content), "\n---") {
			t.Errorf("%s has more than one document", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 12 {
		t.Errorf("only %d files are embedded", count)
	}
}

func TestAssetNamesTheFileThatIsMissing(t *testing.T) {
	if _, err := Asset("registry/none.yaml"); err == nil || !strings.Contains(err.Error(), "registry/none.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestMustDecodeGivesEachCallerAnObjectOfItsOwn(t *testing.T) {
	first := MustDecode[corev1.Service]("registry/service.yaml")
	want := first.DeepCopy()
	first.Labels["changed"] = "by its owner"
	first.Spec.Ports[0].Port = 1
	if second := MustDecode[corev1.Service]("registry/service.yaml"); !reflect.DeepEqual(second, want) {
		t.Errorf("the second caller gets what the first one made of it: %+v", second)
	}
}
