package bindata

import (
	"io/fs"
	"strings"
	"testing"

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
