package trust

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

func TestSyncRevertsDriftAndKeepsForeignMetadata(t *testing.T) {
	ca := newCertificate(t)
	drifts := map[string]func(*corev1.ConfigMap){
		"a changed value":               func(m *corev1.ConfigMap) { m.Data[key1] = "evil" },
		"a removed value":               func(m *corev1.ConfigMap) { delete(m.Data, key2) },
		"an added value":                func(m *corev1.ConfigMap) { m.Data["evil.example.com"] = "evil" },
		"an added binary value":         func(m *corev1.ConfigMap) { m.BinaryData = map[string][]byte{"evil": {1}} },
		"a removed owner annotation":    func(m *corev1.ConfigMap) { delete(m.Annotations, "openshift.io/owning-component") },
		"a removed checksum annotation": func(m *corev1.ConfigMap) { delete(m.Annotations, "imageregistry.operator.openshift.io/checksum") },
		"a changed label":               func(m *corev1.ConfigMap) { m.Labels["app.kubernetes.io/part-of"] = "x" },
	}
	for name, drift := range drifts {
		for _, output := range [][2]string{{here, "image-registry-certificates"}, {managed, "image-registry-ca"}} {
			t.Run(output[1]+": "+name, func(t *testing.T) {
				h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca))
				_, err := h.run(t)
				synctest.Must(t, err)
				h.refresh(t)
				want := h.get(t, output[0], output[1])
				want.Labels["others"], want.Annotations["others"] = "kept", "kept"
				h.edit(t, output[0], output[1], func(m *corev1.ConfigMap) {
					m.Labels["others"], m.Annotations["others"] = "kept", "kept"
					drift(m)
				})
				writes, err := h.run(t)
				synctest.Must(t, err)
				if diff := cmp.Diff([]string{"update " + output[0] + "/" + output[1]}, writes); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				got := h.get(t, output[0], output[1])
				got.ManagedFields, want.ManagedFields = nil, nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("reverted (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSyncReplacesAnOutputThatSomebodyMadeImmutable(t *testing.T) {
	ca := newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca))
	_, err := h.run(t)
	synctest.Must(t, err)
	h.edit(t, here, "image-registry-certificates", func(m *corev1.ConfigMap) { m.Immutable, m.Data = ptr.To(true), nil })
	writes, err := h.run(t)
	synctest.Must(t, err)
	name := here + "/image-registry-certificates"
	if diff := cmp.Diff([]string{"delete " + name, "create " + name}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestSyncOwnsTheMetadataOfServiceCAAndNeverItsData(t *testing.T) {
	ca := newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	writes, err := h.run(t)
	synctest.Must(t, err)
	if writes[0] != "create "+here+"/serviceca" {
		t.Errorf("writes %v", writes)
	}
	created := h.get(t, here, "serviceca")
	if created.Annotations["service.beta.openshift.io/inject-cabundle"] != "true" || len(created.Data) > 0 {
		t.Errorf("created %+v", created)
	}
	h.edit(t, here, "serviceca", func(m *corev1.ConfigMap) {
		m.Data = data{"service-ca.crt": ca}
		m.Annotations = map[string]string{"others": "kept"}
	})
	_, err = h.run(t)
	synctest.Must(t, err)
	got := h.get(t, here, "serviceca")
	if got.Annotations["service.beta.openshift.io/inject-cabundle"] != "true" || got.Annotations["others"] != "kept" || got.Data["service-ca.crt"] != ca {
		t.Errorf("kept up %+v", got)
	}
}
