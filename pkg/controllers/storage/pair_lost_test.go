package storage

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const asItRuns = staysOnOld + " as it runs now: "

// TestABrokenSwitchKeepsThePair: wherever the process dies on the way to another place, what the registry needs for the place
// that it is on is there, although no other can be had.
func TestABrokenSwitchKeepsThePair(t *testing.T) {
	for _, next := range []string{"new", "third"} {
		for _, lost := range []bool{false, true} {
			for calls := range 8 {
				t.Run(fmt.Sprintf("%s fails after %d calls with the answer lost %t", next, calls, lost), func(t *testing.T) {
					w := newWorld(t, config(bucket("old")))
					w.cloud.media["old"], w.cloud.media["new"] = &medium{}, &medium{}
					w.secret(names.PrivateConfigurationUser, "first")
					w.mustSync()
					w.edit(bucket("new"))
					w.budget, w.lost = calls, lost
					_ = w.sync()
					w.budget, w.lost = -1, false
					w.restart()
					used := w.used()
					w.cloud.refuses = func(bucket, _ string) bool { return bucket == next && bucket != used }
					w.edit(bucket(next))
					w.mustSync()
					w.expect("status", w.used(), used)
					w.expect("key of the storage in use", w.key(), "first")
					w.silent()
				})
			}
		}
	}
}

// TestAConflictInASwitchKeepsThePair: the administrator names a third place while the second is being published.
func TestAConflictInASwitchKeepsThePair(t *testing.T) {
	w := newWorld(t, config(bucket("old")))
	w.cloud.media["old"], w.cloud.media["new"] = &medium{}, &medium{}
	w.secret(names.PrivateConfigurationUser, "first")
	w.mustSync()
	w.edit(bucket("new"))
	w.client.Fail("storage", apierrors.NewConflict(schema.GroupResource{Resource: "configs"}, names.Cluster, errors.New("somebody was faster")))
	w.mustSync()
	w.client.Fail("storage", nil)
	w.expect("status", w.used(), "old")
	w.cloud.refuses = func(bucket, _ string) bool { return bucket == "third" }
	w.edit(bucket("third"))
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.expect("message", w.message(names.StorageReady), accessDenied+staysOnOld)
	w.silent()
}

// TestADeletedPairIsLearnedAnew while the place that spec names cannot be had, with whichever credentials serve.
func TestADeletedPairIsLearnedAnew(t *testing.T) {
	drop := func(w *world) {
		w.t.Helper()
		if err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Delete(w.t.Context(), names.StoragePair, metav1.DeleteOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
	w := stuck(t, names.CloudCredentials)
	drop(w)
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.silent()

	w.secret(names.PrivateConfigurationUser, "other")
	w.mustSync()
	drop(w)
	w.mustSync()
	w.expect("key of the Secret that serves", w.key(), "first")

	w.secret(names.CloudCredentials, "other")
	drop(w)
	w.mustSync()
	w.expect("message when none does", w.message(names.StorageReady), accessDenied+asItRuns+
		"the credentials that it was rolled out with are no longer known, and those in secret openshift-image-registry/"+
		names.CloudCredentials+doNotServe)
	w.silent()
	w.cloud.refuses = func(bucket, _ string) bool { return bucket == "new" }
	w.clock.Step(checkInterval)
	w.mustSync()
	w.expect("key once one does", w.key(), "other")
	w.expect("message", w.message(names.StorageReady), accessDenied+staysOnOld)
}
