package apply

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// What the API server, or an administrator of a dual-stack cluster, has decided about addresses stays.
func TestAddressesOfAServiceStay(t *testing.T) {
	desired := &corev1.Service{ObjectMeta: meta("service"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 5000}}}}
	for name, spec := range map[string]corev1.ServiceSpec{
		"IPv6":                   {ClusterIP: "fd02::5", ClusterIPs: []string{"fd02::5"}, IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol}, IPFamilyPolicy: ptr.To(corev1.IPFamilyPolicySingleStack)},
		"dual stack, IPv6 first": {ClusterIP: "fd02::5", ClusterIPs: []string{"fd02::5", "172.30.0.5"}, IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}, IPFamilyPolicy: ptr.To(corev1.IPFamilyPolicyPreferDualStack)},
	} {
		t.Run(name, func(t *testing.T) {
			live := desired.DeepCopy()
			live.Spec = *spec.DeepCopy()
			live.Spec.Type, live.Spec.Ports = desired.Spec.Type, desired.Spec.Ports
			if _, changed := MergeService(live, desired); changed {
				t.Error("a service as the API server completed it is written again")
			}
			live.Spec.Ports = []corev1.ServicePort{{Port: 1}}
			merged, changed := MergeService(live, desired)
			if !changed || merged.Spec.ClusterIP != spec.ClusterIP || len(merged.Spec.IPFamilies) != len(spec.IPFamilies) || *merged.Spec.IPFamilyPolicy != *spec.IPFamilyPolicy {
				t.Errorf("setting the port back gives %+v", merged.Spec)
			}
		})
	}
}
