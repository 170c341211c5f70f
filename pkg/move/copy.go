package move

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// workers is how many files are copied at the same time.
	workers = 8
	// maxRounds bounds how often one run looks for what is new in the source, and maxFailedRounds how often it tries again
	// what has failed: the next attempt is another pod's, which begins later and later.
	maxRounds       = 10
	maxFailedRounds = 3
	// fewNew is the number of files below which another round is not worth its listing.
	fewNew = 100
	// maxFailures ends a round: whatever is wrong, it is not single files.
	maxFailures = 50
	// stalled is how long nothing may be read of a file: longer than any driver takes to write what it has read.
	stalled = 10 * time.Minute
	// maxLink is more than any link has.
	maxLink = 1 << 10
)

// Copy is one run from a source to a target.
type Copy struct {
	Source, Target storage.Content
	// KeepTarget says that a registry writes to the target by now: what is there is newer than the source, and the
	// source gets nothing new any more.
	KeepTarget bool
	// Compared says that an earlier run has compared what it found in the target, and that what has come since is its own.
	Compared bool
	// Scratch is a folder for lists.
	Scratch string

	mu sync.Mutex
	// there is the size of each file of the target, by the digest of its path.
	there map[key]int64
	// corrupt are files of the source that are not worth another attempt.
	corrupt []string
	// failures are of the current round, with the first of them.
	failures int
	failure  error

	files, bytes, done, copied atomic.Int64
	// compared tells that all blobs of the target that are relied on are what their paths say.
	compared atomic.Bool
}

// key stands for a path in memory: there may be millions.
type key [16]byte

func keyOf(path string) (k key) {
	sum := sha256.Sum256([]byte(path))
	copy(k[:], sum[:])
	return k
}

// Progress is how far the run has come. It may be called at any time.
func (c *Copy) Progress() Progress {
	p := Progress{Files: c.files.Load(), Bytes: c.bytes.Load(), Done: c.done.Load(), Compared: c.compared.Load()}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Corrupt, p.MoreCorrupt = named(slices.Clone(c.corrupt))
	if c.failure != nil {
		p.Error = c.failure.Error()
	}
	return p
}

// CorruptError is the end of a run that has copied everything but files that are corrupt in the source.
type CorruptError struct{ Progress Progress }

// Error implements error.
func (e *CorruptError) Error() string { return e.Progress.Complaint() }

// ExitCode tells the Job that another attempt is in vain.
func (*CorruptError) ExitCode() int { return ExitCorrupt }

// ExitCorrupt is the exit code of a run that nothing but a change of the source can help.
const ExitCorrupt = 3

// Run copies until the source has next to nothing that the target lacks.
func (c *Copy) Run(ctx context.Context) error {
	// Where a registry writes to the target, the run before has compared, and the registry does so itself.
	c.compared.Store(c.Compared || c.KeepTarget)
	if err := c.listTarget(ctx); err != nil {
		return fmt.Errorf("listing the target: %w", err)
	}
	for round, failed := 1, 0; ; round++ {
		before := c.copied.Load()
		if err := c.round(ctx); err != nil {
			return err
		}
		copied := c.copied.Load() - before
		klog.InfoS("end of a round", "round", round, "copied", copied, "failures", c.failures, "files", c.files.Load(), "bytes", c.bytes.Load())
		switch {
		case c.failures > 0:
			if failed++; failed == maxFailedRounds {
				return c.failure
			}
		case round >= maxRounds || copied < fewNew || c.KeepTarget:
			return c.verdict()
		}
	}
}

func (c *Copy) verdict() error {
	if len(c.corrupt) == 0 {
		return nil
	}
	return &CorruptError{Progress: c.Progress()}
}

func (c *Copy) listTarget(ctx context.Context) error {
	c.there = map[key]int64{}
	return c.Target.List(ctx, root, func(file storage.File) error {
		c.there[keyOf(file.Path)] = file.Size
		return nil
	})
}

// round copies what the source has now.
func (c *Copy) round(ctx context.Context) error {
	c.mu.Lock()
	c.failures, c.failure = 0, nil
	c.mu.Unlock()
	lists, err := c.listSource(ctx)
	defer func() {
		for _, list := range lists {
			_ = list.close() // what was read from it is used up
		}
	}()
	if err != nil {
		return fmt.Errorf("listing the source: %w", err)
	}
	var files, bytes int64
	for _, list := range lists {
		files, bytes = files+list.files, bytes+list.bytes
	}
	c.done.Store(0)
	c.files.Store(files)
	c.bytes.Store(bytes)
	if err := c.compare(ctx, lists[blobStage]); err != nil || c.failures > 0 {
		return err
	}
	for _, list := range lists {
		if err := c.each(ctx, list, c.bring); err != nil {
			return err
		}
		if c.failures > 0 {
			// What follows may lead to what has failed.
			return nil
		}
	}
	return nil
}

