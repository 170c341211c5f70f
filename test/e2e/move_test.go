package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const (
	// movedRepositories times repositoryImages is how many images are pushed before the first move: two hundred.
	movedRepositories = 10
	repositoryImages  = 20
	// moving is how long a move with its rollout and its two passes may take.
	moving = 8 * time.Minute
	// moveClaim is the claim that images are moved to.
	moveClaim = "e2e-move"
)

// TestReadsGoOnWhileImagesMove: two hundred images go from S3 to a volume and back to another bucket, without a pull that fails on
// the way, and every digest can be pulled afterwards.
func TestReadsGoOnWhileImagesMove(t *testing.T) {
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: moveClaim},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			StorageClassName: ptr.To("local"),
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	if _, err := claims.Create(t.Context(), claim, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	back := fmt.Sprintf("e2e-moved-back-%d", started.Unix())
	if err := cluster.CreateBucket(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	config := managed(t, onS3)
	first := config.Status.Storage.S3.Bucket
	// Pods of either storage serve while the other's come: the old ones must not leave before the new ones are ready.
	cluster.Patch(t, `{"spec":{"rolloutStrategy":"RollingUpdate"}}`)
	cluster.UntilAvailable(t, settle)
	var tags []string
	for i := range repositoryImages {
		tags = append(tags, fmt.Sprintf("v%d", i))
	}
	var images []image
	for i := range movedRepositories {
		repository := fmt.Sprintf("e2e-move/app-%d", i)
		out, err := cluster.Driver(t.Context(), "image", append([]string{"push", "--layers", "1", "--size", "2048", repository}, tags...)...)
		if err != nil {
			t.Fatal(err)
		}
		digests := strings.Fields(out)
		if len(digests) != repositoryImages {
			t.Fatalf("pushing %d images to %s printed %q", repositoryImages, repository, out)
		}
		for _, digest := range digests {
			images = append(images, image{repository, digest})
		}
	}
	before := objects(t, first)

	reading := startReader(t, images)
	move(t, `{"s3":null,"pvc":{"claim":"`+moveClaim+`"},"emptyDir":null,"managementState":null}`, func(s imageregistryv1.ImageRegistryConfigStorage) bool { return s.PVC != nil })
	reading.mark(t, "the move to the volume")
	images = append(images, image{"e2e-move/on-volume", push(t, "e2e-move/on-volume")})
	move(t, `{"s3":{"bucket":"`+back+`"},"pvc":null,"emptyDir":null,"managementState":null}`, func(s imageregistryv1.ImageRegistryConfigStorage) bool { return s.S3 != nil })
	reading.mark(t, "the move to the other bucket")
	reading.stop(t)

	digests := map[string][]string{}
	for _, one := range images {
		digests[one.repository] = append(digests[one.repository], one.digest)
	}
	for repository, all := range digests {
		pull(t, repository, all...)
	}
	requireAll(t, "the source", before, objects(t, first))
	requireAll(t, "the last target", before, objects(t, back))
}

// move asks for another storage with its images, and waits until that is done.
func move(t *testing.T, storage string, there func(imageregistryv1.ImageRegistryConfigStorage) bool) {
	t.Helper()
	cluster.Patch(t, `{"metadata":{"annotations":{"`+names.MoveAnnotation+`":"true"}},"spec":{"storage":`+storage+`}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonStorageMoving},
		library.Want{Type: names.Available, Status: "True"},
		library.Want{Type: names.Degraded, Status: "False"},
	)
	cluster.Until(t, moving, "the images to be moved", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		if _, asked := config.Annotations[names.MoveAnnotation]; asked {
			return errors.New("the annotation is still there")
		}
		if !there(config.Status.Storage) {
			return fmt.Errorf("the registry is on %+v", config.Status.Storage)
		}
		return nil
	})
	config := cluster.UntilAvailable(t, settle)
	t.Log(config.Annotations[names.MovedAnnotation])
	cluster.Until(t, settle, "the job and its secret to be gone", func(ctx context.Context) error {
		_, err := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).Get(ctx, names.Move, metav1.GetOptions{})
		_, other := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.Move, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) || !apierrors.IsNotFound(other) {
			return fmt.Errorf("job: %w, secret: %w", err, other)
		}
		return nil
	})
}

// objects are the sizes of what images consist of in a bucket, by key. An upload that is under way is no part of them.
func objects(t *testing.T, bucket string) map[string]int64 {
	t.Helper()
	all, err := cluster.Objects(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(key string, _ int64) bool { return strings.Contains(key, "/_uploads/") })
	if len(all) == 0 {
		t.Fatalf("bucket %s is empty", bucket)
	}
	return all
}

// requireAll says what is missing or was changed.
func requireAll(t *testing.T, where string, want, got map[string]int64) {
	t.Helper()
	for key, size := range want {
		if now, found := got[key]; !found || now != size {
			t.Errorf("%s: %s had %d bytes, now it is there: %t, with %d", where, key, size, found, now)
		}
	}
}
