package routes

import (
	"maps"

	"k8s.io/apimachinery/pkg/api/equality"

	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

var routeKind = apply.Kind[*routev1.Route]{Name: "Route", Merge: merge, Events: true}

// owned tells whether the operator made the route.
func owned(route *routev1.Route) bool {
	_, ok := route.Annotations[names.OwnedAnnotation]
	return ok
}

// merge puts the fields we own into a copy of live. Everything else of a live route is somebody's decision and stays:
// further labels and annotations, the insecure policy, a destination CA. The host of a route that asks for none is the
// router's choice.
func merge(live, desired *routev1.Route) (*routev1.Route, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	// Only the presence of the ownership mark counts.
	required.Annotations[names.OwnedAnnotation] = live.Annotations[names.OwnedAnnotation]
	merged.Labels, merged.Annotations = overlay(live.Labels, required.Labels), overlay(live.Annotations, required.Annotations)
	if required.Spec.Host != "" {
		merged.Spec.Host = required.Spec.Host
	}
	merged.Spec.To.Kind, merged.Spec.To.Name = required.Spec.To.Kind, required.Spec.To.Name
	// The server's default is full weight. Traffic that is partly or wholly sent elsewhere is a changed target.
	if weight := merged.Spec.To.Weight; weight != nil && *weight == 0 {
		merged.Spec.To.Weight = required.Spec.To.Weight
	}
	merged.Spec.AlternateBackends = required.Spec.AlternateBackends
	if merged.Spec.TLS == nil {
		merged.Spec.TLS = &routev1.TLSConfig{}
	}
	mergeTLS(merged.Spec.TLS, required.Spec.TLS)
	return merged, !equality.Semantic.DeepEqual(live, merged)
}

func mergeTLS(merged, required *routev1.TLSConfig) {
	merged.Termination = required.Termination
	merged.Certificate, merged.Key, merged.CACertificate = required.Certificate, required.Key, required.CACertificate
}

func overlay(live, desired map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, live)
	maps.Copy(merged, desired)
	return merged
}
