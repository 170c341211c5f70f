package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

func TestManagedRemovedManaged(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.Patch(t, `{"spec":{"defaultRoute":true}}`)
	config := cluster.UntilAvailable(t, settle)
	bucket := config.Status.Storage.S3.Bucket
	if config.Status.Storage.ManagementState != "Managed" || !config.Status.StorageManaged {
		t.Errorf("status.storage.managementState %q, storageManaged %v, want Managed", config.Status.Storage.ManagementState, config.Status.StorageManaged)
	}
	requireBucket(t, bucket, true)

	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonRemoved},
		library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonRemoved},
		library.Want{Type: names.Degraded, Status: "False", Reason: names.ReasonRemoved},
		library.Want{Type: names.Removed, Status: "True", Reason: names.ReasonRemoved},
		library.Want{Type: names.StorageExists, Status: "False", Reason: "S3 Bucket Deleted"},
	)
	requireBucket(t, bucket, false)
	for _, object := range []managedObject{deployment, service, account, role, binding, budget, policy, private, httpSecret, pullSecret, defaultRoute} {
		cluster.Until(t, settle, "the end of "+object.String(), func(ctx context.Context) error { return absent(ctx, object) })
	}
	for _, object := range []managedObject{certificates, registryCA, serviceCA} {
		if err := absent(t.Context(), object); err == nil {
			t.Errorf("%s must outlive the registry", object)
		}
	}

	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	config = cluster.UntilAvailable(t, settle)
	requireBucket(t, config.Status.Storage.S3.Bucket, true)
}

func TestUnmanagedIsLeftAlone(t *testing.T) {
	onEmptyDir(t)
	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonUnmanaged},
		library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonUnmanaged},
		library.Want{Type: names.Degraded, Status: "False", Reason: names.ReasonUnmanaged},
		library.Want{Type: names.Removed, Status: "False"},
	)
	deployments := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace)
	live, err := deployments.Get(t.Context(), names.Registry, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	five := int32(5)
	live.Spec.Replicas = &five
	if _, err := deployments.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Patch(t, `{"spec":{"replicas":3,"readOnly":true}}`)
	cluster.Until(t, settle, "the edit to be acknowledged", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err == nil && config.Status.ObservedGeneration != config.Generation {
			err = fmt.Errorf("observedGeneration %d, generation %d", config.Status.ObservedGeneration, config.Generation)
		}
		return err
	})
	cluster.Always(t, 3*time.Second, "the administrator's 5 replicas", func(ctx context.Context) error {
		live, err := deployments.Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return replicas(5)(live)
	})
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	untilDeployment(t, "Managed again", all(replicas(3), env("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}")))
}

func TestForceSaysThatNothingIsApplied(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	cluster.Patch(t, `{"spec":{"managementState":"Force","storage":{"emptyDir":{}}}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonDeploymentNotFound},
		library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonWaitingForDeployment, Message: "Force"},
	)
	requireNoDeployment(t)
}

func TestSwitchingStorageKeepsOnlyTheNewOne(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	bucket := cluster.UntilAvailable(t, settle).Status.Storage.S3.Bucket
	cluster.Patch(t, `{"spec":{"storage":{"s3":null,"emptyDir":{}}}}`)
	config := cluster.UntilAvailable(t, settle)
	storage := config.Status.Storage
	if storage.S3 != nil || storage.EmptyDir == nil || storage.ManagementState != "Managed" {
		t.Errorf("status.storage %+v, want only emptyDir, Managed", storage)
	}
	for _, condition := range config.Status.Conditions {
		if condition.Type == names.StorageEncrypted || condition.Type == names.StorageTagged {
			t.Errorf("condition %s of the former storage is still there", condition.Type)
		}
	}
	untilDeployment(t, "the new storage", all(env("REGISTRY_STORAGE", "filesystem"), noEnv("REGISTRY_STORAGE_S3_BUCKET")))
	requireBucket(t, bucket, true)
}

func requireBucket(t *testing.T, name string, want bool) {
	t.Helper()
	bucket, err := cluster.FindBucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if (bucket != nil) != want {
		t.Errorf("bucket %s exists: %v, want %v", name, bucket != nil, want)
	}
}
