package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// folder makes a Folder in a directory of its own.
func folder(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// put writes a file; into a folder without waiting for the disk, as a test makes many.
func put(t *testing.T, content storage.Content, name, text string) {
	t.Helper()
	if f, ok := content.(*Folder); ok {
		if err := errors.Join(f.root.MkdirAll(path.Dir(name), folderMode), f.root.WriteFile(name, []byte(text), fileMode)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := content.Write(t.Context(), name, int64(len(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, content storage.Content) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := content.List(t.Context(), "", func(file storage.File) error {
		opened, err := content.Open(t.Context(), file.Path)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(opened)
		found[file.Path] = string(text)
		return errors.Join(err, opened.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func blobPath(text string) (path, digest string) {
	sum := sha256.Sum256([]byte(text))
	digest = hex.EncodeToString(sum[:])
	return blobs + "sha256/" + digest[:2] + "/" + digest + "/data", digest
}

// image pushes an image of one layer, in the order of a registry.
func image(t *testing.T, content storage.Content, repository, tag, text string) {
	t.Helper()
	layerPath, layer := blobPath("layer of " + text)
	manifestPath, manifest := blobPath("manifest of " + text)
	at := repositories + repository
	put(t, content, layerPath, "layer of "+text)
	put(t, content, at+"/_layers/sha256/"+layer+"/link", "sha256:"+layer)
	put(t, content, manifestPath, "manifest of "+text)
	put(t, content, at+"/_manifests/revisions/sha256/"+manifest+"/link", "sha256:"+manifest)
	put(t, content, at+"/_manifests/tags/"+tag+"/index/sha256/"+manifest+"/link", "sha256:"+manifest)
	put(t, content, at+"/_manifests/tags/"+tag+"/current/link", "sha256:"+manifest)
}

func copied(t *testing.T, c *Copy) error {
	t.Helper()
	c.Scratch = t.TempDir()
	return c.Run(t.Context())
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if text, found := got[path]; !found {
			t.Errorf("the target lacks %s", path)
		} else if text != want[path] {
			t.Errorf("%s is %q, want %q", path, text, want[path])
		}
	}
	for path := range got {
		if _, found := want[path]; !found {
			t.Errorf("the target has %s besides", path)
		}
	}
}

// watched is content whose calls can be looked at and made to fail.
type watched struct {
	storage.Content
	mu     sync.Mutex
	opened []string
	wrote  []string
	// before is called before a write; its error is the write's.
	before func(path string) error
	// open is called before a file is opened.
	open func(path string) error
}

func (w *watched) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	w.mu.Lock()
	w.opened = append(w.opened, path)
	w.mu.Unlock()
	if w.open != nil {
		if err := w.open(path); err != nil {
			return nil, err
		}
	}
	return w.Content.Open(ctx, path)
}

func (w *watched) Write(ctx context.Context, path string, size int64, content io.Reader) error {
	if w.before != nil {
		if err := w.before(path); err != nil {
			return err
		}
	}
	err := w.Content.Write(ctx, path, size, content)
	if err == nil {
		w.mu.Lock()
		w.wrote = append(w.wrote, path)
		w.mu.Unlock()
	}
	return err
}

// short loses the connection in the middle of a file.
type short struct{ storage.Content }

func (s *short) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	file, err := s.Content.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, 5), file}, nil
}

// inMemory is a medium without a disk to wait for.
type inMemory struct {
	mu    sync.Mutex
	files map[string]string
}

func (m *inMemory) List(_ context.Context, prefix string, visit func(storage.File) error) error {
	m.mu.Lock()
	files := maps.Clone(m.files)
	m.mu.Unlock()
	for name, text := range files {
		if strings.HasPrefix(name, prefix) {
			if err := visit(storage.File{Path: name, Size: int64(len(text))}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *inMemory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, found := m.files[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// Write reads exactly size bytes, as a client of a cloud may.
func (m *inMemory) Write(_ context.Context, name string, size int64, content io.Reader) error {
	text := make([]byte, size)
	if _, err := io.ReadFull(content, text); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = string(text)
	return nil
}
