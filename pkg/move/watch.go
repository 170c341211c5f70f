package move

import (
	"context"
	"errors"
	"io"
	"time"
)

// errStalled is the error for a file of which nothing came for long: a connection may be lost without a word.
var errStalled = errors.New("nothing came for a long time")

// watch ends a context when nothing has been read for a while.
type watch struct {
	ctx    context.Context //nolint:containedctx // what is watched is this context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	after  time.Duration
}

func newWatch(parent context.Context, after time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watch{ctx: ctx, cancel: cancel, after: after}
	w.timer = time.AfterFunc(after, func() { cancel(errStalled) })
	return ctx, w
}

// of is source, watched.
func (w *watch) of(source io.Reader) io.Reader { return watchedReader{w, source} }

// expired tells that it was this watch that ended the context.
func (w *watch) expired() bool { return errors.Is(context.Cause(w.ctx), errStalled) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

type watchedReader struct {
	watch  *watch
	source io.Reader
}

// Read implements io.Reader.
func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.watch.timer.Reset(r.watch.after)
	return n, err
}
