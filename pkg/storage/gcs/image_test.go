package gcs_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// TestImages pushes through a registry that is configured as the operator renders it. The registry goes to Google's own
// names, as in production; the pod's /etc/hosts leads them to the server, which has Google's port at an address of its own.
// (STORAGE_EMULATOR_HOST, the SDK's way to another server, would leave out tokens and signed URLs, and the registry's driver
// begins large uploads at www.googleapis.com whatever it says.)
func TestImages(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may listen on port 443")
	}
	s := startAsGoogle(t)
	_, result := s.managed(t, s.inputs(t, ""))
	s.images(t, result)
}

// startAsGoogle starts a server where a registry finds it under Google's names.
func startAsGoogle(t *testing.T) *server {
	t.Helper()
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return startServerAt(t, fmt.Sprintf("127.%d.%d.%d:443", 1+b[0]%254, b[1], 1+b[2]%254))
}

// images pushes through a registry on the bucket of a result; the server is one that startAsGoogle has started.
func (s *server) images(t *testing.T, result storage.Result) {
	t.Helper()
	settings, err := s.driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Images(t, settings, storagetest.RegistryOptions{
		CA: s.ca,
		Hosts: map[string]string{
			"storage.googleapis.com": s.address, "www.googleapis.com": s.address, "oauth2.googleapis.com": s.address,
		},
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			return slices.Contains(s.keys(t, result.Coordinates.GCS.Bucket), strings.TrimPrefix(path, "/"))
		},
	})
}
