package storage

import (
	"context"
	"fmt"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	staysOnOld   = "; the registry stays on S3 bucket=old region=us-east-1"
	needsFormer  = staysOnOld + " with its former credentials, which have to remain valid: those in secret openshift-image-registry/"
	doNotServe   = " do not serve there"
	accessDenied = "access denied"
)

// key is the one that the registry gets for status.storage.
func (w *world) key() string {
	w.t.Helper()
	pair, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(context.Background(), names.StoragePair, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	location, facts := storage.DecodePair(pair.Data)
	w.expect("location of the pair", location, storage.LocationHash(w.config().Status.Storage))
	return string(facts["key"])
}

// stuck is a world whose registry is on the bucket "old" with the key "first" of the Secret, and whose spec names the bucket
// "new", which no key opens. Nor does the key "other" open the old one.
func stuck(t *testing.T, secret string) *world {
	t.Helper()
	w := newWorld(t, config(bucket("old")))
	w.cloud.media["old"] = &medium{}
	w.secret(secret, "first")
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.cloud.refuses = func(bucket, key string) bool { return bucket == "new" || key == "other" }
	w.edit(bucket("new"))
	w.cloud.calls = nil
	w.mustSync()
	w.expect("status", w.used(), "old")
	w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
	w.expect("message", w.message(names.StorageReady), accessDenied+staysOnOld)
	w.expect("calls for credentials that have not changed", fmt.Sprint(w.cloud.calls), "[plan]")
	w.silent()
	return w
}

// silent requires that a sync on unchanged inputs neither calls nor writes.
func (w *world) silent() {
	w.t.Helper()
	w.cloud.calls = nil
	w.client.ForgetWrites()
	w.mustSync()
	w.expect("cloud calls of an unchanged sync", fmt.Sprint(w.cloud.calls), "[]")
	w.expect("writes of an unchanged sync", fmt.Sprint(w.client.Writes()), "[]")
}

// TestChangedCredentialsReachARegistryThatStays: the place that spec names cannot be had, and the credentials of the one
// that the registry is on are rotated.
func TestChangedCredentialsReachARegistryThatStays(t *testing.T) {
	w := stuck(t, names.PrivateConfigurationUser)
	w.cloud.calls = nil
	w.secret(names.PrivateConfigurationUser, "rotated")
	w.mustSync()
	w.expect("key", w.key(), "rotated")
	w.expect("calls", fmt.Sprint(w.cloud.calls), "[plan plan ensure]")
	w.expect("status", w.used(), "old")
	w.expect("media", w.cloud.names(), "old")
	w.expect("message", w.message(names.StorageReady), accessDenied+staysOnOld)
	w.silent()

	w.secret(names.PrivateConfigurationUser, "rotated while the operator was away")
	w.restart()
	w.mustSync()
	w.expect("key after a restart", w.key(), "rotated while the operator was away")
	w.cloud.calls = nil
	w.restart()
	w.mustSync()
	w.expect("calls of a restart", fmt.Sprint(w.cloud.calls), "[plan]")

	w.edit(func(c *imageregistryv1.Config) {
		c.Spec.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
	})
	w.secret(names.PrivateConfigurationUser, "rotated again")
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/MultipleStoragesConfigured")
	w.expect("key beside a spec that names nothing", w.key(), "rotated again")
}

// TestCredentialsForTheNewPlaceOnly: those that do not serve where the registry is leave it what it has, until they do.
func TestCredentialsForTheNewPlaceOnly(t *testing.T) {
	w := stuck(t, names.PrivateConfigurationUser)
	w.secret(names.PrivateConfigurationUser, "other")
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.expect("message", w.message(names.StorageReady), accessDenied+needsFormer+names.PrivateConfigurationUser+doNotServe)
	w.silent()
	for range 10 {
		w.clock.Step(lastRetry)
		w.mustSync()
	}
	w.expect("key", w.key(), "first")
	w.cloud.calls = nil
	w.clock.Step(lastRetry)
	w.mustSync()
	w.clock.Step(lastRetry)
	w.mustSync()
	w.expect("calls of four minutes later on, for the new place and at most one for the old", fmt.Sprint(len(w.cloud.calls) <= 3), "true")

	w.cloud.refuses = func(bucket, _ string) bool { return bucket == "new" }
	w.clock.Step(checkInterval)
	w.mustSync()
	w.expect("key once it serves", w.key(), "other")
	w.expect("message", w.message(names.StorageReady), accessDenied+staysOnOld)

	w.cloud.refuses = nil
	w.clock.Step(lastRetry)
	w.mustSync()
	w.expect("status at last", w.used(), "new")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
}

// TestMintedCredentialsAreKeptTo: the administrator's Secret has come for the new place, and the cloud credential operator
// rotates what the registry has.
func TestMintedCredentialsAreKeptTo(t *testing.T) {
	w := stuck(t, names.CloudCredentials)
	w.secret(names.PrivateConfigurationUser, "own")
	w.mustSync()
	w.expect("key beside a Secret of the administrator's", w.key(), "first")
	w.secret(names.CloudCredentials, "rotated")
	w.mustSync()
	w.expect("key after the rotation", w.key(), "rotated")
	w.secret(names.CloudCredentials, "other")
	w.mustSync()
	w.expect("key when only the administrator's serves", w.key(), "own")
}

// TestChangedCredentialsDuringAMove: the registry is on the old place until everything is copied.
func TestChangedCredentialsDuringAMove(t *testing.T) {
	w := settledOn(t)
	w.secret(names.PrivateConfigurationUser, "first")
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.edit(moveTo("new"))
	w.until("first")
	before := w.message(names.StorageReady)
	w.secret(names.PrivateConfigurationUser, "rotated")
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoving")
	w.expect("key", w.key(), "rotated")

	w.cloud.refuses = func(bucket, _ string) bool { return bucket == "old" }
	w.secret(names.PrivateConfigurationUser, "for the new place")
	for range 3 {
		w.mustSync()
	}
	w.expect("key", w.key(), "rotated")
	w.expect("message", w.message(names.StorageReady), before+needsFormer+names.PrivateConfigurationUser+doNotServe)
	w.until("first")
	w.ends(batchv1.JobComplete, move.Progress{Files: 3, Done: 3})
	w.mustSync()
	w.expect("status", w.used(), "new")
	w.expect("key on the new place", w.key(), "for the new place")
}

// TestASecretThatChangesDuringTheAttempt is used at the next sync.
func TestASecretThatChangesDuringTheAttempt(t *testing.T) {
	w := newWorld(t, config(bucket("old")))
	w.cloud.media["old"] = &medium{}
	w.secret(names.CloudCredentials, "first")
	w.cloud.during = func() { w.secret(names.CloudCredentials, "second") }
	w.mustSync()
	w.expect("key", w.key(), "first")
	w.mustSync()
	w.expect("key after the next sync", w.key(), "second")
}
