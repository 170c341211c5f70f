package apply

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

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
