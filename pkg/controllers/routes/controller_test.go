package routes

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

func TestSyncAppliesEachRouteOnItsOwnAndThenIsSilent(t *testing.T) {
	certificate, key := newPair(t)
	h := newHarness(t, configWith(func(s *imageregistryv1.ImageRegistrySpec) {
		s.DefaultRoute = true
		s.Routes = []entry{{Name: "bad", SecretName: "absent"}, {Name: "taken"}, {Name: "good", Hostname: "good.example.com", SecretName: "s"}}
	}), secretNamed("s", map[string][]byte{"tls.crt": certificate, "tls.key": key}),
		liveRoute("taken", func(r *routev1.Route) { r.Annotations = nil }), liveRoute("obsolete", nil),
		liveRoute("bad", nil), liveRoute("foreign", func(r *routev1.Route) { r.Annotations = nil }))
	writes, err := h.run(t)
	synctest.Must(t, err)
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
			synctest.Must(t, err)
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
			synctest.Must(t, err)
			if got := h.condition(t).Status; got != tc.before {
				t.Errorf("before the core conditions RoutesReady is %q, want %q", got, tc.before)
			}
			config, err = h.config.Config()
			synctest.Must(t, err)
			config.Status.Conditions = append(config.Status.Conditions, conditions...)
			h.config.Replace(config)
			h.refresh(t)
			_, err = h.run(t)
			synctest.Must(t, err)
			if got := h.condition(t).Status; got != tc.after {
				t.Errorf("after them it is %q, want %q", got, tc.after)
			}
		})
	}
}
