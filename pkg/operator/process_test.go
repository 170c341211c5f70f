package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// The exit code is 0 without an error and 1 with one.
func TestVerdict(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		name  string
		cause error // why the process was stopped from inside; nil: by a signal
		err   error // what leading ended with
		want  error
		event string
	}{
		{name: "a signal is an orderly end"},
		{name: "a lost lease is an orderly end", err: fmt.Errorf("wrapped: %w", errLeaseLost)},
		{name: "a changed file is an orderly end and says why", cause: restart{"file /a was modified"}, event: "Restarting: file /a was modified"},
		{name: "an error while leading is a failure", err: broken, want: broken},
		{name: "an error while leading counts more than a reason to restart", cause: restart{"again"}, err: broken, want: broken},
		{name: "a server that died is a failure", cause: broken, want: broken},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			stop(tc.cause)
			client := fake.NewClientset()
			p := &process{inputs: &Inputs{clients: clients{kube: client}}, clock: clock.RealClock{}, ledger: newLedger(clock.RealClock{}, nil), involved: &corev1.ObjectReference{Kind: "Deployment", Name: "op", Namespace: names.OperatorNamespace}}
			if got := p.verdict(ctx, tc.err); !errors.Is(got, tc.want) || tc.want == nil && got != nil {
				t.Errorf("verdict() = %v, want %v", got, tc.want)
			}
			events, err := client.CoreV1().Events(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var messages []string
			for _, event := range events.Items {
				if event.Reason == "OperatorRestart" && event.InvolvedObject.Name == "op" {
					messages = append(messages, event.Message)
				}
			}
			if got := strings.Join(messages, "\n"); got != tc.event {
				t.Errorf("events %q, want %q", got, tc.event)
			}
		})
	}
}

func TestRunRefusesBadInputs(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options Options
		want    string
	}{
		{name: "a folder to watch", options: Options{Files: []string{t.TempDir()}}, want: "--files"},
		{name: "a kubeconfig that is not there", options: Options{Kubeconfig: "/nowhere/kubeconfig"}, want: "/nowhere/kubeconfig"},
		{name: "no kubeconfig outside a pod", want: "building the client configuration"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			if err := Run(t.Context(), tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Run() = %v, want an error with %q", err, tc.want)
			}
		})
	}
}