// compare reads the blobs that the target has already, once, before anything is copied: after that an interrupted run has
// left nothing but what it verified itself.
func (c *Copy) compare(ctx context.Context, list *spool) error {
	if c.compared.Load() {
		return nil
	}
	if len(c.there) > 0 {
		klog.InfoS("comparing what the target has with its digests, before anything is copied", "files", len(c.there))
	}
	if err := c.each(ctx, list, c.compareBlob); err != nil || c.failures > 0 {
		return err
	}
	c.compared.Store(true)
	return nil
}

// listSource lists links before what they lead to: whatever link is in the lists, the blob behind it is too.
func (c *Copy) listSource(ctx context.Context) (lists []*spool, err error) {
	for range stages {
		list, err := newSpool(c.Scratch)
		if err != nil {
			return lists, err
		}
		lists = append(lists, list)
	}
	for _, prefix := range []string{repositories, blobs} {
		err := c.Source.List(ctx, prefix, func(file storage.File) error {
			at, wanted := stageOf(file.Path)
			if !wanted {
				return nil
			}
			return lists[at].add(file)
		})
		if err != nil {
			return lists, err
		}
	}
	return lists, nil
}

// each does work on the files of a list, several at a time. A file that fails does not keep the others from their turn.
func (c *Copy) each(ctx context.Context, list *spool, work func(context.Context, storage.File) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan storage.File)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for file := range queue {
				if err := c.failed(file, work(ctx, file)); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := list.each(func(file storage.File) error {
		select {
		case queue <- file:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(queue)
	running.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// failed notes what became of a file. An error means that going on makes no sense.
func (c *Copy) failed(file storage.File, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errCorrupt):
		if !slices.Contains(c.corrupt, file.Path) {
			klog.ErrorS(err, "a file of the source is corrupt and is not copied", "path", file.Path)
			c.corrupt = append(c.corrupt, file.Path)
		}
		return nil
	}
	c.failures++
	if c.failure == nil {
		c.failure = fmt.Errorf("copying %s: %w", file.Path, err)
	}
	if c.failures >= maxFailures {
		return c.failure
	}
	return nil
}

// bring brings one file to the target and counts it.
func (c *Copy) bring(ctx context.Context, file storage.File) error {
	err := c.file(ctx, file)
	if err == nil {
		c.done.Add(1)
	}
	return err
}

// file brings one file to the target.
func (c *Copy) file(ctx context.Context, file storage.File) error {
	c.mu.Lock()
	size, found := c.there[keyOf(file.Path)]
	corrupt := slices.Contains(c.corrupt, file.Path)
	c.mu.Unlock()
	stage, _ := stageOf(file.Path)
	switch {
	case corrupt:
		return fmt.Errorf("%w as before", errCorrupt)
	case mutable(file.Path):
		return c.tag(ctx, file)
	case found && (size == file.Size || c.KeepTarget && stage != blobStage):
		return nil
	}
	return c.stream(ctx, file)
}

// tag brings the file that says which manifest a tag stands for. Its size tells nothing.
func (c *Copy) tag(ctx context.Context, file storage.File) error {
	have, err := read(ctx, c.Target, file.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.stream(ctx, file)
	case err != nil:
		return fmt.Errorf("reading the target: %w", err)
	case c.KeepTarget:
		return nil
	}
	want, err := read(ctx, c.Source, file.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("reading the source: %w", err)
	case bytes.Equal(have, want):
		return nil
	}
	return c.stream(ctx, file)
}

// stream copies the content and verifies it on the way. A file that has gone from the source since it was listed is none
// any more.
func (c *Copy) stream(ctx context.Context, file storage.File) error {
	sum, want, err := hashFor(file.Path)
	if err != nil {
		return err
	}
	ctx, watch := newWatch(ctx, stalled)
	defer watch.stop()
	source, err := c.Source.Open(ctx, file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	content := &verified{source: watch.of(source), size: file.Size, sum: sum, want: want}
	err = c.Target.Write(ctx, file.Path, file.Size, content)
	closed := source.Close()
	switch {
	case watch.expired():
		return errStalled
	case content.failed != nil && !errors.Is(content.failed, io.EOF):
		// The target only repeats it, in words of its own.
		return fmt.Errorf("reading the source: %w", content.failed)
	case err != nil:
		return fmt.Errorf("writing the target: %w", err)
	case closed != nil:
		return fmt.Errorf("reading the source: %w", closed)
	}
	c.mu.Lock()
	c.there[keyOf(file.Path)] = file.Size
	c.mu.Unlock()
	c.copied.Add(1)
	return nil
}

// read reads a small file.
func read(ctx context.Context, content storage.Content, path string) ([]byte, error) {
	ctx, watch := newWatch(ctx, stalled)
	defer watch.stop()
	file, err := content.Open(ctx, path)
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(watch.of(file), maxLink))
		err = errors.Join(err, file.Close())
	}
	if watch.expired() {
		return nil, errStalled
	}
	return text, err
}
