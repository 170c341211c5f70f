package golden

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operator"
)

var update = flag.Bool("update", false, "write the expected files anew")

const (
	userAgent = "cluster-image-registry-operator"
	// patience is how long caches may take, tries how many rounds may write before we say that there is no rest.
	patience = 30 * time.Second
	tries    = 20
)

// epoch is when everything happens.
var epoch = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// testCase is test.yaml.
type testCase struct {
	// Description says what the case shows.
	Description string `json:"description"`
	// Inputs says of each file what it is there for.
	Inputs map[string]string `json:"inputs"`
	// Edits are what an administrator does, one after the other, once everything is at rest. Only what the operator
	// writes after the first of them is then expected: a case about a change shows the change.
	Edits []edit `json:"edits"`
	// Without are names of controllers that do not run, Because says why.
	Without []string `json:"without"`
	Because string   `json:"because"`
}

// edit is a JSON merge patch of Config.
type edit struct {
	Why    string         `json:"why"`
	Config map[string]any `json:"config"`
}

// fives stands for random bytes.
type fives struct{}

func (fives) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0x55
	}
	return len(p), nil
}

func TestGolden(t *testing.T) {
	random := rand.Reader
	rand.Reader = fives{}
	t.Cleanup(func() { rand.Reader = random })
	if !testing.Verbose() {
		klog.LogToStderr(false)
		klog.SetOutput(io.Discard)
	}
	cases, err := filepath.Glob("*/test.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no case: %v", err)
	}
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(dir, func(t *testing.T) {
			about := readCase(t, dir)
			r := start(t, dir, about)
			r.settle()
			for i, edit := range about.Edits {
				if i == 0 {
					r.forget()
				}
				r.edit(edit)
				r.settle()
			}
			compare(t, filepath.Join(dir, "expected"), r.outcome())
		})
	}
}

// run is the operator over one case.
type run struct {
	t           *testing.T
	store       *store
	inputs      *operator.Inputs
	controllers []factory.Controller
	recorder    events.InMemoryRecorder
	// past counts the events that are forgotten.
	past int
}

// start assembles the operator over the objects of a case, and waits for its caches.
func start(t *testing.T, dir string, about testCase) *run {
	t.Helper()
	store := newStore(t)
	for _, name := range slices.Sorted(maps.Keys(about.Inputs)) {
		load(t, store, filepath.Join(dir, "input", name))
	}
	inputs, err := operator.NewInputs(&rest.Config{Host: serve(t, store), UserAgent: userAgent, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(epoch)
	recorder := events.NewInMemoryRecorder("operator", clock)
	all := operator.NewControllers(inputs, operator.Surroundings{
		Environment: operator.Environment{ReleaseVersion: "4.22.0", ImageVersion: "4.22.0", RegistryImage: "example.com/openshift/image-registry:4.22.0"},
		Clock:       clock, Recorder: recorder, Metrics: operator.NewMetrics(),
	})
	r := &run{t: t, store: store, inputs: inputs, recorder: recorder}
	for _, controller := range all {
		if !slices.Contains(about.Without, controller.Name()) {
			r.controllers = append(r.controllers, controller)
		}
	}
	if len(r.controllers)+len(about.Without) != len(all) {
		t.Fatalf("%s: one of %v is no controller", dir, about.Without)
	}
	// Cleanups run last in, first out: the server ends after its watches.
	ctx, cancel := context.WithCancel(context.Background())
	wait := inputs.Start(ctx)
	t.Cleanup(func() { cancel(); wait() })
	r.await("the first lists", func() bool {
		return !slices.ContainsFunc(inputs.Informers(), func(i informer) bool { return !i.HasSynced() })
	})
	r.catchUp()
	return r
}

func readCase(t *testing.T, dir string) testCase {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var about testCase
	if err := yaml.UnmarshalStrict(content, &about); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	if about.Description == "" || (about.Because == "") != (len(about.Without) == 0) {
		t.Errorf("%s: a case has a description, and says why a controller does not run", dir)
	}
	described, there := slices.Sorted(maps.Keys(about.Inputs)), slices.Sorted(maps.Keys(readTree(t, filepath.Join(dir, "input"))))
	if diff := cmp.Diff(described, there); diff != "" {
		t.Fatalf("%s: files that test.yaml describes (-) and files there are (+):\n%s", dir, diff)
	}
	return about
}

// load reads a file of one or more objects, YAML or JSON.
func load(t *testing.T, store *store, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(o)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && o.Object != nil {
			err = store.load(o)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

// settle runs every controller in turn until a whole round writes nothing, then lets the cluster react, and so on
// until neither has anything to do.
func (r *run) settle() {
	r.t.Helper()
	for range tries {
		before := len(r.store.logged())
		err := r.round()
		if len(r.store.logged()) > before {
			continue
		}
		if react(r.store) {
			r.catchUp()
			continue
		}
		if err != nil {
			r.t.Errorf("a sync at rest: %v", err)
		}
		return
	}
	r.t.Fatalf("no rest after %d rounds; the last writes:\n%s", tries, strings.Join(last(r.store.logged(), 10), "\n"))
}

// forget drops what has been recorded so far.
func (r *run) forget() {
	r.store.forget()
	r.past = len(r.recorder.Events())
}

func (r *run) edit(e edit) {
	r.t.Helper()
	if e.Why == "" {
		r.t.Error("an edit says why")
	}
	if err := r.store.edit(e.Config); err != nil {
		r.t.Fatal(err)
	}
	r.catchUp()
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// round is one sync of each; it returns the last error.
func (r *run) round() error {
	var failure error
	for _, controller := range r.controllers {
		syncCtx := factory.NewSyncContext(controller.Name(), r.recorder)
		err := controller.Sync(r.t.Context(), syncCtx)
		syncCtx.Queue().ShutDown()
		if err != nil {
			failure = err
		}
		r.catchUp()
	}
	return failure
}

// catchUp waits until the caches hold what the watches should have brought.
func (r *run) catchUp() {
	r.t.Helper()
	r.await("the caches to catch up", func() bool {
		var cached []string
		for _, informer := range r.inputs.Informers() {
			for _, item := range informer.GetStore().List() {
				cached = append(cached, versionOf(item))
			}
		}
		slices.Sort(cached)
		return slices.Equal(cached, r.store.versions())
	})
}

func (r *run) await(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waiting for %s; the last writes:\n%s", what, strings.Join(last(r.store.logged(), 10), "\n"))
		}
	}
}

// compare holds the outcome against the files below dir, or writes these.
func compare(t *testing.T, dir string, got map[string]string) {
	t.Helper()
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for name, content := range got {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want := readTree(t, dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(strings.Split(want[name], "\n"), strings.Split(got[name], "\n")); diff != "" {
			t.Errorf("%s/%s differs (-want +got; go test ./test/golden -update writes it anew):\n%s", dir, name, diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, expected := want[name]; !expected {
			t.Errorf("%s/%s is not expected:\n%s", dir, name, got[name])
		}
	}
}

// readTree reads all files below a folder.
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
	if err != nil {
		t.Fatal(err)
	}
	return files
}
