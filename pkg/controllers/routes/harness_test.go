package routes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"
	routefake "github.com/openshift/client-go/route/clientset/versioned/fake"
	routelisters "github.com/openshift/client-go/route/listers/route/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

const namespace = "openshift-image-registry"

type harness struct {
	*controller
	clock           *clocktesting.FakePassiveClock
	config          *operatorclienttest.Client
	client          *routefake.Clientset
	routes, secrets cache.Indexer
	recorder        events.InMemoryRecorder
	syncCtx         factory.SyncContext
}

func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	h := &harness{
		client: routefake.NewClientset(),
		routes: synctest.Indexer(), secrets: synctest.Indexer(),
	}
	h.clock, h.config, h.recorder, h.syncCtx = synctest.Parts(config)
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.Secret:
			synctest.Must(t, h.secrets.Add(o))
		case *routev1.Route:
			synctest.Must(t, h.client.Tracker().Add(o))
		}
	}
	h.controller = &controller{Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, RouteInformer: synctest.Synced(true),
		Routes: routelisters.NewRouteLister(h.routes).Routes(namespace), RouteClient: h.client.RouteV1().Routes(namespace),
		Secrets: corelisters.NewSecretLister(h.secrets).Secrets(namespace),
	}}
	h.applier = apply.NewApplier(h.recorder)
	h.refresh(t)
	return h
}

// refresh lets the cache catch up with the API server.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.client.RouteV1().Routes(namespace).List(t.Context(), metav1.ListOptions{})
	synctest.Must(t, err)
	synctest.Refill(t, h.routes, list.Items)
	h.client.ClearActions()
	h.config.ForgetWrites()
}

// run syncs once and returns what was written to routes.
func (h *harness) run(t *testing.T) ([]string, error) {
	t.Helper()
	err := h.sync(t.Context(), h.syncCtx)
	writes := []string{}
	for _, action := range h.client.Actions() {
		name := ""
		switch a := action.(type) {
		case clienttesting.CreateAction:
			name = a.GetObject().(*routev1.Route).Name
		case clienttesting.DeleteAction:
			name = a.GetName()
		}
		if a, ok := action.(clienttesting.UpdateAction); ok {
			name = a.GetObject().(*routev1.Route).Name
		}
		writes = append(writes, action.GetVerb()+" "+name)
	}
	h.client.ClearActions()
	return writes, err
}

func (h *harness) condition(t *testing.T) operatorv1.OperatorCondition {
	t.Helper()
	config, err := h.config.Config()
	synctest.Must(t, err)
	for _, condition := range config.Status.Conditions {
		if condition.Type == "RoutesReady" {
			condition.LastTransitionTime = metav1.Time{}
			return condition
		}
	}
	return operatorv1.OperatorCondition{}
}

func (h *harness) expect(t *testing.T, status operatorv1.ConditionStatus, reason, message string) {
	t.Helper()
	want := operatorv1.OperatorCondition{Type: "RoutesReady", Status: status, Reason: reason, Message: message}
	if diff := cmp.Diff(want, h.condition(t)); diff != "" {
		t.Errorf("RoutesReady (-want +got):\n%s", diff)
	}
}

func (h *harness) get(t *testing.T, name string) *routev1.Route {
	t.Helper()
	route, err := h.client.RouteV1().Routes(namespace).Get(t.Context(), name, metav1.GetOptions{})
	synctest.Must(t, err)
	h.client.ClearActions()
	route.ManagedFields = nil
	return route
}

func liveRoute(name string, edit func(*routev1.Route)) *routev1.Route {
	route := &routev1.Route{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: "uid", Annotations: map[string]string{"imageregistry.openshift.io": "true"},
	}}
	route.Spec = routev1.RouteSpec{
		Host: "given.example.com", To: routev1.RouteTargetReference{Kind: "Service", Name: "image-registry", Weight: ptr.To[int32](100)},
		TLS: &routev1.TLSConfig{Termination: routev1.TLSTerminationReencrypt}, WildcardPolicy: routev1.WildcardPolicyNone,
	}
	if edit != nil {
		edit(route)
	}
	return route
}

func withDefaultRoute(s *imageregistryv1.ImageRegistrySpec) { s.DefaultRoute = true }
