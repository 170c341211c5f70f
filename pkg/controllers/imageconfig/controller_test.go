package imageconfig

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"
	configfake "github.com/openshift/client-go/config/clientset/versioned/fake"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	routelisters "github.com/openshift/client-go/route/listers/route/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

type harness struct {
	*controller
	clock                              *clocktesting.FakePassiveClock
	config                             *operatorclienttest.Client
	client                             *configfake.Clientset
	images, services, routes, versions cache.Indexer
	recorder                           events.InMemoryRecorder
	syncCtx                            factory.SyncContext
}

func newHarness(t *testing.T, objects ...runtime.Object) *harness {
	t.Helper()
	h := &harness{
		client: configfake.NewClientset(),
		images: synctest.Indexer(), services: synctest.Indexer(), routes: synctest.Indexer(), versions: synctest.Indexer(),
	}
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionTrue}}
	h.clock, h.config, h.recorder, h.syncCtx = synctest.Parts(config)
	for _, object := range objects {
		switch o := object.(type) {
		case *configv1.Image:
			synctest.Must(t, h.client.Tracker().Add(o))
		case *corev1.Service:
			synctest.Must(t, h.services.Add(o))
		case *routev1.Route:
			synctest.Must(t, h.routes.Add(o))
		}
	}
	h.controller = &controller{Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, RouteInformer: synctest.Synced(true),
		Images: configlisters.NewImageLister(h.images), ImageClient: h.client.ConfigV1().Images(),
		Services:        corelisters.NewServiceLister(h.services).Services("openshift-image-registry"),
		Routes:          routelisters.NewRouteLister(h.routes).Routes("openshift-image-registry"),
		ClusterVersions: configlisters.NewClusterVersionLister(h.versions),
	}}
	h.refresh(t)
	return h
}

// refresh lets the cache catch up with the API server. The fake one counts no versions.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.client.ConfigV1().Images().List(t.Context(), metav1.ListOptions{})
	synctest.Must(t, err)
	synctest.Refill(t, h.images, list.Items)
	h.client.ClearActions()
	h.config.ForgetWrites()
}

// run syncs and returns what was written.
func (h *harness) run(t *testing.T) ([]string, error) {
	t.Helper()
	h.config.ForgetWrites()
	err := h.sync(t.Context(), h.syncCtx)
	var writes []string
	for _, action := range h.client.Actions() {
		text := action.GetVerb() + " " + action.GetResource().Resource
		if patch, ok := action.(clienttesting.PatchAction); ok {
			text += "/" + patch.GetSubresource() + " " + string(patch.GetPatch())
		}
		writes = append(writes, text)
	}
	h.client.ClearActions()
	return append(writes, h.config.Writes()...), err
}

func (h *harness) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	got, err := h.run(t)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: writes (-want +got):\n%s", what, diff)
	}
}

func image(status configv1.ImageStatus) *configv1.Image {
	return &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster", ResourceVersion: "7"}, Status: status}
}

const (
	fine    = "status ImageConfigController ImageConfigReady=True/AsExpected ImageConfigControllerDegraded=False/AsExpected"
	failing = "status ImageConfigController ImageConfigReady=False/Error ImageConfigControllerDegraded=False/AsExpected"
	broken  = "status ImageConfigController ImageConfigReady=False/Error ImageConfigControllerDegraded=True/Error"
	host    = "image-registry.openshift-image-registry.svc:5000"
)

func TestSyncPublishesOnceAndIsThenSilent(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000), route("a", "a.test"))
	h.expect(t, "first", `patch images/status [{"op":"add","path":"/metadata/resourceVersion","value":"7"},`+
		`{"op":"add","path":"/status","value":{"internalRegistryHostname":"`+host+`","externalRegistryHostnames":["a.test"]}}]`, fine)
	h.expect(t, "before the cache has caught up")
	h.refresh(t)
	h.expect(t, "at rest")
	if got := len(h.recorder.Events()); got != 1 {
		t.Errorf("%d events, want one", got)
	}
}

