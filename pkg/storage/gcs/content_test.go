package gcs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func (s *server) content(t *testing.T, in storage.Inputs) storage.Content {
	t.Helper()
	return openContent(t, s.driver(t), in)
}

func openContent(t *testing.T, driver storage.Driver, in storage.Inputs) storage.Content {
	t.Helper()
	c, err := driver.Content(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContent(t *testing.T) {
	s := startServer(t)
	in, _ := s.managed(t, s.inputs(t, ""))
	c := s.content(t, in)
	const path = "docker/registry/v2/blobs/sha256/aa/a b+c/data"
	blob := bytes.Repeat([]byte("0123456789"), 500_000)

	t.Run("what is written is listed and read", func(t *testing.T) {
		for p, content := range map[string][]byte{path: blob, "docker/registry/v2/empty": nil} {
			if err := c.Write(t.Context(), p, int64(len(content)), bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]storage.File{{Path: path, Size: int64(len(blob))}, {Path: "docker/registry/v2/empty"}}, list(t, c, "docker/")); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if files := list(t, c, "docker/registry/v2/blobs/"); len(files) != 1 {
			t.Errorf("below a prefix: %v", files)
		}
		file, err := c.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, blob) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
	t.Run("a page is not the end", func(t *testing.T) {
		other, _ := s.managed(t, s.inputs(t, ""))
		s.fill(t, other.Coordinates.GCS.Bucket, 1001, 1)
		if files := list(t, s.content(t, other), ""); len(files) != 1001 {
			t.Errorf("%d files", len(files))
		}
		enough := errors.New("enough")
		if err := c.List(t.Context(), "", func(storage.File) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a file that is not there", func(t *testing.T) {
		if _, err := c.Open(t.Context(), "docker/absent"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error is %v", err)
		}
	})
	broken := errors.New("the source breaks")
	for name, tt := range map[string]struct {
		size int64
		from io.Reader
		says string
	}{
		"a source that breaks":      {1 << 20, io.MultiReader(bytes.NewReader(blob[:1000]), iotest.ErrReader(broken)), broken.Error()},
		"a source that is short":    {1000, bytes.NewReader(blob[:999]), io.ErrUnexpectedEOF.Error()},
		"a source that is long":     {1000, bytes.NewReader(blob[:1001]), "more bytes than announced"},
		"a source that is no empty": {0, bytes.NewReader(blob[:1]), "more bytes than announced"},
	} {
		t.Run(name+" leaves nothing", func(t *testing.T) {
			err := c.Write(t.Context(), "docker/half", tt.size, tt.from)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v", err)
			}
			if slices.Contains(s.keys(t, in.Coordinates.GCS.Bucket), "docker/half") {
				t.Error("a part of it is there")
			}
		})
	}
	t.Run("a cloud that stands still is an error, and the other side of a copy may", func(t *testing.T) {
		c := openContent(t, s.impatient(), in)
		slow := io.MultiReader(bytes.NewReader(blob[:1]), &pausing{Reader: bytes.NewReader(blob[1:1000]), pause: 2 * patience})
		if err := c.Write(t.Context(), "docker/slow", 1000, slow); err != nil {
			t.Errorf("a slow source: %v", err)
		}
		s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/upload/"}, Blackhole: true}, storagetest.Fault{Match: match{PathPrefix: "/storage/"}, Blackhole: true})
		err := c.Write(t.Context(), "docker/stuck", 1000, bytes.NewReader(blob[:1000]))
		if err == nil || !strings.Contains(err.Error(), "no answer within "+patience.String()) {
			t.Errorf("writing: %v", err)
		}
		if _, err = c.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "no answer within "+patience.String()) {
			t.Errorf("reading: %v", err)
		}
	})
}

// pausing is a source that makes one wait before it gives anything.
type pausing struct {
	io.Reader
	pause time.Duration
}

func (p *pausing) Read(buffer []byte) (int, error) {
	<-time.After(p.pause)
	p.pause = 0
	return p.Reader.Read(buffer)
}

func list(t *testing.T, c storage.Content, prefix string) (files []storage.File) {
	t.Helper()
	err := c.List(t.Context(), prefix, func(f storage.File) error {
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b storage.File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
