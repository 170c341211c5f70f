package standin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	routev1 "github.com/openshift/api/route/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

// admitted waits for the router's word about a Route.
func admitted(t *testing.T, c *cluster, namespace, name string, status corev1.ConditionStatus, reason, host string) {
	t.Helper()
	kubetest.Eventually(t, fmt.Sprintf("route %s Admitted=%s %s", name, status, reason), func(ctx context.Context) string {
		route := read[routev1.Route](ctx, t, c, gvr.Routes, namespace, name)
		if len(route.Status.Ingress) != 1 || len(route.Status.Ingress[0].Conditions) != 1 {
			return fmt.Sprintf("ingress %+v", route.Status.Ingress)
		}
		entry := route.Status.Ingress[0]
		condition := entry.Conditions[0]
		if condition.Status != status || condition.Reason != reason || entry.Host != host || entry.RouterName != "default" {
			return fmt.Sprintf("ingress %+v", entry)
		}
		return ""
	})
}

func makeRoute(t *testing.T, c *cluster, namespace, name string, change func(*routev1.RouteSpec)) {
	t.Helper()
	route := &routev1.Route{
		TypeMeta:   metav1.TypeMeta{APIVersion: routev1.GroupVersion.String(), Kind: "Route"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       routev1.RouteSpec{To: routev1.RouteTargetReference{Kind: "Service", Name: "web"}},
	}
	change(&route.Spec)
	obj, err := loop.Unstructured(route)
	if err != nil {
		t.Fatal(err)
	}
	delete(obj.Object, "status")
	if _, err := c.client(gvr.Routes, namespace).Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestRoutes(t *testing.T) {
	c := start(t)
	namespace := c.namespace(t)
	t.Run("a route without a host gets one and is admitted", func(t *testing.T) {
		makeRoute(t, c, namespace, "plain", func(*routev1.RouteSpec) {})
		host := "plain-" + namespace + ".apps.cluster.test"
		admitted(t, c, namespace, "plain", corev1.ConditionTrue, "", host)
		if got := read[routev1.Route](t.Context(), t, c, gvr.Routes, namespace, "plain").Spec.Host; got != host {
			t.Errorf("spec.host is %q", got)
		}
	})
	t.Run("a host belongs to the older route until that is gone", func(t *testing.T) {
		host := namespace + ".example.test"
		claim := func(s *routev1.RouteSpec) { s.Host = host }
		makeRoute(t, c, namespace, "old", claim)
		admitted(t, c, namespace, "old", corev1.ConditionTrue, "", host)
		makeRoute(t, c, namespace, "young", claim)
		// Creation times have whole seconds: within the same one the uid decides, so either may win. Exactly one does.
		winner, loser := claimants(t, c, namespace, host)
		if err := c.client(gvr.Routes, namespace).Delete(t.Context(), winner, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		admitted(t, c, namespace, loser, corev1.ConditionTrue, "", host)
	})
	t.Run("a certificate with the key of another is not admitted", func(t *testing.T) {
		makeRoute(t, c, namespace, "broken", func(s *routev1.RouteSpec) {
			s.Host = "broken.example.test"
			s.TLS = &routev1.TLSConfig{
				Termination: routev1.TLSTerminationReencrypt, Certificate: newCertificate("a").certificate, Key: newCertificate("b").key,
			}
		})
		admitted(t, c, namespace, "broken", corev1.ConditionFalse, "ExtendedValidationFailed", "broken.example.test")
	})
}

// claimants waits until of the routes old and young one is admitted and one is not.
func claimants(t *testing.T, c *cluster, namespace, host string) (winner, loser string) {
	t.Helper()
	kubetest.Eventually(t, "one route with host "+host+" and one without", func(ctx context.Context) string {
		winner, loser = "", ""
		for _, name := range []string{"old", "young"} {
			route := read[routev1.Route](ctx, t, c, gvr.Routes, namespace, name)
			for _, entry := range route.Status.Ingress {
				switch condition := entry.Conditions[0]; {
				case condition.Status == corev1.ConditionTrue:
					winner = name
				case condition.Reason == "HostAlreadyClaimed":
					loser = name
				}
			}
		}
		if winner == "" || loser == "" {
			return fmt.Sprintf("winner %q, loser %q", winner, loser)
		}
		return ""
	})
	return winner, loser
}

func TestTrustedCA(t *testing.T) {
	c := start(t)
	namespace := c.namespace(t)
	labelled := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "trusted-ca", Labels: map[string]string{"config.openshift.io/inject-trusted-cabundle": "true"},
	}}
	if _, err := c.kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), labelled, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	bundle := func(want string) {
		t.Helper()
		kubetest.Eventually(t, "the trusted CA bundle", func(ctx context.Context) string {
			got, err := c.kube.CoreV1().ConfigMaps(namespace).Get(ctx, "trusted-ca", metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			if got.Data["ca-bundle.crt"] != want {
				return fmt.Sprintf("%d certificates, want %d", strings.Count(got.Data["ca-bundle.crt"], "BEGIN"), strings.Count(want, "BEGIN"))
			}
			return ""
		})
	}
	bundle(c.systemCA)

	own := newCertificate("own").certificate
	sources := c.kube.CoreV1().ConfigMaps("openshift-config")
	source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "user-ca"}, Data: map[string]string{"ca-bundle.crt": own}}
	if _, err := sources.Create(t.Context(), source, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.patch(t, gvr.Proxies, "", "cluster", map[string]any{"spec": map[string]any{"trustedCA": map[string]any{"name": "user-ca"}}})
	bundle(c.systemCA + own)

	source.Data["ca-bundle.crt"] = "nonsense"
	if _, err := sources.Update(t.Context(), source, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.refused(t, "default", "cluster", "InvalidTrustedCA", "holds no PEM certificate")
	bundle(c.systemCA + own) // the last good one stays

	c.patch(t, gvr.Proxies, "", "cluster", map[string]any{"spec": map[string]any{"trustedCA": map[string]any{"name": ""}}})
	bundle(c.systemCA)
}

func TestProxy(t *testing.T) {
	c := start(t)
	set := func(spec map[string]any) {
		c.patch(t, gvr.Proxies, "", "cluster", map[string]any{"spec": spec})
	}
	t.Cleanup(func() {
		patch := []byte(`{"spec":{"httpProxy":null,"httpsProxy":null,"noProxy":null}}`)
		if _, err := c.dynamic.Resource(gvr.Proxies).Patch(context.Background(), "cluster", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	})
	set(map[string]any{"httpProxy": "http://proxy.test:3128", "noProxy": "mine.test"})
	want := configv1.ProxyStatus{
		HTTPProxy: "http://proxy.test:3128",
		NoProxy:   ".cluster.local,.ec2.internal,.svc,10.128.0.0/14,10.99.0.0/16,127.0.0.1,169.254.169.254,localhost,mine.test",
	}
	status := func() {
		t.Helper()
		kubetest.Eventually(t, "the proxy's status", func(ctx context.Context) string {
			if got := read[configv1.Proxy](ctx, t, c, gvr.Proxies, "", "cluster").Status; got != want {
				return fmt.Sprintf("%+v", got)
			}
			return ""
		})
	}
	status()
	set(map[string]any{"httpProxy": "gopher://proxy.test"})
	c.refused(t, "default", "cluster", "InvalidProxy", "spec.httpProxy: must be an http")
	status() // the last good one stays
}

func TestNamespaces(t *testing.T) {
	c := start(t)
	fixed := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "openshift-image-registry"}}
	if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), fixed, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	names := []string{"openshift-image-registry"}
	for range 5 {
		names = append(names, c.namespace(t))
	}
	kubetest.Eventually(t, "ranges for namespaces", func(ctx context.Context) string {
		seen := map[string]string{}
		for _, name := range names {
			ns, err := c.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			for _, key := range []string{"openshift.io/sa.scc.uid-range", "openshift.io/sa.scc.supplemental-groups", "openshift.io/sa.scc.mcs"} {
				value := ns.Annotations[key]
				if value == "" {
					return name + " has no " + key
				}
				if other := seen[key+value]; other != "" {
					t.Fatalf("%s and %s both have %s %s", name, other, key, value)
				}
				seen[key+value] = name
			}
		}
		if seen["openshift.io/sa.scc.supplemental-groups1000640000/10000"] != "openshift-image-registry" {
			t.Fatalf("the registry's range went elsewhere: %v", seen)
		}
		return ""
	})
}

func TestFeatureGates(t *testing.T) {
	c := start(t)
	lists := func(ctx context.Context, version string) *configv1.FeatureGateDetails {
		for _, details := range read[configv1.FeatureGate](ctx, t, c, gvr.FeatureGates, "", "cluster").Status.FeatureGates {
			if details.Version == version {
				return &details
			}
		}
		return nil
	}
	version := read[configv1.ClusterVersion](t.Context(), t, c, gvr.ClusterVersions, "", "version").Status.Desired.Version
	before := lists(t.Context(), version)
	if before == nil {
		t.Fatalf("version %s is not listed", version)
	}
	c.patch(t, gvr.FeatureGates, "", "cluster", map[string]any{"spec": map[string]any{
		"featureSet": "CustomNoUpgrade", "customNoUpgrade": map[string]any{"disabled": []string{"ImageStreamImportMode"}},
	}})
	kubetest.Eventually(t, "the custom set", func(ctx context.Context) string {
		if now := lists(ctx, version); now == nil || len(now.Disabled) != len(before.Disabled)+1 {
			return fmt.Sprintf("%v", now)
		}
		return ""
	})
}
