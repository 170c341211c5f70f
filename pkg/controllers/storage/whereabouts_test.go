package storage

import (
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
)

// TestSettled: whoever asks acts when no pod can be on another storage any more.
func TestSettled(t *testing.T) {
	w := settledOn(t)
	settled := func() string {
		t.Helper()
		got, err := w.controller.Settled(w.config())
		if err != nil {
			t.Fatal(err)
		}
		return map[bool]string{true: "settled", false: "not settled"}[got]
	}
	w.expect("all pods are on the storage in use", settled(), "settled")
	w.edit(func(c *imageregistryv1.Config) { c.Status.Storage.S3.Bucket = "another" })
	w.expect("status.storage has moved on", settled(), "not settled")
	w.edit(func(c *imageregistryv1.Config) { c.Status.Storage = imageregistryv1.ImageRegistryConfigStorage{} })
	w.expect("no storage is in use", settled(), "settled")
	w.drop("deployments", deploymentOn("old"))
	w.expect("a pod without its deployment", settled(), "not settled")
	w.drop("pods", registryPod())
	w.expect("nothing runs", settled(), "settled")
}
