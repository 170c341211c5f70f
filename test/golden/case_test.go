package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const fixtures = "../fixtures"

// testCase is test.yaml of a case that stands alone.
type testCase struct {
	// Description says what the case shows.
	Description string `json:"description"`
	// Fixture is a folder of ../fixtures whose objects are there before those of the case. Kinds that the operator does
	// not look at are left out.
	Fixture string `json:"fixture"`
	// Inputs says of each file what it is there for.
	Inputs map[string]string `json:"inputs"`
	alteration
	// StorageDone are the facts that the storage controller has learned about the storage in spec.storage: the case
	// begins after it is done with that.
	StorageDone map[string]string `json:"storageDone"`
	// Edits are what an administrator does, one after the other, once everything is at rest. Only what the operator
	// writes after the first of them is then expected: a case about a change shows the change.
	Edits []edit `json:"edits"`
	// Without are names of controllers that do not run, Because says why.
	Without []string `json:"without"`
	Because string   `json:"because"`
}

// alteration changes the objects that there are.
type alteration struct {
	// Changes are objects, or parts of objects that are there: a part is a JSON merge patch of its object.
	Changes []map[string]any `json:"changes"`
	// Absent are objects that are not there after all.
	Absent []string `json:"absent"`
}

// edit is what an administrator does in one go: JSON merge patches of Config and ImagePruner, and objects that he deletes.
type edit struct {
	Why         string         `json:"why"`
	Config      map[string]any `json:"config"`
	ImagePruner map[string]any `json:"imagePruner"`
	Delete      []string       `json:"delete"`
}

// readYAML reads a file that has no fields but those of into.
func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err == nil {
		err = yaml.UnmarshalStrict(content, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func readCase(t *testing.T, dir string) testCase {
	t.Helper()
	var about testCase
	readYAML(t, filepath.Join(dir, "test.yaml"), &about)
	if about.Description == "" || (about.Because == "") != (len(about.Without) == 0) {
		t.Errorf("%s: a case has a description, and says why a controller does not run", dir)
	}
	described, there := slices.Sorted(maps.Keys(about.Inputs)), slices.Sorted(maps.Keys(readTree(t, filepath.Join(dir, "input"))))
	if diff := cmp.Diff(described, there); diff != "" {
		t.Fatalf("%s: files that test.yaml describes (-) and files there are (+):\n%s", dir, diff)
	}
	return about
}

// objects are those of the cluster before the operator starts.
func (c testCase) objects(t *testing.T, dir string) []*object {
	t.Helper()
	served, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	var all []*object
	if c.Fixture != "" {
		files, err := filepath.Glob(filepath.Join(fixtures, c.Fixture, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no fixture %s: %v", dir, c.Fixture, err)
		}
		for _, o := range decodeFiles(t, files...) {
			if slices.ContainsFunc(served, func(k *kind) bool { return k.GroupVersionKind == o.GroupVersionKind() }) {
				all = append(all, o)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		all = append(all, decodeFiles(t, filepath.Join(dir, "input", name))...)
	}
	return c.apply(t, all)
}

// apply merges the changes into the objects they name.
func (a alteration) apply(t *testing.T, all []*object) []*object {
	t.Helper()
	for _, change := range a.Changes {
		part := &object{Object: change}
		at := slices.IndexFunc(all, func(o *object) bool { return named(o) == named(part) })
		if at < 0 {
			all = append(all, part.DeepCopy())
			continue
		}
		all[at] = merged(t, all[at], change)
	}
	for _, name := range a.Absent {
		before := len(all)
		all = slices.DeleteFunc(all, func(o *object) bool { return named(o) == name })
		if len(all) == before {
			t.Errorf("there is no %s that could be absent", name)
		}
	}
	return all
}

func named(o *object) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

func merged(t *testing.T, o *object, patch map[string]any) *object {
	t.Helper()
	before, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	change, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := jsonpatch.MergePatch(before, change)
	if err != nil {
		t.Fatalf("changing %s: %v", named(o), err)
	}
	changed := &object{}
	if err := changed.UnmarshalJSON(after); err != nil {
		t.Fatalf("changing %s: %v", named(o), err)
	}
	return changed
}

// decodeFiles reads files of one or more objects, YAML or JSON.
func decodeFiles(t *testing.T, files ...string) []*object {
	t.Helper()
	var all []*object
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
		for {
			o := &object{}
			err := decoder.Decode(o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if o.Object != nil {
				all = append(all, o)
			}
		}
	}
	return all
}

// storageDone does what the storage controller does once spec.storage is as it should be: it publishes that, says so,
// and keeps what it has learned about the place.
func (s *store) storageDone(facts map[string]string) error {
	id, live := s.find("Config " + names.Cluster)
	if live == nil {
		return fmt.Errorf("there is no config whose storage could be done")
	}
	config := &imageregistryv1.Config{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, config); err != nil {
		return err
	}
	config.Status.Storage = config.Spec.Storage
	config.Status.StorageManaged = config.Spec.Storage.ManagementState == imageregistryv1.StorageManagementStateManaged
	if err := s.writeStatus(id, "update", config); err != nil {
		return err
	}
	said := &imageregistryv1.Config{TypeMeta: config.TypeMeta, ObjectMeta: metav1.ObjectMeta{Name: config.Name}}
	said.Status.Generations = []operatorv1.GenerationStatus{storage.Acknowledgement(config)}
	said.Status.Conditions = []operatorv1.OperatorCondition{{
		Type: names.StorageReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected, Message: "the registry uses the bucket",
		LastTransitionTime: metav1.NewTime(epoch.Truncate(time.Hour)),
	}}
	for _, condition := range config.Status.Conditions {
		// What an earlier operator said of the storage is still so.
		if strings.HasPrefix(condition.Type, "Storage") {
			said.Status.Conditions = append(said.Status.Conditions, condition)
		}
	}
	if err := s.writeStatus(id, "apply", said); err != nil {
		return err
	}
	learned := storage.Facts{}
	for name, text := range facts {
		learned[name] = []byte(text)
	}
	data := map[string]any{}
	for name, value := range storage.EncodePair(config.Status.Storage, learned) {
		data[name] = base64of(value)
	}
	pair := &object{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}}
	pair.SetNamespace(names.OperatorNamespace)
	pair.SetName(names.StoragePair)
	return s.load(pair)
}

func (s *store) writeStatus(id key, verb string, config *imageregistryv1.Config) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(config)
	if err != nil {
		return err
	}
	wish := request{key: id, subresource: "status", verb: verb, manager: names.StorageController, object: &object{Object: content}}
	if verb == "apply" {
		status, _ := content["status"].(map[string]any)
		maps.DeleteFunc(status, func(name string, _ any) bool { return name != "conditions" && name != "generations" })
		delete(content, "spec")
		delete(content["metadata"].(map[string]any), "creationTimestamp")
	}
	_, err = s.write(wish)
	return err
}

// readTree reads all files below a folder, which need not be there.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(content)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}
