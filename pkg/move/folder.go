package move

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// partial begins the names of files that are being written. No file of a registry is called so.
const partial = ".move-"

// Modes of what is made, before the umask of the process. The registry's pods have the same group, and perhaps another
// user.
const (
	folderMode = 0o777
	fileMode   = 0o666
)

// Folder is the content of a volume that is mounted here.
type Folder struct{ root *os.Root }

var _ storage.Content = (*Folder)(nil)

// OpenFolder opens the folder at which a volume is mounted. What leads out of it (a symbolic link) is not followed.
func OpenFolder(name string) (*Folder, error) {
	opened, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("opening volume: %w", err)
	}
	return &Folder{root: opened}, nil
}

// List implements storage.Content.
func (f *Folder) List(ctx context.Context, prefix string, visit func(storage.File) error) error {
	return f.walk(ctx, prefix, func(name string, entry fs.DirEntry) error {
		if strings.HasPrefix(entry.Name(), partial) || !strings.HasPrefix(name, prefix) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted since
		}
		if err != nil {
			return err
		}
		return visit(storage.File{Path: name, Size: info.Size()})
	})
}

// Sweep removes what a process that ended in the middle has left. Nobody else may be writing.
func (f *Folder) Sweep(ctx context.Context, prefix string) error {
	return f.walk(ctx, prefix, func(name string, entry fs.DirEntry) error {
		if !strings.HasPrefix(entry.Name(), partial) {
			return nil
		}
		return f.root.Remove(name)
	})
}

// walk visits the regular files below the folder that prefix names. What disappears meanwhile is passed over.
func (f *Folder) walk(ctx context.Context, prefix string, visit func(string, fs.DirEntry) error) error {
	start := path.Clean(prefix[:strings.LastIndex(prefix, "/")+1])
	return fs.WalkDir(f.root.FS(), start, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !entry.Type().IsRegular():
			return nil
		}
		return visit(name, entry)
	})
}

// Open implements storage.Content.
func (f *Folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return f.root.Open(name)
}

// Write implements storage.Content. The file gets its name when all of it is on the disk.
func (f *Folder) Write(ctx context.Context, name string, size int64, content io.Reader) (err error) {
	folder := path.Dir(name)
	if err := f.root.MkdirAll(folder, folderMode); err != nil {
		return err
	}
	unfinished := path.Join(folder, partial+rand.Text())
	file, err := f.root.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.root.Remove(unfinished)
		}
	}()
	written, err := io.Copy(file, whileAlive{ctx, content})
	if err == nil && written != size {
		err = fmt.Errorf("%d bytes came instead of %d", written, size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := f.root.Rename(unfinished, name); err != nil {
		return err
	}
	return f.syncFolder(folder)
}

// syncFolder brings the new name to the disk.
func (f *Folder) syncFolder(name string) error {
	folder, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// whileAlive ends with the context.
type whileAlive struct {
	ctx    context.Context //nolint:containedctx // a reader has no other place for it
	source io.Reader
}

func (w whileAlive) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.source.Read(p)
}
