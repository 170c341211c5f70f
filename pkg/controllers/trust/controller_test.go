package trust

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/certificates"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

func TestSyncPublishesBothOutputsAndThenIsSilent(t *testing.T) {
	ca, store, extra := newCertificate(t), newCertificate(t), newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "b", "b"), service(5000), injected(ca),
		imageNaming("mine"), stored(user, "mine", data{"r.example.com": extra}))
	h.bundles["b"] = store
	writes, err := h.run(t)
	synctest.Must(t, err)
	if diff := cmp.Diff([]string{"update " + here + "/serviceca", "create " + here + "/image-registry-certificates", "create " + managed + "/image-registry-ca"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
	own := ca + "\n" + store
	if diff := cmp.Diff(data{key1: own, key2: own, storageKey: store, "r.example.com": extra}, h.get(t, here, "image-registry-certificates").Data); diff != "" {
		t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
	}
	registryCA := h.get(t, managed, "image-registry-ca")
	if diff := cmp.Diff(data{key1: own, key2: own}, registryCA.Data); diff != "" {
		t.Errorf("image-registry-ca (-want +got):\n%s", diff)
	}
	if registryCA.Annotations["openshift.io/owning-component"] != "Image Registry" || !strings.HasPrefix(registryCA.Annotations["imageregistry.operator.openshift.io/checksum"], "sha256:") {
		t.Errorf("annotations %v", registryCA.Annotations)
	}
	h.refresh(t)
	writes, err = h.run(t)
	if err != nil || len(writes)+len(h.config.Writes()) > 0 {
		t.Errorf("second sync wrote %v and %v, error %v", writes, h.config.Writes(), err)
	}
}

func TestSyncRunsInEveryState(t *testing.T) {
	ca, store := newCertificate(t), newCertificate(t)
	own := ca + "\n" + store
	for _, tc := range []struct {
		state operatorv1.ManagementState
		want  data
	}{
		{operatorv1.Managed, data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Unmanaged, data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Force, data{key1: own, key2: own, storageKey: store}},
		{"", data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Removed, data{key1: ca, key2: ca}},
	} {
		t.Run("state "+string(tc.state), func(t *testing.T) {
			h := newHarness(t, configIn(tc.state, "b", "b"), service(5000), injected(ca))
			h.bundles["b"] = store
			_, err := h.run(t)
			synctest.Must(t, err)
			if diff := cmp.Diff(tc.want, h.get(t, here, "image-registry-certificates").Data); diff != "" {
				t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
			}
			h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
		})
	}
}

func TestSyncTrustsBothLocationsDuringASwitch(t *testing.T) {
	first, second := newCertificate(t), newCertificate(t)
	for _, tc := range []struct {
		name, spec, status string
		edit               func(*imageregistryv1.Config)
		want               string
		status2            operatorv1.ConditionStatus
		message            string
	}{
		{name: "before the switch", spec: "one", status: "one", want: first, status2: "False"},
		{name: "during the switch", spec: "two", status: "one", want: second + "\n" + first, status2: "False"},
		{name: "before the first storage is there", spec: "one", want: first, status2: "False"},
		{name: "a bad new location leaves the old one", spec: "bad", status: "one", want: first, status2: "True", message: "the CA bundle for spec.storage: no bundle for bad"},
		{
			name: "two kinds in spec are the storage controller's to report", spec: "two", status: "one", want: first, status2: "False",
			edit: func(c *imageregistryv1.Config) {
				c.Spec.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
			},
		},
		{
			name: "so is a kind without driver", status: "one", want: first, status2: "False",
			edit: func(c *imageregistryv1.Config) {
				c.Spec.Storage.GCS = &imageregistryv1.ImageRegistryConfigStorageGCS{}
			},
		},
		{name: "no storage at all", status2: "False"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configIn(operatorv1.Managed, tc.spec, tc.status)
			if tc.edit != nil {
				tc.edit(config)
			}
			h := newHarness(t, config, stored(here, "image-registry-certificates", nil))
			h.bundles["one"], h.bundles["two"] = first, second
			_, err := h.run(t)
			synctest.Must(t, err)
			if diff := cmp.Diff(tc.want, h.get(t, here, "image-registry-certificates").Data[storageKey]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", storageKey, diff)
			}
			reason := map[operatorv1.ConditionStatus]string{"True": "Error", "False": "AsExpected"}[tc.status2]
			h.expect(t, tc.status2, reason, tc.message)
		})
	}
}

// TestTheCAOfAStorageStaysWhilePodsAreOnIt: pods of a rollout under way send clients to the storage before, and these trust it
// by what is published.
func TestTheCAOfAStorageStaysWhilePodsAreOnIt(t *testing.T) {
	before, after := newCertificate(t), newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "one", "one"), stored(here, "image-registry-certificates", nil))
	h.bundles["one"], h.bundles["two"] = before, after
	published := func(what, want string) {
		t.Helper()
		_, err := h.run(t)
		synctest.Must(t, err)
		h.refresh(t)
		if diff := cmp.Diff(want, h.get(t, here, "image-registry-certificates").Data[storageKey]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	published("at rest", before)
	h.config.Replace(configIn(operatorv1.Managed, "two", "two"))
	h.leaving = true
	published("pods are on the former storage", certificates.Join(before, after))
	published("they still are", certificates.Join(before, after))
	h.leaving = false
	published("they are gone", after)
}
