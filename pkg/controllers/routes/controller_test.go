package routes

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
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
)

const namespace = "openshift-image-registry"

// synced is an informer that has synced, or has not.
type synced bool

func (synced) AddEventHandler(cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return nil, nil
}
func (s synced) HasSynced() bool { return bool(s) }

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
	index := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	h := &harness{
		clock: clocktesting.NewFakePassiveClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)), client: routefake.NewClientset(),
		routes: index(), secrets: index(),
	}
	h.config = operatorclienttest.New(config, h.clock)
	h.recorder = events.NewInMemoryRecorder("test", h.clock)
	h.syncCtx = factory.NewSyncContext("test", h.recorder)
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.Secret:
			must(t, h.secrets.Add(o))
		case *routev1.Route:
			must(t, h.client.Tracker().Add(o))
		}
	}
	h.controller = &controller{Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, RouteInformer: synced(true),
		Routes: routelisters.NewRouteLister(h.routes).Routes(namespace), RouteClient: h.client.RouteV1().Routes(namespace),
		Secrets: corelisters.NewSecretLister(h.secrets).Secrets(namespace),
	}}
	h.applier = apply.NewApplier(h.recorder)
	h.refresh(t)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refresh lets the cache catch up with the API server.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.client.RouteV1().Routes(namespace).List(t.Context(), metav1.ListOptions{})
	must(t, err)
	var items []any
	for i := range list.Items {
		items = append(items, &list.Items[i])
	}
	must(t, h.routes.Replace(items, ""))
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
	must(t, err)
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
	must(t, err)
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

