package storage

import (
	"fmt"
	"testing"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// sourceKey is the one that the Job reads the source with.
func (w *world) sourceKey() string {
	w.t.Helper()
	return string(snapshotOf(w.moveSecret().Data[move.SourceFile]).UserSecret.Data["key"])
}

// rotated is a world that moves images from "old" with the key "first", which is then withdrawn there.
func rotated(t *testing.T) *world {
	t.Helper()
	w := settledOn(t)
	w.secret(names.PrivateConfigurationUser, "first")
	w.mustSync()
	w.edit(moveTo("new"))
	w.until("first")
	w.expect("key of the source", w.sourceKey(), "first")
	w.cloud.refuses = func(bucket, key string) bool { return bucket == "old" && key != "rotated" }
	return w
}

// TestRotatedCredentialsOfTheSource reach the Job, which is replaced when it has failed with the former ones.
func TestRotatedCredentialsOfTheSource(t *testing.T) {
	broken := move.Progress{Error: "reading the source: access denied"}
	again := func(w *world) {
		w.t.Helper()
		w.ends(batchv1.JobFailed, broken)
		for range 3 {
			w.mustSync()
		}
		job := w.job()
		w.expect("a new job", fmt.Sprint(job != nil && len(job.Status.Conditions) == 0), "true")
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoving")
	}
	t.Run("while the registry is there", func(t *testing.T) {
		w := rotated(t)
		w.secret(names.PrivateConfigurationUser, "rotated")
		for range 2 {
			w.mustSync()
		}
		w.expect("key of the registry", w.key(), "rotated")
		w.expect("key of the source", w.sourceKey(), "rotated")
		again(w)
		w.silent()
	})
	t.Run("after a crash between the registry's and the Job's", func(t *testing.T) {
		w := rotated(t)
		w.secret(names.PrivateConfigurationUser, "rotated")
		w.budget = 1
		_ = w.sync()
		w.budget = -1
		w.restart()
		for range 2 {
			w.mustSync()
		}
		w.expect("key of the source", w.sourceKey(), "rotated")
	})
	t.Run("when the registry has left it", func(t *testing.T) {
		w := rotated(t)
		w.ends(batchv1.JobComplete, move.Progress{})
		w.mustSync()
		w.expect("status", w.used(), "new")
		w.rollout("new")
		w.until("second")
		w.secret(names.PrivateConfigurationUser, "for the target")
		w.mustSync()
		w.expect("key of the source beside a job at work", w.sourceKey(), "first")
		w.ends(batchv1.JobFailed, broken)
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoveFailed")
		w.expect("key of the source", w.sourceKey(), "first")
		w.silent()

		w.secret(names.PrivateConfigurationUser, "rotated")
		w.mustSync()
		w.expect("key of the source that serves", w.sourceKey(), "rotated")
		for range 3 {
			w.mustSync()
		}
		job := w.job()
		w.expect("a new job", fmt.Sprint(job != nil && len(job.Status.Conditions) == 0), "true")
		w.ends(batchv1.JobComplete, move.Progress{Files: 3, Done: 3})
		for range 3 {
			w.mustSync()
		}
		w.expect("StorageReady at last", w.condition(names.StorageReady), "True/AsExpected")
	})
}
