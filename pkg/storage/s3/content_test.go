package s3_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// TestContent copies files in and out: small ones, ones of several parts, and ones that fail on the way.
func TestContent(t *testing.T) {
	s := startServer(t)
	in, result := s.managed(t, s.inputs(t, ""))
	in.Coordinates = result.Coordinates
	content, err := driver(t).Content(in)
	if err != nil {
		t.Fatal(err)
	}
	bucket := result.Coordinates.S3.Bucket
	const large = 2*(16<<20) + 12345
	files := map[string][]byte{
		"docker/registry/v2/blobs/sha256/aa/aa1/data": noise(large),
		"docker/registry/v2/blobs/sha256/bb/bb1/data": noise(16 << 20),
		"docker/registry/v2/repositories/r/_layers/x": []byte("sha256:aa1"),
		"docker/registry/v2/empty":                    {},
	}
	for path, data := range files {
		if err := content.Write(t.Context(), path, int64(len(data)), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int64{}
	for path, data := range files {
		want[path] = int64(len(data))
		if got := readAll(t, content, path); sha256.Sum256(got) != sha256.Sum256(data) {
			t.Errorf("%s came back with %d of %d bytes, or others", path, len(got), len(data))
		}
	}
	if diff := cmp.Diff(want, listed(t, content, "")); diff != "" {
		t.Errorf("all files (-want +got):\n%s", diff)
	}
	if got := listed(t, content, "docker/registry/v2/blobs/"); len(got) != 2 {
		t.Errorf("blobs are %v", got)
	}

	if _, err := content.Open(t.Context(), "docker/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	stop := errors.New("stop")
	if err := content.List(t.Context(), "", func(storage.File) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of a visit: %v", err)
	}
	for name, size := range map[string]int64{"short/small": 100, "short/large": large + 1, "long/small": 3, "long/large": large - 1} {
		data := noise(10)
		if strings.HasSuffix(name, "large") {
			data = noise(large)
		}
		if err := content.Write(t.Context(), name, size, bytes.NewReader(data)); err == nil {
			t.Errorf("%s: content of the wrong size was stored", name)
		}
		if _, found := s.keys(t, bucket)[name]; found {
			t.Errorf("%s: a part of a file is visible", name)
		}
	}
	uploads, err := s.client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil || len(uploads.Uploads) != 0 {
		t.Errorf("uploads were left: %+v, %v", uploads, err)
	}
}

func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // never fails
	return data
}

func readAll(t *testing.T, content storage.Content, path string) []byte {
	t.Helper()
	reader, err := content.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func listed(t *testing.T, content storage.Content, prefix string) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	if err := content.List(t.Context(), prefix, func(f storage.File) error { files[f.Path] = f.Size; return nil }); err != nil {
		t.Fatal(err)
	}
	return files
}