func TestSyncAppliesEachRouteOnItsOwnAndThenIsSilent(t *testing.T) {
	certificate, key := newPair(t)
	h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) {
		s.DefaultRoute = true
		s.Routes = []entry{{Name: "bad", SecretName: "absent"}, {Name: "taken"}, {Name: "good", Hostname: "good.example.com", SecretName: "s"}}
	}), secretNamed("s", map[string][]byte{"tls.crt": certificate, "tls.key": key}),
		liveRoute("taken", func(r *routev1.Route) { r.Annotations = nil }), liveRoute("obsolete", nil),
		liveRoute("bad", nil), liveRoute("foreign", func(r *routev1.Route) { r.Annotations = nil }))
	writes, err := h.run(t)
	must(t, err)
	if diff := cmp.Diff([]string{"create default-route", "create good", "delete obsolete"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	h.expect(t, operatorv1.ConditionFalse, "RouteConflict",
		"route bad: secret openshift-image-registry/absent does not exist; create it with the keys tls.crt and tls.key; "+
			"route openshift-image-registry/taken exists and was not made by the operator (it has no annotation imageregistry.openshift.io); rename or delete it, or choose another name in spec.routes")
	h.refresh(t)
	if writes, err := h.run(t); err != nil || len(writes)+len(h.config.Writes()) > 0 {
		t.Errorf("second sync wrote %v and %v, error %v", writes, h.config.Writes(), err)
	}
	if got := h.get(t, "taken"); len(got.Annotations) > 0 {
		t.Errorf("a foreign route was taken over: %v", got.Annotations)
	}
}

func TestSyncByState(t *testing.T) {
	for _, tc := range []struct {
		name   string
		state  operatorv1.ManagementState
		edit   func(*imageregistryv1.Config)
		writes []string
	}{
		{"Managed applies what is wanted and removes the rest", operatorv1.Managed, nil, []string{"create default-route", "delete mine", "delete old"}},
		{"Removed removes every route of ours, listed in spec or not", operatorv1.Removed, nil, []string{"delete mine", "delete old"}},
		{"Unmanaged writes nothing", operatorv1.Unmanaged, nil, nil},
		{"Force writes nothing", operatorv1.Force, nil, nil},
		{"an empty state writes nothing", "", nil, nil},
		{"a Config being deleted removes every route of ours", operatorv1.Unmanaged, func(c *imageregistryv1.Config) {
			c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		}, []string{"delete mine", "delete old"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configWith(withDefaultRoute)
			config.Spec.ManagementState = tc.state
			if tc.edit != nil {
				tc.edit(config)
			}
			h := newHarness(t, config, liveRoute("mine", nil), liveRoute("old", nil), liveRoute("foreign", func(r *routev1.Route) { r.Annotations = nil }))
			writes, err := h.run(t)
			must(t, err)
			if diff := cmp.Diff(append([]string{}, tc.writes...), writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			h.expect(t, operatorv1.ConditionTrue, "AsExpected", "")
		})
	}
}

func TestSyncWithoutConfigDoesNothing(t *testing.T) {
	h := newHarness(t, nil, liveRoute("mine", nil))
	if writes, err := h.run(t); err != nil || len(writes) > 0 {
		t.Errorf("wrote %v, error %v", writes, err)
	}
}

func TestSyncRevertsDriftAndKeepsWhatOthersOwn(t *testing.T) {
	certificate, key := newPair(t)
	config := configWith(func(s *imageregistryv1.ImageRegistrySpec) {
		s.Routes = []entry{{Name: "r", Hostname: "r.example.com", SecretName: "s"}}
	})
	for _, tc := range []struct {
		path string
		edit func(*routev1.Route)
	}{
		{"metadata.labels.app.kubernetes.io/part-of", func(r *routev1.Route) { r.Labels = map[string]string{"app.kubernetes.io/part-of": "x"} }},
		{"metadata.annotations.imageregistry.operator.openshift.io/checksum", func(r *routev1.Route) {
			delete(r.Annotations, "imageregistry.operator.openshift.io/checksum")
		}},
		{"spec.host", func(r *routev1.Route) { r.Spec.Host = "evil.example.com" }},
		{"spec.to.kind", func(r *routev1.Route) { r.Spec.To.Kind = "X" }},
		{"spec.to.name", func(r *routev1.Route) { r.Spec.To.Name = "evil" }},
		{"spec.to.weight", func(r *routev1.Route) { r.Spec.To.Weight = ptr.To[int32](0) }},
		{"spec.alternateBackends", func(r *routev1.Route) {
			r.Spec.AlternateBackends = []routev1.RouteTargetReference{{Kind: "Service", Name: "evil"}}
		}},
		{"spec.tls.termination", func(r *routev1.Route) { r.Spec.TLS = nil }},
		{"spec.tls.termination", func(r *routev1.Route) { r.Spec.TLS.Termination = "edge" }},
		{"spec.tls.certificate", func(r *routev1.Route) { r.Spec.TLS.Certificate = "" }},
		{"spec.tls.key", func(r *routev1.Route) { r.Spec.TLS.Key = "other" }},
		{"spec.tls.caCertificate", func(r *routev1.Route) { r.Spec.TLS.CACertificate = "other" }},
	} {
		t.Run(tc.path, func(t *testing.T) {
			h := newHarness(t, config, secretNamed("s", map[string][]byte{"tls.crt": certificate, "tls.key": key}))
			_, err := h.run(t)
			must(t, err)
			good := h.get(t, "r")
			foreign := good.DeepCopy()
			foreign.Labels["others"], foreign.Annotations["others"] = "kept", "kept"
			foreign.Annotations["imageregistry.openshift.io"] = "also a mark"
			foreign.Spec.TLS.InsecureEdgeTerminationPolicy = routev1.InsecureEdgeTerminationPolicyRedirect
			foreign.Spec.WildcardPolicy = routev1.WildcardPolicyNone
			drifted := foreign.DeepCopy()
			tc.edit(drifted)
			if drifted.Spec.TLS == nil {
				foreign.Spec.TLS.InsecureEdgeTerminationPolicy = ""
			}
			if drifted.Labels["others"] == "" {
				delete(foreign.Labels, "others")
			}
			if tc.path == "spec.to.weight" {
				foreign.Spec.To.Weight = nil
			}
			_, err = h.client.RouteV1().Routes(namespace).Update(t.Context(), drifted, metav1.UpdateOptions{})
			must(t, err)
			h.refresh(t)
			writes, err := h.run(t)
			must(t, err)
			if diff := cmp.Diff([]string{"update r"}, writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(foreign, h.get(t, "r")); diff != "" {
				t.Errorf("reverted route (-want +got):\n%s", diff)
			}
			recorded := h.recorder.Events()
			if last := recorded[len(recorded)-1]; last.Reason != "RouteUpdated" {
				t.Errorf("last event %s: %s", last.Reason, last.Message)
			}
		})
	}
}

func TestSyncKeepsTheHostTheRouterChose(t *testing.T) {
	h := newHarness(t, configWith(withDefaultRoute))
	_, err := h.run(t)
	must(t, err)
	route := h.get(t, "default-route")
	route.Spec.Host, route.Spec.To.Weight = "default-route-openshift-image-registry.apps.example.com", ptr.To[int32](100)
	_, err = h.client.RouteV1().Routes(namespace).Update(t.Context(), route, metav1.UpdateOptions{})
	must(t, err)
	h.refresh(t)
	if writes, err := h.run(t); err != nil || len(writes) > 0 {
		t.Errorf("wrote %v, error %v", writes, err)
	}
}

func TestSyncTakesOverWhatTheReferenceMade(t *testing.T) {
	h := newHarness(t, configWith(withDefaultRoute), liveRoute("default-route", func(r *routev1.Route) {
		r.Annotations["imageregistry.operator.openshift.io/checksum"] = "sha256:of the reference"
	}))
	writes, err := h.run(t)
	must(t, err)
	if diff := cmp.Diff([]string{"update default-route"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if got := h.get(t, "default-route"); got.Spec.Host != "given.example.com" {
		t.Errorf("host %q", got.Spec.Host)
	}
}

func TestSyncReportsRoutersThatRefuse(t *testing.T) {
	admitted := func(status corev1.ConditionStatus) []routev1.RouteIngressCondition {
		return []routev1.RouteIngressCondition{{Type: routev1.RouteAdmitted, Status: status, Reason: "HostAlreadyClaimed", Message: "older"}}
	}
	h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.DefaultRoute, s.Routes = true, []entry{{Name: "a"}} }),
		liveRoute("default-route", func(r *routev1.Route) {
			r.Status.Ingress = []routev1.RouteIngress{
				{Host: "h1", RouterName: "one", Conditions: admitted(corev1.ConditionTrue)},
				{Host: "h2", RouterName: "two", Conditions: admitted(corev1.ConditionFalse)},
			}
		}),
		liveRoute("a", func(r *routev1.Route) {
			r.Status.Ingress = []routev1.RouteIngress{{Host: "h3", RouterName: "one", Conditions: admitted(corev1.ConditionUnknown)}}
		}),
		liveRoute("not-wanted", func(r *routev1.Route) {
			r.Annotations = nil
			r.Status.Ingress = []routev1.RouteIngress{{Host: "h4", RouterName: "one", Conditions: admitted(corev1.ConditionFalse)}}
		}))
	_, err := h.run(t)
	must(t, err)
	h.expect(t, operatorv1.ConditionFalse, "RouteDegraded",
		"route a (host h3, router one) not admitted: HostAlreadyClaimed: older,route default-route (host h2, router two) not admitted: HostAlreadyClaimed: older")
}

func TestSyncGoesOnAfterAFailedWrite(t *testing.T) {
	h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.DefaultRoute, s.Routes = true, []entry{{Name: "a"}} }), liveRoute("obsolete", nil))
	h.client.PrependReactor("create", "routes", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.(clienttesting.CreateAction).GetObject().(*routev1.Route).Name == "default-route" {
			return true, nil, errors.New("the server is away")
		}
		return false, nil, nil
	})
	writes, err := h.run(t)
	if err == nil || !strings.Contains(err.Error(), "creating Route openshift-image-registry/default-route: the server is away") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"create default-route", "create a", "delete obsolete"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	h.expect(t, operatorv1.ConditionFalse, "Error", "creating Route openshift-image-registry/default-route: the server is away")
}

