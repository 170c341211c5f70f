package trust

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

func TestSyncKeepsWhatWasPublishedOfAMissingConfigMap(t *testing.T) {
	ca, extra := newCertificate(t), newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca), imageNaming("mine"),
		stored(here, "image-registry-certificates", data{key1: "an older service CA", "r.example.com": extra}))
	_, err := h.run(t)
	synctest.Must(t, err)
	if diff := cmp.Diff(data{key1: ca, key2: ca, "r.example.com": extra}, h.get(t, here, "image-registry-certificates").Data); diff != "" {
		t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
	}
	const message = "configmap openshift-config/mine, named by spec.additionalTrustedCA of images.config.openshift.io/cluster, does not exist; still published from it: r.example.com"
	h.expect(t, operatorv1.ConditionTrue, "Error", message)
	got := h.recorder.Events()
	if len(got) != 2 || got[0].Reason != names.EventCertificateAuthoritiesPublished || got[1].Type != "Warning" || got[1].Message != message {
		t.Errorf("events %v", got)
	}
	if want := "configmap openshift-image-registry/image-registry-certificates: added " + key2 + "; changed " + key1; got[0].Message != want {
		t.Errorf("published: %q, want %q", got[0].Message, want)
	}
	h.refresh(t)
	_, err = h.run(t)
	synctest.Must(t, err)
	if got := h.recorder.Events(); len(got) != 2 {
		t.Errorf("the same complaint was raised again: %v", got)
	}
}

func TestSyncWarnsWithoutDegrading(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""), imageNaming("mine"), stored(user, "mine", data{"r.example.com": "hello"}))
	_, err := h.run(t)
	synctest.Must(t, err)
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "key r.example.com of configmap openshift-config/mine: no PEM encoded certificate in it")
}

func TestSyncWritesEachOutputOnItsOwn(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	h.client.PrependReactor("create", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.(clienttesting.CreateAction).GetObject().(*corev1.ConfigMap).Name != "image-registry-ca" {
			return true, nil, errors.New("no")
		}
		return false, nil, nil
	})
	_, err := h.run(t)
	if err == nil {
		t.Error("the sync must be repeated")
	}
	h.get(t, managed, "image-registry-ca")
	h.expect(t, operatorv1.ConditionTrue, "Error",
		"creating ConfigMap openshift-image-registry/serviceca: no; creating ConfigMap openshift-image-registry/image-registry-certificates: no")
}

func TestSyncDoesNotReportACacheThatIsBehind(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	h.client.PrependReactor("create", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewAlreadyExists(corev1.Resource("configmaps"), "x")
	})
	if _, err := h.run(t); err == nil {
		t.Error("the sync must be repeated")
	}
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
}
