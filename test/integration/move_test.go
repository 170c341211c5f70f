package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestMovingImages: the API server takes the Job of either pass, and the operator goes from step to step. Simulated pods of
// a Job end at once and copy nothing: that is what test/e2e is for.
func TestMovingImages(t *testing.T) {
	const bucket = "to-move-to"
	if err := cluster.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	fresh(t, configv1.AWSPlatformType)
	before := cluster.UntilAvailable(t, settle).Status.Storage.S3.Bucket
	cluster.Patch(t, `{"metadata":{"annotations":{"`+names.MoveAnnotation+`":"true"}},"spec":{"storage":{"s3":{"bucket":"`+bucket+`"}}}}`)
	cluster.Until(t, settle, "the end of the move", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		_, asked := config.Annotations[names.MoveAnnotation]
		moved := config.Annotations[names.MovedAnnotation]
		if asked || !strings.Contains(moved, "bucket="+before) || !strings.Contains(moved, "bucket="+bucket) {
			return fmt.Errorf("annotations %v, conditions %+v", config.Annotations, config.Status.Conditions)
		}
		if config.Status.Storage.S3.Bucket != bucket {
			return fmt.Errorf("status.storage is %+v", config.Status.Storage)
		}
		_, job := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).Get(ctx, names.Move, metav1.GetOptions{})
		_, secret := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.Move, metav1.GetOptions{})
		if !apierrors.IsNotFound(job) || !apierrors.IsNotFound(secret) {
			return fmt.Errorf("job: %w, secret: %w", job, secret)
		}
		return nil
	})
	cluster.UntilAvailable(t, settle)
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reasons := library.EventReasons(events)
	for _, reason := range []string{names.EventImagesMoving, names.EventStorageChanged, names.EventImagesMoved} {
		if reasons[reason] == 0 {
			t.Errorf("no event %s", reason)
		}
	}
	requireBucket(t, before, true)
}

// TestImagesOfAnEmptyDirStay: what cannot be copied is said, and the registry stays where it is.
func TestImagesOfAnEmptyDirStay(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	before := cluster.UntilAvailable(t, settle).Status.Storage.S3.Bucket
	cluster.Patch(t, `{"metadata":{"annotations":{"`+names.MoveAnnotation+`":"true"}},"spec":{"storage":{"s3":null,"emptyDir":{}}}}`)
	config := cluster.UntilConditions(t, settle,
		library.Want{Type: names.Degraded, Status: "True", Reason: names.ReasonStorageMoveFailed, Message: "emptyDir"},
		library.Want{Type: names.Available, Status: "True"},
	)
	if s3 := config.Status.Storage.S3; s3 == nil || s3.Bucket != before {
		t.Errorf("status.storage is %+v", config.Status.Storage)
	}
	cluster.Patch(t, `{"metadata":{"annotations":{"`+names.MoveAnnotation+`":null}}}`)
	config = cluster.UntilAvailable(t, settle)
	if config.Status.Storage.EmptyDir == nil {
		t.Errorf("status.storage is %+v", config.Status.Storage)
	}
}
