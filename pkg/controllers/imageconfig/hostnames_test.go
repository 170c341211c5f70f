package imageconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

func service(ports ...int32) *corev1.Service {
	made := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: "image-registry"}}
	for _, port := range ports {
		made.Spec.Ports = append(made.Spec.Ports, corev1.ServicePort{Port: port})
	}
	return made
}

// route has hosts, each admitted when it ends in "+" (which is dropped).
func route(name string, hosts ...string) *routev1.Route {
	made := &routev1.Route{ObjectMeta: metav1.ObjectMeta{
		Namespace: "openshift-image-registry", Name: name, Annotations: map[string]string{"imageregistry.openshift.io": "true"},
	}}
	for _, host := range hosts {
		ingress := routev1.RouteIngress{Host: strings.TrimSuffix(host, "+")}
		if strings.HasSuffix(host, "+") {
			ingress.Conditions = []routev1.RouteIngressCondition{{Type: routev1.RouteAdmitted, Status: corev1.ConditionTrue}}
		}
		made.Status.Ingress = append(made.Status.Ingress, ingress)
	}
	return made
}

func foreign(of *routev1.Route) *routev1.Route {
	of.Annotations = map[string]string{"x": "y"}
	return of
}

func TestInternalHostname(t *testing.T) {
	for _, tc := range []struct {
		name    string
		service *corev1.Service
		want    string
		err     string
	}{
		{"the port of the registry", service(5000), "image-registry.openshift-image-registry.svc:5000", ""},
		{"the first port counts", service(5001, 5000), "image-registry.openshift-image-registry.svc:5001", ""},
		{"the port of https is left out", service(443), "image-registry.openshift-image-registry.svc", ""},
		{"without a service there is none", nil, "", ""},
		{"a service without a port is an error", service(), "", "service openshift-image-registry/image-registry has no port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Desired(Inputs{Service: tc.service})
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil || got.InternalRegistryHostname != tc.want {
				t.Errorf("got %q, error %v, want %q", got.InternalRegistryHostname, err, tc.want)
			}
		})
	}
}

func TestInternalHostnameStaysWhileTheServiceIsMissing(t *testing.T) {
	before := &configv1.Image{Status: configv1.ImageStatus{InternalRegistryHostname: "registry:5000"}}
	for _, tc := range []struct {
		name string
		in   Inputs
		want string
	}{
		{"a managed registry gets it back", Inputs{Current: before, Managed: true}, "registry:5000"},
		{"there is to be no registry", Inputs{Current: before}, ""},
		{"it is another one", Inputs{Current: before, Managed: true, Service: service(443)}, "image-registry.openshift-image-registry.svc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := Desired(tc.in); err != nil || got.InternalRegistryHostname != tc.want {
				t.Errorf("got %q, error %v, want %q", got.InternalRegistryHostname, err, tc.want)
			}
		})
	}
}

