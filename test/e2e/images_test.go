package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestImagesOnS3: from an empty cluster to an image that is pushed, pulled by digest and deleted, with the operator's
// own bucket behind it.
func TestImagesOnS3(t *testing.T) {
	recreated(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	// Each registry process remembers the blobs that it has seen: of the two, the other would serve what one has deleted.
	cluster.Patch(t, `{"spec":{"replicas":1,"nodeSelector":{"node-role.kubernetes.io/control-plane":""}}}`)
	config := cluster.UntilAvailable(t, settle)
	onlyPod(t)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "True", Reason: "S3 Bucket Exists"},
		library.Want{Type: names.StorageEncrypted, Status: "True"},
	)
	digest := push(t, "e2e/s3")
	pull(t, "e2e/s3", digest)
	if bucket := requireBucket(t, config.Status.Storage.S3.Bucket, true); bucket.Objects == 0 {
		t.Errorf("bucket %s is empty after a push", bucket.Name)
	}
	remove(t, "e2e/s3", digest)
}

// TestImagesOnAVolume: the same on a claim that a real local volume satisfies; fsGroup makes it writable.
func TestImagesOnAVolume(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "e2e"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: ptr.To("local"),
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	if _, err := claims.Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config := managed(t, onPVC)
	if config.Status.Storage.ManagementState != "Unmanaged" {
		t.Errorf("a claim that was named is %q, want Unmanaged", config.Status.Storage.ManagementState)
	}
	digest := push(t, "e2e/pvc")
	deleteRegistryPods(t)
	cluster.UntilAvailable(t, settle)
	pull(t, "e2e/pvc", digest)
	remove(t, "e2e/pvc", digest)
}

// TestImagesOnEmptyDir: the same on a pod's own disk.
func TestImagesOnEmptyDir(t *testing.T) {
	config := managed(t, onEmptyDir)
	if storage := config.Status.Storage; storage.EmptyDir == nil || storage.S3 != nil || storage.PVC != nil {
		t.Errorf("status.storage %+v, want emptyDir alone", storage)
	}
	digest := push(t, "e2e/emptydir")
	pull(t, "e2e/emptydir", digest)
	remove(t, "e2e/emptydir", digest)
}

// TestDeletingConfigEmptiesTheBucket: the finalizer empties and deletes the bucket, images and all, and a new Config
// comes up by itself.
func TestDeletingConfigEmptiesTheBucket(t *testing.T) {
	config := managed(t, onS3)
	bucket := config.Status.Storage.S3.Bucket
	push(t, "e2e/finalizer")
	var before, since s3Requests
	if err := cluster.S3JSON(t.Context(), "/requests", &before); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Registry.ImageregistryV1().Configs().Delete(t.Context(), names.Cluster, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the bucket to go and a new config to come", func(ctx context.Context) error {
		// The successor gives the same name to its bucket: what was asked for tells more than what is there.
		if err := cluster.S3JSON(ctx, fmt.Sprintf("/requests?after=%d", before.Last), &since); err != nil {
			return err
		}
		now, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		if deleted := since.deleted(bucket); now.UID == config.UID || !deleted {
			return fmt.Errorf("same config: %v, bucket deleted: %v", now.UID == config.UID, deleted)
		}
		return nil
	})
	cluster.UntilAvailable(t, settle)
	if found := requireBucket(t, bucket, true); found.Objects != 0 {
		t.Errorf("%d objects of the former registry are in the new bucket", found.Objects)
	}
}

// s3Requests are what the S3 server has been asked for.
type s3Requests struct {
	Last     int64
	Requests []struct {
		Method, Bucket, Key string
		Status              int
		Role, UserAgent     string
	}
}

func (r s3Requests) deleted(bucket string) bool {
	for _, one := range r.Requests {
		if one.Method == http.MethodDelete && one.Bucket == bucket && one.Key == "" && one.Status == http.StatusNoContent {
			return true
		}
	}
	return false
}

func remove(t *testing.T, repository, digest string) {
	t.Helper()
	if out, err := cluster.Driver(t.Context(), "image", "delete", repository, digest); err != nil {
		t.Fatalf("deleting %s: %v\n%s", digest, err, out)
	}
	if _, err := cluster.Driver(t.Context(), "image", "pull", repository, digest); err == nil || !strings.Contains(err.Error(), "MANIFEST_UNKNOWN") {
		t.Errorf("pulling %s after its deletion: %v, want MANIFEST_UNKNOWN", digest, err)
	}
}

func registryPods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: names.RegistryLabel + "=" + names.RegistryLabelValue})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// deleteRegistryPods replaces the running pods, so that what they serve next comes from the storage.
func deleteRegistryPods(t *testing.T) {
	t.Helper()
	pods, err := registryPods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range pods {
		if err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).Delete(t.Context(), pods[i].Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Until(t, settle, "new registry pods to be ready", func(ctx context.Context) error {
		now, err := registryPods(ctx)
		if err != nil {
			return err
		}
		if len(now) == 0 {
			return errors.New("there is none")
		}
		for i := range now {
			if slices.ContainsFunc(pods, func(old corev1.Pod) bool { return old.UID == now[i].UID }) {
				return errors.New("an old pod is still there")
			}
			if !slices.ContainsFunc(now[i].Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			}) {
				return fmt.Errorf("pod %s is not ready", now[i].Name)
			}
		}
		return nil
	})
}