func TestSyncFollowsRemoval(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{InternalRegistryHostname: host, ExternalRegistryHostnames: []string{"a.test"}, ImageStreamImportMode: "Legacy"}))
	h.expect(t, "without service and routes", `patch images/status [{"op":"add","path":"/metadata/resourceVersion","value":"7"},`+
		`{"op":"remove","path":"/status/internalRegistryHostname"},{"op":"remove","path":"/status/externalRegistryHostnames"}]`, fine)
	h.refresh(t)
	h.expect(t, "at rest")
}

func TestAnAbsentImageIsCreated(t *testing.T) {
	h := newHarness(t, service(5000))
	h.expect(t, "first", "create images", `patch images/status [{"op":"add","path":"/metadata/resourceVersion","value":""},`+
		`{"op":"add","path":"/status","value":{"internalRegistryHostname":"`+host+`"}}]`, fine)
	h.refresh(t)
	h.expect(t, "at rest")
}

func TestAnEditIsReverted(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000))
	_, err := h.run(t)
	synctest.Must(t, err)
	edited := image(configv1.ImageStatus{InternalRegistryHostname: "mine"})
	edited.ResourceVersion = "9"
	synctest.Must(t, h.images.Update(edited))
	h.expect(t, "after the edit", `patch images/status [{"op":"add","path":"/metadata/resourceVersion","value":"9"},`+
		`{"op":"add","path":"/status/internalRegistryHostname","value":"`+host+`"}]`)
}

func TestNothingIsPublishedBeforeTheRegistryHasBegun(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000))
	config, err := h.config.Config()
	synctest.Must(t, err)
	config.Status.Conditions = nil
	h.config.Replace(config)
	h.expect(t, "without core conditions")
	h.config.Delete()
	h.expect(t, "without Config")
}

func TestExternalHostnamesStayWhileTheRouteAPIIsAway(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{InternalRegistryHostname: "old", ExternalRegistryHostnames: []string{"a.test"}}), service(5000))
	h.RouteInformer = synctest.Synced(false)
	h.expect(t, "first", `patch images/status [{"op":"add","path":"/metadata/resourceVersion","value":"7"},`+
		`{"op":"add","path":"/status/internalRegistryHostname","value":"`+host+`"}]`, fine)
}

func TestFailuresDegradeAfterTwoMinutesEvenAcrossARestart(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000))
	h.client.PrependReactor("patch", "images", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no etcd")
	})
	for _, step := range []struct {
		name  string
		after time.Duration
		want  string
	}{
		{"at once", 0, failing},
		{"just before the deadline", 2*time.Minute - time.Second, ""},
		{"at the deadline", time.Second, broken},
		{"later", time.Minute, ""},
	} {
		h.clock.SetTime(h.clock.Now().Add(step.after))
		h.last = attempt{} // another process remembers nothing
		writes, err := h.run(t)
		if err == nil {
			t.Errorf("%s: the failure was not returned", step.name)
		}
		got := ""
		if len(writes) > 1 {
			got = writes[1]
		}
		if got != step.want {
			t.Errorf("%s: wrote %q, want %q", step.name, got, step.want)
		}
	}
	h.client.ReactionChain = h.client.ReactionChain[1:]
	writes, err := h.run(t)
	synctest.Must(t, err)
	if len(writes) != 2 || writes[1] != fine {
		t.Errorf("healed: %v", writes)
	}
}

func TestACacheThatIsBehindIsNoNews(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000))
	h.client.PrependReactor("patch", "images", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(action.GetResource().GroupResource(), "cluster", nil)
	})
	writes, err := h.run(t)
	if !apierrors.IsConflict(err) || len(writes) != 1 {
		t.Errorf("error %v, writes %v", err, writes)
	}
}

func TestTriggers(t *testing.T) {
	h := newHarness(t)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.ImageInformer, h.ServiceInformer = stage.On("configs"), stage.On("images"), stage.On("services")
	h.RouteInformer, h.ClusterVersionInformer = stage.On("routes"), stage.On("clusterversions")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{
		"configs": &imageregistryv1.Config{}, "images": &configv1.Image{}, "services": service(5000),
		"routes": &routev1.Route{}, "clusterversions": &configv1.ClusterVersion{},
	})
}
