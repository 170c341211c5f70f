package apply

import (
	"context"
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestDriftIsAnEventAndAnEditIsNone(t *testing.T) {
	const value = "not for everybody"
	deleted := func(*corev1.Secret) *corev1.Secret { return nil }
	changed := func(live *corev1.Secret) *corev1.Secret {
		live = live.DeepCopy()
		live.Data["a"] = []byte(value)
		return live
	}
	same := func(live *corev1.Secret) *corev1.Secret { return live }
	for name, tc := range map[string]struct {
		meddle  func(*corev1.Secret) *corev1.Secret
		desired *corev1.Secret
		forget  bool
		want    string
	}{
		"what somebody changed is set back with an event": {
			meddle: changed, desired: secret("1"),
			want: "DriftReverted: Secret ns/secret had been changed and was set back: .data.a",
		},
		"what somebody deleted is made again with an event": {
			meddle: deleted, desired: secret("1"),
			want: "DriftReverted: Secret ns/secret had been deleted and was made again",
		},
		"what is to be different is no drift":   {meddle: same, desired: secret("2")},
		"what is as it should be is no drift":   {meddle: same, desired: secret("1")},
		"what we deleted ourselves is no drift": {meddle: deleted, desired: secret("1"), forget: true},
		"an edit of both is taken for our own":  {meddle: changed, desired: secret("3")},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, client := context.Background(), fake.NewClientset().CoreV1().Secrets("ns")
			a, recorder := newApplier()
			var live *corev1.Secret
			for range 2 {
				stored, _, err := Apply(ctx, a, client, Secret, live, secret("1"))
				if err != nil {
					t.Fatal(err)
				}
				live = stored
			}
			live = tc.meddle(live)
			if live == nil {
				if err := client.Delete(ctx, "secret", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if tc.forget {
				a.Forget()
			}
			if _, _, err := Apply(ctx, a, client, Secret, live, tc.desired); err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, event := range recorder.Events() {
				texts = append(texts, event.Reason+": "+event.Message)
			}
			if got := strings.Join(texts, "\n"); got != tc.want {
				t.Errorf("events %q, want %q", got, tc.want)
			}
			if strings.Contains(strings.Join(texts, ""), value) {
				t.Error("an event shows the content of a secret")
			}
			for _, event := range recorder.Events() {
				if event.Reason != names.EventDriftReverted || event.Type != corev1.EventTypeWarning {
					t.Errorf("%s %s", event.Type, event.Reason)
				}
			}
		})
	}
}

// What we deleted to replace it, and could not make again at once, nobody else has deleted.
func TestAReplacementThatFailsHalfwayIsNoDrift(t *testing.T) {
	live := secret("1")
	live.Type = corev1.SecretTypeDockercfg
	clients := fake.NewClientset(live)
	refused := true
	clients.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return refused, nil, errors.New("no")
	})
	client := clients.CoreV1().Secrets("ns")
	a, recorder := newApplier()
	if _, _, err := Apply(t.Context(), a, client, Secret, live, secret("1")); err == nil || verbs(clients) != "delete create" {
		t.Fatalf("requests %q, error %v", verbs(clients), err)
	}
	refused = false
	if _, outcome, err := Apply(t.Context(), a, client, Secret, nil, secret("1")); err != nil || outcome != Created {
		t.Fatalf("%s, error %v", outcome, err)
	}
	for _, event := range recorder.Events() {
		t.Errorf("event %s: %s", event.Reason, event.Message)
	}
}

// After a restart it is not known that the API server stores something else than asked for. The write that finds out
// changes nothing, and must not look like somebody's edit.
func TestAnUpdateThatChangesNothingIsNoDrift(t *testing.T) {
	clients := fake.NewClientset()
	store := func(version string) clienttesting.ReactionFunc {
		return func(action clienttesting.Action) (bool, runtime.Object, error) {
			object := action.(clienttesting.UpdateAction).GetObject().DeepCopyObject().(*appsv1.Deployment)
			object.ResourceVersion, object.Generation, object.UID = version, 1, "1"
			object.Spec.Template.Spec.HostUsers = ptr.To(true)
			return true, object, nil
		}
	}
	clients.PrependReactor("create", "deployments", store("7"))
	clients.PrependReactor("update", "deployments", store("7"))
	client := clients.AppsV1().Deployments("ns")
	before, _ := newApplier()
	live, _, err := Apply(t.Context(), before, client, Deployment, nil, testDeployment())
	if err != nil {
		t.Fatal(err)
	}
	a, recorder := newApplier()
	for i, want := range []string{"update", ""} {
		clients.ClearActions()
		stored, outcome, err := Apply(t.Context(), a, client, Deployment, live, testDeployment())
		if err != nil || outcome != Unchanged || stored.ResourceVersion != "7" || verbs(clients) != want {
			t.Errorf("sync %d: %s, requests %q, error %v", i, outcome, verbs(clients), err)
		}
	}
	if events := recorder.Events(); len(events) > 0 {
		t.Errorf("%d events, the first: %s: %s", len(events), events[0].Reason, events[0].Message)
	}
	// The same with a version that moves is an edit that was set back.
	clients.PrependReactor("update", "deployments", store("8"))
	a, recorder = newApplier()
	if _, outcome, err := Apply(t.Context(), a, client, Deployment, live, testDeployment()); err != nil || outcome != Updated || len(recorder.Events()) != 2 {
		t.Errorf("%s, %d events, error %v", outcome, len(recorder.Events()), err)
	}
}
