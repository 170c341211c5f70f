package trust

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

func TestFirstPublicationWaitsForOwnEntries(t *testing.T) {
	const patience = 10 * time.Second
	ca := newCertificate(t)
	for _, tc := range []struct {
		name      string
		config    *imageregistryv1.Config
		objects   []runtime.Object
		age       time.Duration
		published bool
	}{
		{"before Config is there", nil, nil, 0, false},
		{"but not for ever without Config", nil, nil, patience, true},
		{"before the Service is there", configIn(operatorv1.Managed, "", ""), []runtime.Object{injected(ca)}, patience - 1, false},
		{"before the service CA is injected", configIn(operatorv1.Managed, "", ""), []runtime.Object{service(5000)}, patience - 1, false},
		{"but not for ever", configIn(operatorv1.Managed, "", ""), nil, patience, true},
		{"and no longer than needed", configIn(operatorv1.Managed, "", ""), []runtime.Object{injected(ca), service(5000)}, 0, true},
		{"not for a registry that is not to come", configIn(operatorv1.Removed, "", ""), nil, 0, true},
		{"not once something is published", configIn(operatorv1.Managed, "", ""), []runtime.Object{stored(here, "image-registry-certificates", nil)}, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.config, tc.objects...)
			_, err := h.run(t)
			synctest.Must(t, err)
			h.clock.SetTime(h.clock.Now().Add(tc.age))
			h.refresh(t)
			_, err = h.run(t)
			synctest.Must(t, err)
			_, err = h.client.CoreV1().ConfigMaps(managed).Get(t.Context(), "image-registry-ca", metav1.GetOptions{})
			if got := err == nil; got != tc.published {
				t.Errorf("published: %v (%v)", got, err)
			}
		})
	}
}

// On a new cluster the first core conditions come first, but a complaint does not wait for them.
func TestGoodNewsWaitsForTheCoreConditions(t *testing.T) {
	for _, tc := range []struct {
		name, bucket string
		want         int
	}{
		{"all is well", "b", 0},
		{"the storage's CA cannot be read", "unknown", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configIn(operatorv1.Managed, tc.bucket, tc.bucket)
			config.Status.Conditions = nil
			h := newHarness(t, config, service(5000), injected(newCertificate(t)))
			h.bundles["b"] = newCertificate(t)
			_, err := h.run(t)
			synctest.Must(t, err)
			if got := h.config.Writes(); len(got) != tc.want {
				t.Errorf("wrote %v, want %d", got, tc.want)
			}
		})
	}
}
