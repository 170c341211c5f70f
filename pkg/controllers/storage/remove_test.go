package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// running is a world with storage in use.
func running(t *testing.T, edits ...func(*imageregistryv1.Config)) *world {
	w := newWorld(t, config(edits...))
	w.mustSync()
	w.cloud.calls = nil
	w.client.ForgetWrites()
	return w
}

func removed(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Removed }

func deleted(c *imageregistryv1.Config) {
	now := metav1.Now()
	c.DeletionTimestamp = &now
}

func TestRemoveWaitsForTheRegistry(t *testing.T) {
	w := running(t)
	w.add("deployments", registryDeployment())
	w.add("pods", registryPod())
	w.edit(removed)
	w.mustSync()
	w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageRemoving")
	w.clock.Step(2 * checkInterval)
	if _, due := w.controller.due(w.controller.memory.last); !due {
		t.Error("the test has nothing that was due before the removal")
	}
	p := &pass{controller: w.controller, config: w.config(), recorder: w.recorder}
	if wait, due := w.controller.due(p.remove(context.Background())); due {
		t.Errorf("waiting for the registry is a loop: again after %s", wait)
	}
	w.drop("deployments", registryDeployment())
	w.mustSync()
	w.expect("cloud while a pod is left", fmt.Sprint(w.cloud.calls), "[]")
	w.drop("pods", registryPod())
	w.mustSync()
	w.expect("cloud", fmt.Sprint(w.cloud.calls), "[remove]")
	w.expect("media", w.cloud.names(), "")
}

func TestRemove(t *testing.T) {
	t.Run("goes a step per sync and shows what is left", func(t *testing.T) {
		w := running(t)
		w.cloud.media[generated].objects = 2
		w.edit(removed)
		w.mustSync()
		w.expect("message", w.message(names.StorageReady), "2 objects left")
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageRemoving")
		w.restart()
		w.mustSync()
		w.expect("media", w.cloud.names(), generated)
		w.mustSync()
		w.expect("media", w.cloud.names(), "")
		w.expect("status", fmt.Sprint(w.config().Status.Storage), fmt.Sprint(storage.Coordinates{}))
		w.expect("spec bucket", w.config().Spec.Storage.S3.Bucket, "")
		w.expect("spec region is kept", w.config().Spec.Storage.S3.Region, "us-east-1")
		w.expect("StorageExists", w.condition(names.StorageExists), "False/Gone")
		w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
		w.expect("metric", w.metrics.kind, "")
		w.expect("event", fmt.Sprint(slices.Contains(w.eventReasons(), names.EventStorageRemoved)), "true")
		if _, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(context.Background(), names.StoragePair, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("the pair secret is still there: %v", err)
		}
		w.cloud.calls = nil
		w.client.ForgetWrites()
		w.restart()
		w.mustSync()
		w.expect("cloud when removed", fmt.Sprint(w.cloud.calls), "[]")
		w.expect("writes when removed", fmt.Sprint(w.client.Writes()), "[]")

		w.edit(func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Managed })
		w.mustSync()
		w.expect("media when managed again", w.cloud.names(), generated)
		w.expect("managementState when managed again", w.config().Spec.Storage.ManagementState, "Managed")
	})
	t.Run("leaves Unmanaged storage and forgets it", func(t *testing.T) {
		w := running(t)
		w.edit(func(c *imageregistryv1.Config) { removed(c); c.Spec.Storage.ManagementState = "Unmanaged" })
		w.mustSync()
		w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
		w.expect("media", w.cloud.names(), generated)
		w.expect("status", fmt.Sprint(w.config().Status.Storage.S3), "<nil>")
		w.expect("spec bucket", w.config().Spec.Storage.S3.Bucket, generated)
	})
	t.Run("leaves storage that spec no longer names and says so", func(t *testing.T) {
		w := running(t)
		w.edit(func(c *imageregistryv1.Config) { removed(c); bucket("other")(c) })
		w.mustSync()
		w.expect("media", w.cloud.names(), generated)
		w.expect("event", fmt.Sprint(slices.Contains(w.eventReasons(), names.EventStorageOrphaned)), "true")
	})
	t.Run("leaves storage of another kind than spec names", func(t *testing.T) {
		w := running(t)
		w.edit(func(c *imageregistryv1.Config) {
			removed(c)
			c.Spec.Storage.S3, c.Spec.Storage.EmptyDir = nil, &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
		})
		w.mustSync()
		w.expect("media", w.cloud.names(), generated)
	})
	t.Run("of what is not proven ours is a permanent error", func(t *testing.T) {
		w := running(t, bucket("theirs"), func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged" })
		w.cloud.media["theirs"] = &medium{}
		w.edit(func(c *imageregistryv1.Config) {
			removed(c)
			c.Spec.Storage.ManagementState, c.Status.Storage.ManagementState = "Managed", "Managed"
		})
		if err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Delete(context.Background(), names.StoragePair, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageNotOwned")
		w.expect("media", w.cloud.names(), "theirs")
	})
	t.Run("of a kind without a driver is a permanent error with a way out", func(t *testing.T) {
		gcs := storage.Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{Bucket: "b"}, ManagementState: "Managed"}
		w := newWorld(t, config(func(c *imageregistryv1.Config) {
			removed(c)
			c.Spec.Storage, c.Status.Storage = *gcs.DeepCopy(), *gcs.DeepCopy()
		}))
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageNotSupported")
		w.expect("message", fmt.Sprint(strings.Contains(w.message(names.StorageReady), "GCS bucket=b cannot be removed")), "true")
		w.edit(func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged" })
		w.mustSync()
		w.expect("status", fmt.Sprint(w.config().Status.Storage.GCS), "<nil>")
		w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	})
	t.Run("reports failures and goes on", func(t *testing.T) {
		w := running(t)
		w.cloud.fail["remove"] = &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: "AccessDenied", Message: "denied"}
		w.edit(removed)
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
		w.expect("StorageExists", w.condition(names.StorageExists), "Unknown/AccessDenied")
		w.cloud.fail = map[string]error{}
		w.clock.Step(firstRetry)
		w.mustSync()
		w.expect("media", w.cloud.names(), "")
	})
}

