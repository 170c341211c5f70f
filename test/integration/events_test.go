package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestEventsTellTheStory drives the registry through its life and looks for what a human would want to have read. Each event
// has to come after the step that it tells of.
func TestEventsTellTheStory(t *testing.T) {
	anew(t)
	old := soFar(t)
	// Nodes without a kubelet run a pod at once: a rollout may have ended before the operator looks.
	setUnschedulable(t, true)
	t.Cleanup(func() { setUnschedulable(t, false) })
	fresh(t, configv1.AWSPlatformType)
	untilNewEvent(t, old, names.EventRolloutStarted, "openshift-image-registry/image-registry")
	setUnschedulable(t, false)
	config := cluster.UntilAvailable(t, settle)
	bucket := config.Status.Storage.S3.Bucket
	untilNewEvent(t, old, names.EventRolloutFinished, "openshift-image-registry/image-registry")
	untilNewEvent(t, old, names.EventStorageCreated, bucket)

	old = soFar(t)
	cluster.Patch(t, `{"spec":{"storage":{"managementState":"Unmanaged"}}}`)
	untilNewEvent(t, old, names.EventStorageManagementStateChanged, "from Managed to Unmanaged")
	old = soFar(t)
	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	untilNewEvent(t, old, names.EventManagementStateChanged, `to "Unmanaged"`)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilAvailable(t, settle)

	old = soFar(t)
	services := cluster.Kube.CoreV1().Services(names.OperatorNamespace)
	if _, err := services.Patch(t.Context(), names.Registry, types.MergePatchType, []byte(`{"spec":{"selector":{"docker-registry":"mine"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	untilNewEvent(t, old, names.EventDriftReverted, "Service openshift-image-registry/image-registry had been changed and was set back: .spec.selector.docker-registry")
	old = soFar(t)
	if err := services.Delete(t.Context(), names.Registry, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	untilNewEvent(t, old, names.EventDriftReverted, "Service openshift-image-registry/image-registry had been deleted and was made again")

	old = soFar(t)
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	untilNewEvent(t, old, names.EventStorageKept, bucket)
	untilNewEvent(t, old, names.EventRegistryRemoved, "openshift-image-registry/image-registry")
}

// setUnschedulable says whether nodes take new pods.
func setUnschedulable(t *testing.T, unschedulable bool) {
	t.Helper()
	// A cleanup runs after the test's context has ended.
	ctx := context.WithoutCancel(t.Context())
	nodes, err := cluster.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, unschedulable)
	for i := range nodes.Items {
		if _, err := cluster.Kube.CoreV1().Nodes().Patch(ctx, nodes.Items[i].Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// anew makes the operator begin again in a cluster without events of its own. What an earlier test had it say five times
// it would not say again for hours, and it learns from the events what it has said. Those that go are looked at here: the end
// of the suite does not see them any more.
func anew(t *testing.T) {
	t.Helper()
	// A process that has just been started hears no signal: the operator of the first test may be one.
	cluster.Until(t, settle, "a config, made by an operator at work", func(ctx context.Context) error {
		_, err := cluster.GetConfig(ctx)
		return err
	})
	if err := operator.Stop(); err != nil {
		t.Fatalf("the operator ended with %v\n%s", err, operator.Tail(20))
	}
	t.Cleanup(func() {
		if ended, _ := operator.Exited(); ended {
			startOperator(t)
		}
	})
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	library.RequireSpare(t, events, secretValues()...)
	for i := range events {
		err := cluster.Kube.CoreV1().Events(events[i].Namespace).Delete(t.Context(), events[i].Name, metav1.DeleteOptions{})
		if library.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
	}
	startOperator(t)
}

// said are events as they were at a time: one that is counted on is another one.
type said map[string]bool

func utterance(event *corev1.Event) string {
	return fmt.Sprint(event.UID, event.Count, event.LastTimestamp)
}

// soFar are the events of the operator until now.
func soFar(t *testing.T) said {
	t.Helper()
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := said{}
	for i := range events {
		old[utterance(&events[i])] = true
	}
	return old
}

// lookForEvent says what there is in place of an event with that reason and text that is not among the old ones.
func lookForEvent(ctx context.Context, old said, reason, text string) error {
	events, err := cluster.OperatorEvents(ctx)
	if err != nil {
		return err
	}
	seen := []string{}
	for i := range events {
		event := &events[i]
		if event.Reason != reason || old[utterance(event)] {
			continue
		}
		if strings.Contains(event.Message, text) {
			return nil
		}
		seen = append(seen, event.Message)
	}
	return fmt.Errorf("of that reason there are only these new ones: %q", seen)
}

// untilEvent waits for an event of the operator with that reason and text, whenever it was said: the text has to be one
// that no other test gives rise to.
func untilEvent(t *testing.T, reason, text string) {
	t.Helper()
	untilNewEvent(t, nil, reason, text)
}

// untilNewEvent waits for an event that is not among the old ones.
func untilNewEvent(t *testing.T, old said, reason, text string) {
	t.Helper()
	cluster.Until(t, settle, "event "+reason+" about "+text, func(ctx context.Context) error { return lookForEvent(ctx, old, reason, text) })
}
