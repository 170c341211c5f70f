package trust

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

// What there was to complain about is over when the administrator has mended his ConfigMap.
func TestAComplaintAndItsEndAreEvents(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""), imageNaming("mine"), stored(user, "mine", data{"r.example.com": "hello"}))
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"no certificate", func() {}, []string{names.EventCertificateAuthoritiesPublished, names.EventCertificateAuthorities}},
		{"it is still none", func() {}, nil},
		{"it is one", func() {
			h.edit(t, user, "mine", func(c *corev1.ConfigMap) { c.Data["r.example.com"] = newCertificate(t) })
		}, []string{names.EventCertificateAuthoritiesPublished, names.EventCertificateAuthoritiesRecovered}},
		{"it still is", func() {}, nil},
	} {
		since := len(h.recorder.Events())
		step.do()
		_, err := h.run(t)
		synctest.Must(t, err)
		h.refresh(t)
		var got []string
		for _, event := range h.recorder.Events()[since:] {
			got = append(got, event.Reason)
		}
		if diff := cmp.Diff(step.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}
