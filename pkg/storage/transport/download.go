package transport

import (
	"context"
	"io"
	"time"
)

// Begun makes a call whose answer has to begin within limit, and has all the time it needs from then on: a layer takes longer
// than any one call. end ends it; after a failure it has been called.
func Begun[O any](ctx context.Context, limit time.Duration, call func(context.Context) (O, error)) (out O, end context.CancelFunc, err error) {
	begun, end := context.WithCancel(ctx)
	deadline := time.AfterFunc(limit, end)
	out, err = call(begun)
	if !deadline.Stop() && ctx.Err() == nil {
		if err == nil {
			err = context.DeadlineExceeded
		}
		err = &TimeoutError{After: limit, Err: err}
	}
	if err != nil {
		end()
	}
	return out, end, err
}

// Body is what is read of an answer; closing it ends its request.
type Body struct {
	io.ReadCloser
	End context.CancelFunc
}

// Close implements io.Closer.
func (b *Body) Close() error {
	defer b.End()
	return b.ReadCloser.Close()
}
