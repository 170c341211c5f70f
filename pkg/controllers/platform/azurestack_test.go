package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

// world is what both controllers read.
type world struct {
	config          *operatorclienttest.Client
	infrastructures cache.Indexer
	configMaps      cache.Indexer
	recorder        events.InMemoryRecorder
	syncCtx         factory.SyncContext
}

func newWorld(t *testing.T, platform configv1.PlatformType, config *imageregistryv1.Config) *world {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	w := &world{
		config:          operatorclienttest.New(config, clock),
		infrastructures: cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil),
		configMaps:      cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}),
		recorder:        events.NewInMemoryRecorder("test", clock),
	}
	w.syncCtx = factory.NewSyncContext("test", w.recorder)
	w.setPlatform(t, platform)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) setPlatform(t *testing.T, platform configv1.PlatformType) {
	t.Helper()
	infrastructure := &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	if platform != "" {
		infrastructure.Status.PlatformStatus = &configv1.PlatformStatus{Type: platform}
	}
	must(t, w.infrastructures.Add(infrastructure))
}

func (w *world) setEndpoints(t *testing.T, data map[string]string) {
	t.Helper()
	must(t, w.configMaps.Add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "cloud-provider-config"}, Data: data}))
}

func (w *world) azureStack(file string) *azureStack {
	return &azureStack{AzureStackDeps{
		Client: w.config, Infrastructures: configlisters.NewInfrastructureLister(w.infrastructures),
		ConfigMaps: corelisters.NewConfigMapLister(w.configMaps).ConfigMaps("openshift-config"), File: file, Recorder: w.recorder,
	}}
}

// begun is a Config whose core conditions have been written.
func begun(more ...operatorv1.OperatorCondition) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Status.Conditions = append([]operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionTrue}}, more...)
	return config
}

func TestAzureStackKeepsTheFile(t *testing.T) {
	const (
		fine   = "status AzureStackCloudController AzureStackCloudControllerDegraded=False/AsExpected"
		broken = "status AzureStackCloudController AzureStackCloudControllerDegraded=True/Error"
	)
	endpoints := map[string]string{"endpoints": `{"name":"x"}`, "config": "{}"}
	for _, tc := range []struct {
		name      string
		platform  configv1.PlatformType
		before    string
		endpoints map[string]string
		noFile    bool
		config    *imageregistryv1.Config
		want      string
		writes    []string
		fails     bool
	}{
		{name: "endpoints are written", platform: "Azure", endpoints: endpoints, want: `{"name":"x"}`, writes: []string{fine}},
		{name: "changed endpoints replace the old", platform: "Azure", before: "old", endpoints: endpoints, want: `{"name":"x"}`, writes: []string{fine}},
		{name: "an empty key removes the file", platform: "Azure", before: "old", endpoints: map[string]string{"endpoints": ""}, writes: []string{fine}},
		{name: "without the ConfigMap the file goes", platform: "Azure", before: "old", writes: []string{fine}},
		{name: "without both there is nothing to do", platform: "Azure", writes: []string{fine}},
		{name: "another platform is left alone", platform: "AWS", before: "old", endpoints: endpoints, want: "old"},
		{name: "a platform that is not known yet is left alone", before: "old", endpoints: endpoints, want: "old"},
		{name: "endpoints without a place for them", platform: "Azure", endpoints: endpoints, noFile: true, writes: []string{broken}, fails: true},
		{name: "public Azure needs no place", platform: "Azure", noFile: true, writes: []string{fine}},
		{name: "good news waits on a new cluster", platform: "Azure", endpoints: endpoints, config: &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}, want: `{"name":"x"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.config == nil {
				tc.config = begun()
			}
			w, file := newWorld(t, tc.platform, tc.config), filepath.Join(t.TempDir(), "azurestackcloud.json")
			if tc.before != "" {
				must(t, os.WriteFile(file, []byte(tc.before), 0o600))
			}
			if tc.endpoints != nil {
				w.setEndpoints(t, tc.endpoints)
			}
			c := w.azureStack(file)
			if tc.noFile {
				c.File = ""
			}
			if err := c.sync(t.Context(), w.syncCtx); (err != nil) != tc.fails {
				t.Errorf("error %v, want one: %v", err, tc.fails)
			}
			if diff := cmp.Diff(tc.writes, w.config.Writes()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			expectFile(t, file, tc.want)
			w.config.ForgetWrites()
			before := len(w.recorder.Events())
			if changed := tc.before != tc.want; changed != (before == 1 && w.recorder.Events()[0].Reason == "AzureStackEndpointsChanged") {
				t.Errorf("the file changed: %t, events %v", changed, w.recorder.Events())
			}
			if err := c.sync(t.Context(), w.syncCtx); (err != nil) != tc.fails || len(w.config.Writes()) > 0 || len(w.recorder.Events()) > before {
				t.Errorf("second sync: error %v, writes %v, events %v", err, w.config.Writes(), w.recorder.Events()[before:])
			}
		})
	}
}

func expectFile(t *testing.T, file, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) || string(content) != want || (want == "") != os.IsNotExist(err) {
		t.Errorf("file has %q, error %v, want %q", content, err, want)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) > 1 {
		t.Errorf("left beside the file: %v, error %v", left, err)
	}
}

func TestAFileThatCannotBeWrittenDegrades(t *testing.T) {
	w := newWorld(t, "Azure", begun())
	w.setEndpoints(t, map[string]string{"endpoints": "{}"})
	file := filepath.Join(t.TempDir(), "none", "such", "file")
	if err := w.azureStack(file).sync(t.Context(), w.syncCtx); err == nil || !strings.Contains(err.Error(), file[:len(file)-5]) {
		t.Errorf("error %v, want one that names the folder", err)
	}
	config, err := w.config.Config()
	must(t, err)
	if got := config.Status.Conditions[1]; got.Type != "AzureStackCloudControllerDegraded" || got.Status != operatorv1.ConditionTrue || got.Message == "" {
		t.Errorf("condition %+v", got)
	}
}

func TestAzureStackTriggers(t *testing.T) {
	w := newWorld(t, "Azure", begun())
	stage := triggertest.New(t)
	deps := w.azureStack("").AzureStackDeps
	deps.Client = stage.Client(w.config)
	deps.ConfigInformer, deps.InfrastructureInformer, deps.ConfigMapInformer = stage.On("configs"), stage.On("infrastructures"), stage.On("configmaps")
	stage.Run(NewAzureStack(deps))
	stage.ExpectAll(map[string]runtime.Object{
		"configs": &imageregistryv1.Config{}, "infrastructures": &configv1.Infrastructure{},
		"configmaps": &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cloud-provider-config"}},
	})
}
