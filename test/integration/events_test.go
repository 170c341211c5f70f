package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestEventsTellTheStory drives the registry through its life and looks for what a human would want to have read.
func TestEventsTellTheStory(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	config := cluster.UntilAvailable(t, settle)
	bucket := config.Status.Storage.S3.Bucket
	untilEvent(t, names.EventRolloutStarted, "openshift-image-registry/image-registry")
	untilEvent(t, names.EventRolloutFinished, "openshift-image-registry/image-registry")
	untilEvent(t, names.EventStorageCreated, bucket)

	cluster.Patch(t, `{"spec":{"storage":{"managementState":"Unmanaged"}}}`)
	untilEvent(t, names.EventStorageManagementStateChanged, "from Managed to Unmanaged")
	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	untilEvent(t, names.EventManagementStateChanged, `to "Unmanaged"`)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilAvailable(t, settle)

	services := cluster.Kube.CoreV1().Services(names.OperatorNamespace)
	if _, err := services.Patch(t.Context(), names.Registry, types.MergePatchType, []byte(`{"spec":{"selector":{"docker-registry":"mine"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	untilEvent(t, names.EventDriftReverted, "Service openshift-image-registry/image-registry had been changed and was set back: .spec.selector.docker-registry")
	if err := services.Delete(t.Context(), names.Registry, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	untilEvent(t, names.EventDriftReverted, "Service openshift-image-registry/image-registry had been deleted and was made again")

	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	untilEvent(t, names.EventStorageKept, bucket)
	untilEvent(t, names.EventRegistryRemoved, "")
}

// untilEvent waits for an event of the operator with that reason and text.
func untilEvent(t *testing.T, reason, text string) {
	t.Helper()
	cluster.Until(t, settle, "event "+reason+" about "+text, func(ctx context.Context) error {
		events, err := cluster.OperatorEvents(ctx)
		if err != nil {
			return err
		}
		seen := []string{}
		for i := range events {
			// What has been said often enough in this suite is not said again, but that is said.
			if muted := events[i].Reason == "EventsMuted" && strings.Contains(events[i].Message, reason+": "); events[i].Reason == reason || muted {
				if strings.Contains(events[i].Message, text) {
					return nil
				}
				seen = append(seen, events[i].Message)
			}
		}
		return errors.New("of that reason there are only: " + fmt.Sprint(seen))
	})
}

// requireSpareEvents fails for every text that was repeated too often in the whole run, and for content of Secrets. It is
// run at the end of the suite.
func requireSpareEvents(t *testing.T) {
	t.Helper()
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("events by reason: %v", library.EventReasons(events))
	if len(library.EventReasons(events)) < 5 {
		t.Error("the operator has raised next to no events: this test would see nothing")
	}
	for _, text := range library.Repeated(events) {
		t.Errorf("repeated more than %d times: %s", library.MaxRepeats, text)
	}
	for i := range events {
		for _, secret := range []string{cluster.S3.SecretAccessKey, "nosuchsecret"} {
			if strings.Contains(events[i].Message, secret) {
				t.Errorf("event %s shows a secret key", events[i].Reason)
			}
		}
	}
}