func TestDelete(t *testing.T) {
	t.Run("keeps its order: medium, status, finalizer", func(t *testing.T) {
		w := running(t)
		w.edit(deleted)
		w.mustSync()
		w.expect("media", w.cloud.names(), "")
		if _, err := w.client.Config(); !apierrors.IsNotFound(err) {
			t.Errorf("config is still there: %v", err)
		}
		got := strings.Join(w.client.Writes(), "\n")
		want := "storage " + names.StorageController + "\n" +
			"status " + names.StorageController + " StorageReady=True/AsExpected StorageExists=False/Gone\n" +
			"patch " + names.StorageController + " /metadata/finalizers"
		if got != want {
			t.Errorf("writes:\n%s\nwant:\n%s", got, want)
		}
	})
	t.Run("survives a crash at each call", func(t *testing.T) {
		for _, lost := range []bool{false, true} {
			for calls := range 6 {
				w := running(t)
				w.edit(deleted)
				w.budget, w.lost = calls, lost
				_ = w.sync()
				w.budget, w.lost = -1, false
				w.restart()
				for range 3 {
					w.mustSync()
				}
				w.expectGone(calls, lost)
			}
		}
	})
	t.Run("waits for the registry before it lets go of the finalizer", func(t *testing.T) {
		w := running(t, func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged" })
		w.add("pods", registryPod())
		w.edit(deleted)
		w.mustSync()
		w.expect("finalizers", fmt.Sprint(w.config().Finalizers), "["+names.Finalizer+"]")
		w.drop("pods", registryPod())
		w.mustSync()
		if _, err := w.client.Config(); !apierrors.IsNotFound(err) {
			t.Errorf("config is still there: %v", err)
		}
		if w.cloud.names() != generated {
			t.Errorf("media are %q", w.cloud.names())
		}
	})
	t.Run("without our finalizer is none of our business", func(t *testing.T) {
		w := newWorld(t, config(func(c *imageregistryv1.Config) {
			deleted(c)
			c.Finalizers = []string{"example.com/other"}
		}))
		w.mustSync()
		w.expect("writes", fmt.Sprint(w.client.Writes()), "[]")
	})
}

func (w *world) expectGone(calls int, lost bool) {
	w.t.Helper()
	if _, err := w.client.Config(); !apierrors.IsNotFound(err) {
		w.t.Errorf("crash after %d calls (lost %t): config is still there: %v", calls, lost, err)
	}
	if w.cloud.names() != "" {
		w.t.Errorf("crash after %d calls (lost %t): media are %q", calls, lost, w.cloud.names())
	}
}
