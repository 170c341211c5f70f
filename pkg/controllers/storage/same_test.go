package storage

import (
	"fmt"
	"strings"
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// region names another one; the bucket answers in each.
func region(name string) func(*imageregistryv1.Config) {
	return func(c *imageregistryv1.Config) { c.Spec.Storage.S3.Region = name }
}

// TestAnotherRegionOfTheSameBucket leaves nothing behind, and the bucket stays the operator's, with and without being asked to
// move the images.
func TestAnotherRegionOfTheSameBucket(t *testing.T) {
	for _, how := range []func(string) func(*imageregistryv1.Config){bucket, moveTo} {
		w := newWorld(t, config())
		w.mustSync()
		w.rollout(generated)
		w.cloud.media[generated].marked = false // only the record of its creation tells whose it is
		w.restart()
		w.edit(func(c *imageregistryv1.Config) { how(generated)(c); region("eu-west-1")(c) })
		for range 3 {
			w.mustSync()
		}
		after := w.config().Status.Storage
		w.expect("status", storage.Describe(after), "S3 bucket=generated region=eu-west-1")
		w.expect("job", w.pass(), "")
		w.expect("message", w.message(names.StorageReady), "the registry uses S3 bucket=generated region=eu-west-1")
		w.expect("event", w.said(names.EventStorageChanged), "the registry now uses S3 bucket=generated region=eu-west-1 (management state Managed); "+
			"it is the same bucket as S3 bucket=generated region=us-east-1 and has its content")
		pair, err := w.controller.Secrets.Get(names.StoragePair)
		if err != nil {
			t.Fatal(err)
		}
		w.expect("creation", fmt.Sprint(storage.CreationRecorded(pair.Data, after)), "true")
		w.expect("reconfigured", fmt.Sprint(w.metrics.reconfigured), "0")
		w.silent()
	}
}

// TestAnotherEndpointOfABucket may be another bucket.
func TestAnotherEndpointOfABucket(t *testing.T) {
	w := newWorld(t, config())
	w.mustSync()
	w.edit(func(c *imageregistryv1.Config) { c.Spec.Storage.S3.RegionEndpoint = "https://s3.example.com" })
	w.mustSync()
	w.expect("named as left", fmt.Sprint(strings.Contains(w.message(names.StorageReady), "S3 bucket=generated region=us-east-1, where it was before")), "true")
}