func TestSyncDoesNotReportACacheThatIsBehind(t *testing.T) {
	resource := schema.GroupResource{Group: "route.openshift.io", Resource: "routes"}
	for verb, failure := range map[string]error{
		"create": apierrors.NewAlreadyExists(resource, "default-route"),
		"update": apierrors.NewConflict(resource, "a", errors.New("newer")),
	} {
		t.Run(verb, func(t *testing.T) {
			h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.DefaultRoute, s.Routes = true, []entry{{Name: "a"}} }), liveRoute("a", nil))
			h.client.PrependReactor(verb, "routes", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, failure })
			if _, err := h.run(t); err == nil {
				t.Error("the sync must be repeated")
			}
			h.expect(t, operatorv1.ConditionTrue, "AsExpected", "")
		})
	}
}

func TestARefusedCertificateIsNotQuoted(t *testing.T) {
	certificate, key := newPair(t)
	h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.Routes = []entry{{Name: "r", SecretName: "s"}} }),
		secretNamed("s", map[string][]byte{"tls.crt": certificate, "tls.key": key}))
	h.client.PrependReactor("create", "routes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Route"}, "r", field.ErrorList{
			field.Invalid(field.NewPath("spec", "tls", "key"), string(key), "no"), field.Invalid(field.NewPath("spec", "host"), "h", "no host"),
		})
	})
	_, err := h.run(t)
	status, marshalErr := json.Marshal(h.condition(t))
	must(t, marshalErr)
	for _, text := range []string{err.Error(), string(status)} {
		if strings.Contains(text, pemBody(key)) {
			t.Errorf("the key is in %s", text)
		}
		if !strings.Contains(text, "spec.tls.key: refused") || !strings.Contains(text, "no host") {
			t.Errorf("%s does not say what was refused", text)
		}
	}
}