func TestExternalHostnames(t *testing.T) {
	const first, second = "default-route-openshift-image-registry.apps.a", "default-route-openshift-image-registry.apps.b"
	before := &configv1.Image{Status: configv1.ImageStatus{ExternalRegistryHostnames: []string{"old"}}}
	for _, tc := range []struct {
		name   string
		in     Inputs
		routes []*routev1.Route
		want   []string
	}{
		{"no routes", Inputs{RoutesKnown: true}, nil, nil},
		{"no routes any more", Inputs{RoutesKnown: true, Current: before}, nil, nil},
		{"while the API of routes is away the old ones stay", Inputs{Current: before}, nil, []string{"old"}},
		{
			"the default host first, the others sorted",
			Inputs{RoutesKnown: true},
			[]*routev1.Route{route("z", "z.test"), route("a", "a.test"), route("default-route", first)},
			[]string{first, "a.test", "z.test"},
		},
		{
			"each host once, without empty ones",
			Inputs{RoutesKnown: true},
			[]*routev1.Route{route("a", "a.test", "a.test", ""), route("b", "a.test")},
			[]string{"a.test"},
		},
		{
			"a route that is not ours does not count",
			Inputs{RoutesKnown: true},
			[]*routev1.Route{foreign(route("a", "a.test")), foreign(route("default-route", first)), route("b", "b.test")},
			[]string{"b.test"},
		},
		{
			"of several default hosts the admitted one",
			Inputs{RoutesKnown: true},
			[]*routev1.Route{route("default-route", first, second+"+")},
			[]string{second, first},
		},
		{
			"of several admitted default hosts the first by name",
			Inputs{RoutesKnown: true},
			[]*routev1.Route{route("default-route", second+"+", first+"+"), route("a", "a.test+")},
			[]string{first, "a.test", second},
		},
		{"a host that is not admitted is published too", Inputs{RoutesKnown: true}, []*routev1.Route{route("a", "a.test")}, []string{"a.test"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Routes = tc.routes
			got, err := Desired(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.ExternalRegistryHostnames); diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportMode(t *testing.T) {
	image := func(spec, status configv1.ImportModeType) *configv1.Image {
		return &configv1.Image{Spec: configv1.ImageSpec{ImageStreamImportMode: spec}, Status: configv1.ImageStatus{ImageStreamImportMode: status}}
	}
	version := func(architecture configv1.ClusterVersionArchitecture) *configv1.ClusterVersion {
		return &configv1.ClusterVersion{Status: configv1.ClusterVersionStatus{Desired: configv1.Release{Architecture: architecture}}}
	}
	for _, tc := range []struct {
		name string
		in   Inputs
		want configv1.ImportModeType
		err  bool
	}{
		{"gate off: not ours", Inputs{Current: image("Legacy", "PreserveOriginal")}, "PreserveOriginal", false},
		{"the administrator's choice", Inputs{ImportMode: true, Current: image("PreserveOriginal", ""), ClusterVersion: version("")}, "PreserveOriginal", false},
		{"the choice needs no ClusterVersion", Inputs{ImportMode: true, Current: image("Legacy", "")}, "Legacy", false},
		{"a payload for several architectures", Inputs{ImportMode: true, ClusterVersion: version("Multi")}, "PreserveOriginal", false},
		{"a payload for one", Inputs{ImportMode: true, Current: image("", "PreserveOriginal"), ClusterVersion: version("")}, "Legacy", false},
		{"no ClusterVersion is an error", Inputs{ImportMode: true, Current: image("", "Legacy")}, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Desired(tc.in)
			if (err != nil) != tc.err || got.ImageStreamImportMode != tc.want {
				t.Errorf("got %q, error %v, want %q and an error: %v", got.ImageStreamImportMode, err, tc.want, tc.err)
			}
		})
	}
}

func TestDifferenceIsNarrow(t *testing.T) {
	full := configv1.ImageStatus{InternalRegistryHostname: "i", ExternalRegistryHostnames: []string{"a"}, ImageStreamImportMode: "Legacy"}
	for _, tc := range []struct {
		name             string
		current, desired configv1.ImageStatus
		want             []operatorclient.Change
	}{
		{"nothing", full, full, nil},
		{"all of an empty status", configv1.ImageStatus{}, full, []operatorclient.Change{operatorclient.Set("/status", full)}},
		{"one field", full, configv1.ImageStatus{InternalRegistryHostname: "j", ExternalRegistryHostnames: []string{"a"}, ImageStreamImportMode: "Legacy"}, []operatorclient.Change{operatorclient.Set("/status/internalRegistryHostname", "j")}},
		{"fields that go are removed", full, configv1.ImageStatus{ImageStreamImportMode: "Legacy"}, []operatorclient.Change{operatorclient.Remove("/status/internalRegistryHostname"), operatorclient.Remove("/status/externalRegistryHostnames")}},
		{"the order of hosts matters", configv1.ImageStatus{ExternalRegistryHostnames: []string{"b", "a"}}, configv1.ImageStatus{ExternalRegistryHostnames: []string{"a", "b"}}, []operatorclient.Change{operatorclient.Set("/status/externalRegistryHostnames", []string{"a", "b"})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, difference(tc.current, tc.desired)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
