package trust

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// Keys are made of names, never of addresses: a key of a ConfigMap can hold neither brackets nor colons.
func TestOwnKeysDoNotDependOnTheAddressFamily(t *testing.T) {
	want := []string{"image-registry.openshift-image-registry.svc..5000", "image-registry.openshift-image-registry.svc.cluster.local..5000"}
	for name, spec := range map[string]corev1.ServiceSpec{
		"IPv4":       {ClusterIP: "172.30.0.5", IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}},
		"IPv6":       {ClusterIP: "fd02::5", IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol}},
		"dual stack": {ClusterIP: "fd02::5", ClusterIPs: []string{"fd02::5", "172.30.0.5"}, IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}},
	} {
		t.Run(name, func(t *testing.T) {
			spec.Ports = []corev1.ServicePort{{Port: 5000}}
			if got := ownKeys(&corev1.Service{Spec: spec}); !slices.Equal(got, want) {
				t.Errorf("keys %q, want %q", got, want)
			}
		})
	}
	service := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443}}}}
	if got := ownKeys(service); got[0] != shortHost {
		t.Errorf("the port of HTTPS is in the key %q", got[0])
	}
}