// On a new cluster the first core conditions come first, but nobody waits for them with a complaint.
func TestGoodNewsWaitsForTheCoreConditions(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*imageregistryv1.ImageRegistrySpec)
		before operatorv1.ConditionStatus
		after  operatorv1.ConditionStatus
	}{
		{"all is well", withDefaultRoute, "", operatorv1.ConditionTrue},
		{"something is wrong", func(s *imageregistryv1.ImageRegistrySpec) { s.Routes = []entry{{Name: "bad", SecretName: "absent"}} }, operatorv1.ConditionFalse, operatorv1.ConditionFalse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configWith(tc.edit)
			conditions := config.Status.Conditions
			config.Status.Conditions = nil
			h := newHarness(t, config)
			_, err := h.run(t)
			must(t, err)
			if got := h.condition(t).Status; got != tc.before {
				t.Errorf("before the core conditions RoutesReady is %q, want %q", got, tc.before)
			}
			config, err = h.config.Config()
			must(t, err)
			config.Status.Conditions = append(config.Status.Conditions, conditions...)
			h.config.Replace(config)
			h.refresh(t)
			_, err = h.run(t)
			must(t, err)
			if got := h.condition(t).Status; got != tc.after {
				t.Errorf("after them it is %q, want %q", got, tc.after)
			}
		})
	}
}

func TestSyncWhileTheRouteAPIIsAway(t *testing.T) {
	for _, tc := range []struct {
		name     string
		edit     func(*imageregistryv1.ImageRegistrySpec)
		age      time.Duration
		status   operatorv1.ConditionStatus
		reason   string
		decision string
	}{
		{"nobody wants a route", nil, 0, operatorv1.ConditionTrue, "AsExpected", "is as it should be"},
		{"a route is wanted and the operator has just started", withDefaultRoute, 29 * time.Second, "", "", "says nothing yet"},
		{"a route is wanted and half a minute has passed", withDefaultRoute, 30 * time.Second, operatorv1.ConditionFalse, "Error", "is reported"},
	} {
		t.Run(tc.name+" "+tc.decision, func(t *testing.T) {
			h := newHarness(t, configWith(tc.edit))
			h.RouteInformer = synced(false)
			_, err := h.run(t)
			must(t, err)
			h.clock.SetTime(h.clock.Now().Add(tc.age))
			writes, err := h.run(t)
			must(t, err)
			if got := h.condition(t); len(writes) > 0 || got.Status != tc.status || got.Reason != tc.reason {
				t.Errorf("wrote %v, condition %+v", writes, got)
			}
			h.RouteInformer = synced(true)
			_, err = h.run(t)
			must(t, err)
			h.expect(t, operatorv1.ConditionTrue, "AsExpected", "")
		})
	}
}

func TestReadyPrefersWhatConfigGotWrong(t *testing.T) {
	byReason := map[string]Problem{}
	for _, reason := range precedence {
		byReason[reason] = Problem{reason, "about " + reason}
	}
	for i := range precedence {
		problems := slices.Collect(maps.Values(byReason))
		if got := ready(problems, []string{"refused"}); got.Reason != precedence[i] || got.Status != operatorv1.ConditionFalse {
			t.Errorf("with %v the condition is %+v", problems, got)
		}
		delete(byReason, precedence[i])
	}
}
