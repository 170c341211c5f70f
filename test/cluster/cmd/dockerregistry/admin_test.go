package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// remove asks the registry to delete a path and returns the answer's status.
func (p *process) remove(t *testing.T, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://"+p.addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: p.transport(t)}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// pushLayer pushes an image of one layer and returns the layer's digest.
func pushLayer(t *testing.T, p *process) string {
	t.Helper()
	image, err := random.Image(1<<10, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(p.repository(t, "openshift/blobs").Tag("latest"), image, p.with(t)...); err != nil {
		t.Fatalf("pushing: %v", err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func holds(t *testing.T, bucket, digest string) bool {
	t.Helper()
	for _, object := range objects(t, bucket).Objects {
		if strings.Contains(object.Key, "/blobs/") && strings.Contains(object.Key, strings.TrimPrefix(digest, "sha256:")) {
			return true
		}
	}
	return false
}

func TestTheAdminEndpointRemovesABlobsData(t *testing.T) {
	bucket := createBucket(t, "registry-admin")
	p := start(t, s3Env(t, bucket, mainCredentials(t), true))
	digest := pushLayer(t, p)

	if status := p.remove(t, "/v2/openshift/blobs/blobs/"+digest); status != http.StatusAccepted {
		t.Fatalf("removing the repository's link: %d", status)
	}
	if !holds(t, bucket, digest) {
		t.Fatal("removing the link removed the data: then nothing is shown here")
	}
	if status := p.remove(t, "/admin/blobs/"+digest); status != http.StatusNoContent {
		t.Fatalf("removing the data: %d", status)
	}
	if holds(t, bucket, digest) {
		t.Errorf("blob %s is still in the bucket", digest)
	}
	for path, want := range map[string]int{
		"/admin/blobs/" + digest:              http.StatusNotFound,
		"/admin/blobs/nonsense":               http.StatusBadRequest,
		"/admin/blobs/..%2f..%2frepositories": http.StatusBadRequest,
	} {
		if status := p.remove(t, path); status != want {
			t.Errorf("DELETE %s answers %d, want %d", path, status, want)
		}
	}
}

func TestTheAdminEndpointIsThereOnlyWhereBlobsMayBeDeleted(t *testing.T) {
	for name, extra := range map[string]string{
		"deletion is not enabled":   "REGISTRY_STORAGE_DELETE_ENABLED=false",
		"the registry is read-only": `REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, []string{"REGISTRY_STORAGE=filesystem", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + t.TempDir()}, extra)
			// Where it is there, it says that this is no digest.
			if status := p.remove(t, "/admin/blobs/nonsense"); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
				t.Errorf("it answers %d", status)
			}
			if code, _ := p.get(t, "/v2/"); code != http.StatusOK {
				t.Errorf("/v2/ answers %d", code)
			}
		})
	}
}
