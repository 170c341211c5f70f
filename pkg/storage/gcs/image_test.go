package gcs_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

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
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	address := fmt.Sprintf("127.%d.%d.%d", 1+b[0]%254, b[1], 1+b[2]%254)
	s := startServerAt(t, address+":443")
	_, result := s.managed(t, s.inputs(t, ""))
	settings, err := s.driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Images(t, settings, storagetest.RegistryOptions{
		CA: s.ca,
		Hosts: map[string]string{
			"storage.googleapis.com": address, "www.googleapis.com": address, "oauth2.googleapis.com": address,
		},
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			return slices.Contains(s.keys(t, result.Coordinates.GCS.Bucket), strings.TrimPrefix(path, "/"))
		},
	})
}
