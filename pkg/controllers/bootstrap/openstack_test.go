package bootstrap

import (
	"context"
	"errors"
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// OpenStack without object storage gets a claim; one that cannot be asked gets nothing yet, and the administrator hears why.
func TestOpenStackIsAsked(t *testing.T) {
	h := newHarness(t, nil, infrastructure("OpenStack", ""), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard-csi"}})
	answer := h.Default
	h.Default = func(context.Context, *configv1.Infrastructure) (storage.Default, error) {
		return storage.Default{}, errors.New("Keystone is away")
	}
	writes, err := h.run(t)
	if err == nil || !strings.Contains(err.Error(), "Keystone is away") {
		t.Errorf("error %v", err)
	}
	expectWrites(t, nil, writes)
	if recorded := h.recorder.Events(); len(recorded) != 1 || recorded[0].Type != "Warning" || !strings.Contains(recorded[0].Message, "Keystone is away") {
		t.Errorf("events %v", recorded)
	}
	h.Default, h.without = answer, []storage.Kind{storage.Swift}
	writes, err = h.run(t)
	must(t, err)
	expectWrites(t, []string{"create persistentvolumeclaims", "create configs"}, writes)
	claim, err := h.ClaimClient.Get(t.Context(), "image-registry-storage", metav1.GetOptions{})
	must(t, err)
	if class := ptr.Deref(claim.Spec.StorageClassName, ""); class != "standard-csi" {
		t.Errorf("class of the claim is %q", class)
	}
	if spec := h.stored(t).Spec; spec.Storage.PVC == nil || spec.Replicas != 1 || spec.RolloutStrategy != "Recreate" {
		t.Errorf("created %+v", spec)
	}
}
