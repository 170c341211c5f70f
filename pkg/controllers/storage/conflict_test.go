package storage

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// TestRemovalSurvivesAConflict: the medium is gone, and the write that says so meets a Config that somebody else has
// just changed. The next sync must finish the removal, not rest on a memory of nothing.
func TestRemovalSurvivesAConflict(t *testing.T) {
	w := running(t)
	w.edit(removed)
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "configs"}, names.Cluster, errors.New("somebody was faster"))
	w.client.Fail("storage", conflict)
	if err := w.sync(); err != nil {
		t.Fatal(err)
	}
	w.expect("media", w.cloud.names(), "")
	w.expect("status.storage before", fmt.Sprint(w.config().Status.Storage.S3 != nil), "true")
	w.client.Fail("storage", nil)
	w.mustSync()
	w.expect("status.storage after", fmt.Sprint(w.config().Status.Storage.S3 != nil), "false")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
}

// TestProvisionSurvivesAConflict is the same for the way up.
func TestProvisionSurvivesAConflict(t *testing.T) {
	for _, verb := range []string{"patch", "storage", "status"} {
		t.Run(verb, func(t *testing.T) {
			w := newWorld(t, config())
			w.client.Fail(verb, apierrors.NewConflict(schema.GroupResource{Resource: "configs"}, names.Cluster, errors.New("somebody was faster")))
			_ = w.sync()
			w.client.Fail(verb, nil)
			w.mustSync()
			w.expect("status.storage", fmt.Sprint(w.config().Status.Storage.S3 != nil), "true")
			w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
		})
	}
}
