package routes

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

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
			synctest.Must(t, err)
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
			synctest.Must(t, err)
			h.refresh(t)
			writes, err := h.run(t)
			synctest.Must(t, err)
			if diff := cmp.Diff([]string{"update r"}, writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(foreign, h.get(t, "r")); diff != "" {
				t.Errorf("reverted route (-want +got):\n%s", diff)
			}
			var reasons []string
			for _, event := range h.recorder.Events() {
				reasons = append(reasons, event.Reason)
			}
			if !slices.Contains(reasons, "RouteUpdated") {
				t.Errorf("events %v", reasons)
			}
			// Without our checksum nobody can tell that it was not us who asked for something else.
			if told := slices.Contains(reasons, names.EventDriftReverted); told == strings.HasSuffix(tc.path, "checksum") {
				t.Errorf("drift reported: %v, events %v", told, reasons)
			}
		})
	}
}

func TestSyncKeepsTheHostTheRouterChose(t *testing.T) {
	h := newHarness(t, configWith(withDefaultRoute))
	_, err := h.run(t)
	synctest.Must(t, err)
	route := h.get(t, "default-route")
	route.Spec.Host, route.Spec.To.Weight = "default-route-openshift-image-registry.apps.example.com", ptr.To[int32](100)
	_, err = h.client.RouteV1().Routes(namespace).Update(t.Context(), route, metav1.UpdateOptions{})
	synctest.Must(t, err)
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
	synctest.Must(t, err)
	if diff := cmp.Diff([]string{"update default-route"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if got := h.get(t, "default-route"); got.Spec.Host != "given.example.com" {
		t.Errorf("host %q", got.Spec.Host)
	}
}
