package s3_test

import (
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// TestImages pushes through a registry that is configured as the operator renders it.
func TestImages(t *testing.T) {
	s := startServer(t)
	_, result := s.managed(t, s.inputs(t, ""))
	settings, err := driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Images(t, settings, storagetest.RegistryOptions{
		CA: s.ca,
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			_, found := s.keys(t, result.Coordinates.S3.Bucket)[strings.TrimPrefix(path, "/")]
			return found
		},
	})
}

// keys are the objects of a bucket with their sizes, past the backend.
func (s *server) keys(t *testing.T, bucket string) map[string]int64 {
	t.Helper()
	var answer struct {
		Objects []struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
		} `json:"objects"`
	}
	s.call(t, "GET", "/buckets/"+bucket+"/objects", nil, &answer)
	keys := map[string]int64{}
	for _, object := range answer.Objects {
		keys[object.Key] = object.Size
	}
	return keys
}
