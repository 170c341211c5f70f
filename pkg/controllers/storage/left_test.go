package storage

import (
	"fmt"
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestLeft(t *testing.T) {
	for name, tc := range map[string]struct{ left, moved, want string }{
		"a registry that never was anywhere else": {},
		"a bucket":         {left: "S3 bucket=a", want: "; S3 bucket=a, where it was before, was left behind with its content"},
		"a pod's own disk": {left: "EmptyDir", want: "; what was in EmptyDir, where it was before, went with its pods"},
		"the place that it is on, ahead of a switch": {left: "S3 bucket=b"},
		"the source of a move":                       {left: "S3 bucket=a", moved: "2030: 3 files were copied from S3 bucket=a to S3 bucket=b; the source is left as it was"},
		"another place than the source of a move": {
			left: "S3 bucket=c", moved: "2030: 3 files were copied from S3 bucket=a to S3 bucket=b; the source is left as it was",
			want: "; S3 bucket=c, where it was before, was left behind with its content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			c.Annotations = map[string]string{names.StorageLeftAnnotation: tc.left, names.MovedAnnotation: tc.moved}
			c.Status.Storage.S3 = &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b"}
			if got := left(c); got != tc.want {
				t.Errorf("left says %q, want %q", got, tc.want)
			}
		})
	}
}

// TestThePlaceBefore follows what is said of it from one switch to the next, over restarts, to the removal.
func TestThePlaceBefore(t *testing.T) {
	w := newWorld(t, config(bucket("a")))
	for _, name := range []string{"a", "b", "c"} {
		w.cloud.media[name] = &medium{}
	}
	w.mustSync()
	w.expect("message", w.message(names.StorageReady), "the registry uses S3 bucket=a region=us-east-1")
	for _, step := range []struct{ to, before string }{{"b", "a"}, {"a", "b"}, {"c", "a"}} {
		w.edit(bucket(step.to))
		w.mustSync()
		want := fmt.Sprintf("the registry uses S3 bucket=%s region=us-east-1; S3 bucket=%s region=us-east-1, where it was before, was left behind with its content",
			step.to, step.before)
		w.expect("message", w.message(names.StorageReady), want)
		writes := len(w.client.Writes())
		w.restart()
		w.mustSync()
		w.expect("writes after a restart", fmt.Sprint(w.client.Writes()[writes:]), "[]")
	}

	w.cloud.refuses = func(bucket, _ string) bool { return bucket == "b" }
	w.edit(bucket("b"))
	w.mustSync()
	w.expect("message of a failed switch", w.message(names.StorageReady), "access denied; the registry stays on S3 bucket=c region=us-east-1")
	w.edit(bucket("c"))
	w.mustSync()
	w.expect("message after it was taken back", w.message(names.StorageReady),
		"the registry uses S3 bucket=c region=us-east-1; S3 bucket=a region=us-east-1, where it was before, was left behind with its content")

	annotations := func() string { return w.config().Annotations[names.StorageLeftAnnotation] }
	w.edit(func(c *imageregistryv1.Config) { delete(c.Annotations, names.StorageLeftAnnotation) })
	w.mustSync()
	w.expect("message once the administrator has dealt with it", w.message(names.StorageReady), "the registry uses S3 bucket=c region=us-east-1")
	w.expect("annotation", annotations(), "")

	w.edit(bucket("a"))
	w.mustSync()
	w.expect("annotation", annotations(), "S3 bucket=c region=us-east-1")
	w.edit(func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Removed })
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("message after the removal", w.message(names.StorageReady), "storage is removed")
	w.expect("annotation after the removal", annotations(), "")
}

func TestFate(t *testing.T) {
	s3 := func(bucket, region string) imageregistryv1.ImageRegistryConfigStorage {
		return imageregistryv1.ImageRegistryConfigStorage{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: bucket, Region: region}}
	}
	pods := imageregistryv1.ImageRegistryConfigStorage{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}
	for want, before := range map[string]imageregistryv1.ImageRegistryConfigStorage{
		"S3 bucket=b region=us-east-1 is left behind with its content":              s3("b", "us-east-1"),
		"it is the same bucket as S3 bucket=a region=us-east-1 and has its content": s3("a", "us-east-1"),
		"what is in EmptyDir goes with its pods":                                    pods,
	} {
		if got := fate(before, s3("a", "eu-west-1")); got != want {
			t.Errorf("fate says %q, want %q", got, want)
		}
	}
}
