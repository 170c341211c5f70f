package operator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"k8s.io/utils/clock"
)

// fileInterval is how often watched files are hashed. Projected volumes change by swapping a symlink above the file,
// which notifications on the file itself miss; the content is the only honest witness.
const fileInterval = 5 * time.Second

// fileWatcher notices when one of its files is created, deleted or modified.
type fileWatcher struct {
	files []string
	seen  map[string]fingerprint
}

// fingerprint tells contents apart; the zero value is a file that does not exist.
type fingerprint struct {
	exists bool
	sum    [sha256.Size]byte
}

// newFileWatcher remembers the present state. A missing file is a state like any other; an empty name or a directory
// is a mistake in the arguments.
func newFileWatcher(files []string) (*fileWatcher, error) {
	w := &fileWatcher{files: files, seen: map[string]fingerprint{}}
	for _, file := range files {
		if file == "" {
			return nil, errors.New("--files: empty file name")
		}
		state, err := fingerprintOf(file)
		if err != nil {
			return nil, fmt.Errorf("--files: %w", err)
		}
		w.seen[file] = state
	}
	return w, nil
}

func fingerprintOf(file string) (fingerprint, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fingerprint{}, nil
	}
	if err != nil {
		return fingerprint{}, fmt.Errorf("watching %s: %w", file, err)
	}
	return fingerprint{exists: true, sum: sha256.Sum256(content)}, nil
}

// changed describes the first file that is not as it was, or returns "".
func (w *fileWatcher) changed() string {
	for _, file := range w.files {
		now, err := fingerprintOf(file)
		was := w.seen[file]
		switch {
		case err != nil || now == was:
			// What cannot be read now may be readable at the next look.
		case !was.exists:
			return fmt.Sprintf("file %s was created", file)
		case !now.exists:
			return fmt.Sprintf("file %s was deleted", file)
		default:
			return fmt.Sprintf("file %s was modified", file)
		}
	}
	return ""
}

// run returns the first change, or "" when the context ends.
func (w *fileWatcher) run(ctx context.Context, c clock.WithTicker) string {
	if len(w.files) == 0 {
		return ""
	}
	ticker := c.NewTicker(fileInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-ticker.C():
			if change := w.changed(); change != "" {
				return change
			}
		}
	}
}
