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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clienttesting "k8s.io/client-go/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

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
	synctest.Must(t, err)
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
	synctest.Must(t, marshalErr)
	for _, text := range []string{err.Error(), string(status)} {
		if strings.Contains(text, pemBody(key)) {
			t.Errorf("the key is in %s", text)
		}
		if !strings.Contains(text, "spec.tls.key: refused") || !strings.Contains(text, "no host") {
			t.Errorf("%s does not say what was refused", text)
		}
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
			h.RouteInformer = synctest.Synced(false)
			_, err := h.run(t)
			synctest.Must(t, err)
			h.clock.SetTime(h.clock.Now().Add(tc.age))
			writes, err := h.run(t)
			synctest.Must(t, err)
			if got := h.condition(t); len(writes) > 0 || got.Status != tc.status || got.Reason != tc.reason {
				t.Errorf("wrote %v, condition %+v", writes, got)
			}
			h.RouteInformer = synctest.Synced(true)
			_, err = h.run(t)
			synctest.Must(t, err)
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
