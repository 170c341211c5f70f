package move

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// compareBlob reads a blob that the target has in the right size, and forgets one that is not what its path says: it is copied
// then, as if it were not there. Who put it there is not known.
func (c *Copy) compareBlob(ctx context.Context, file storage.File) error {
	k := keyOf(file.Path)
	c.mu.Lock()
	size, found := c.there[k]
	c.mu.Unlock()
	if !found || size != file.Size {
		return nil
	}
	err := readTarget(ctx, c.Target, file)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errCorrupt):
		klog.InfoS("a file of the target is not what its path says and is replaced", "path", file.Path, "reason", err.Error())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	c.mu.Lock()
	delete(c.there, k)
	c.mu.Unlock()
	return nil
}

// readTarget reads a blob of the target to its end and compares it with the digest in its path. A file that has none is taken
// as it is.
func readTarget(ctx context.Context, target storage.Content, file storage.File) error {
	sum, want, err := hashFor(file.Path)
	if sum == nil {
		return err
	}
	ctx, watch := newWatch(ctx, stalled)
	defer watch.stop()
	source, err := target.Open(ctx, file.Path)
	if err == nil {
		_, err = io.Copy(io.Discard, &verified{source: watch.of(source), size: file.Size, sum: sum, want: want})
		err = errors.Join(err, source.Close())
	}
	if watch.expired() {
		err = errStalled
	}
	if err != nil {
		return fmt.Errorf("reading the target: %w", err)
	}
	return nil
}
