package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// MaxRepeats is how often one text may be said about one object.
const MaxRepeats = 5

// OperatorEvents returns the events that the operator has raised. Those of the kubelet and of other controllers about our
// pods are theirs: a registry without storage fails its probe as often as the kubelet asks.
func (c *Cluster) OperatorEvents(ctx context.Context) ([]corev1.Event, error) {
	var found []corev1.Event
	for _, namespace := range []string{names.OperatorNamespace, names.UserConfigNamespace, names.ManagedConfigNamespace, metav1.NamespaceDefault} {
		list, err := c.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing events of namespace %s: %w", namespace, err)
		}
		for i := range list.Items {
			if strings.HasPrefix(list.Items[i].Source.Component, "image-registry-operator") {
				found = append(found, list.Items[i])
			}
		}
	}
	return found, nil
}

// Repeated lists the texts that events say more than MaxRepeats times about one object, whichever event, component or
// process of the operator said them.
func Repeated(events []corev1.Event) []string {
	counts := map[string]int32{}
	for i := range events {
		event := &events[i]
		object := event.InvolvedObject
		counts[fmt.Sprintf("%s %s/%s/%s: %s", event.Reason, object.Kind, object.Namespace, object.Name, event.Message)] += max(event.Count, 1)
	}
	var repeated []string
	for text, count := range counts {
		if count > MaxRepeats {
			repeated = append(repeated, fmt.Sprintf("%d times: %s", count, text))
		}
	}
	return repeated
}

// Indiscreet lists the events whose text has one of the secret values. The values themselves are not in the answer.
func Indiscreet(events []corev1.Event, secrets ...string) []string {
	var found []string
	for i := range events {
		for _, secret := range secrets {
			if strings.Contains(events[i].Message, secret) {
				found = append(found, fmt.Sprintf("%s on %s %s", events[i].Reason, events[i].InvolvedObject.Kind, events[i].InvolvedObject.Name))
				break
			}
		}
	}
	return found
}

// RequireSpare fails the test for every text that the events repeat too often, and for every secret value that they show.
func RequireSpare(t *testing.T, events []corev1.Event, secrets ...string) {
	t.Helper()
	if slices.Contains(secrets, "") {
		t.Fatal("an empty secret is part of every text")
	}
	for _, text := range Repeated(events) {
		t.Errorf("repeated more than %d times: %s", MaxRepeats, text)
	}
	for _, event := range Indiscreet(events, secrets...) {
		t.Errorf("an event shows a secret: %s", event)
	}
}

// RequireSpareEvents looks at the whole run, as the last test of a suite: RequireSpare with every event of the operator that
// the cluster still has.
func RequireSpareEvents(t *testing.T, c *Cluster, secrets ...string) {
	t.Helper()
	// It may be asked as a test's clean-up, whose context has ended.
	events, err := c.OperatorEvents(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	reasons := EventReasons(events)
	t.Logf("events by reason: %v", reasons)
	if len(reasons) < 5 {
		t.Error("the operator has raised next to no events: this test would see nothing")
	}
	RequireSpare(t, events, secrets...)
}

// EventReasons counts events by reason.
func EventReasons(events []corev1.Event) map[string]int {
	reasons := map[string]int{}
	for i := range events {
		reasons[events[i].Reason]++
	}
	return reasons
}
