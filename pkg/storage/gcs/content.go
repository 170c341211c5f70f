package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	blobType = "application/octet-stream"
	// uploadType is what the registry's driver marks an unfinished upload with; to the registry it is no file.
	uploadType = "application/x-docker-upload-session"
)

// content is the files of a bucket. The registry's driver names an object by the path of the file, without a slash before it.
type content struct{ b *backend }

func (d *driver) content(in storage.Inputs) (storage.Content, error) {
	b, err := d.backend(in)
	if err != nil {
		return nil, err
	}
	if !b.given {
		return nil, errors.New("the coordinates name no bucket")
	}
	return &content{b}, nil
}

// List implements storage.Content.
func (c *content) List(ctx context.Context, prefix string, visit func(storage.File) error) error {
	for page := ""; ; {
		out, err := c.b.client.listObjects(ctx, c.b.config.Bucket, prefix, page, false)
		if err != nil {
			return c.b.failed(ctx, "listing "+c.b.config.where(), err, "")
		}
		for _, o := range out.Items {
			if o.ContentType == uploadType {
				continue
			}
			size, err := strconv.ParseInt(o.Size, 10, 64)
			if err != nil {
				return fmt.Errorf("size of object %s of %s: %w", o.Name, c.b.config.where(), err)
			}
			if err := visit(storage.File{Path: o.Name, Size: size}); err != nil {
				return err
			}
		}
		if page = out.NextPageToken; page == "" {
			return nil
		}
	}
}

// Open implements storage.Content.
func (c *content) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	timed, watch := watched(ctx, c.b.options.CallTimeout)
	address := c.b.client.bucketURL(c.b.config.Bucket, "o", path) + "?alt=media"
	request, err := http.NewRequestWithContext(timed, http.MethodGet, address, nil)
	if err != nil {
		watch.end()
		return nil, fmt.Errorf("making a request: %w", err)
	}
	response, err := c.b.client.send(request, c.b.client.storage)
	if err != nil {
		err = watch.explain(err)
		watch.end()
		return nil, c.failed(ctx, "reading", path, err)
	}
	watch.pause()
	return &download{body: response.Body, watch: watch}, nil
}

// Write implements storage.Content. An object shows up when all of it has arrived; an upload that breaks off, or is of another
// size than was announced, leaves nothing.
func (c *content) Write(ctx context.Context, path string, size int64, from io.Reader) error {
	timed, watch := watched(ctx, c.b.options.CallTimeout)
	defer watch.end()
	address := fmt.Sprintf("%s/upload/storage/v1/b/%s/o?%s", c.b.client.endpoint, url.PathEscape(c.b.config.Bucket),
		url.Values{"uploadType": {"media"}, "name": {path}}.Encode())
	body := &upload{from: from, left: size, watch: watch}
	if size == 0 {
		// Without a body nobody would read the source, which has to be empty.
		if _, err := body.Read(nil); err != nil && !errors.Is(err, io.EOF) {
			return c.failed(ctx, "writing", path, err)
		}
	}
	request, err := http.NewRequestWithContext(timed, http.MethodPost, address, body)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	if request.ContentLength = size; size == 0 {
		request.Body = http.NoBody
	}
	request.Header.Set("Content-Type", blobType)
	response, err := c.b.client.send(request, c.b.client.storage)
	switch {
	case body.failure != nil:
		return c.failed(ctx, "writing", path, body.failure)
	case err != nil:
		return c.failed(ctx, "writing", path, watch.explain(err))
	}
	return response.Body.Close()
}

func (c *content) failed(ctx context.Context, doing, path string, err error) error {
	var source *sourceError
	switch {
	case isStatus(err, http.StatusNotFound):
		return &fs.PathError{Op: doing, Path: path, Err: fs.ErrNotExist}
	case errors.As(err, &source):
		return fmt.Errorf("%s %s to %s: %w", doing, path, c.b.config.where(), err)
	}
	return c.b.failed(ctx, fmt.Sprintf("%s %s of %s", doing, path, c.b.config.where()), err, "")
}

// watch ends a transfer when the cloud stands still. A deadline for the whole would have to be that of the largest layer, and
// the other side of a copy may be slow for reasons of its own: while it is waited for, the watch is paused.
type watch struct {
	limit  time.Duration
	timer  *time.Timer
	cause  func() error
	cancel context.CancelCauseFunc
}

func watched(ctx context.Context, limit time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limit: limit, cancel: cancel, cause: func() error { return context.Cause(ctx) }}
	w.timer = time.AfterFunc(limit, func() { cancel(&transport.TimeoutError{After: limit, Err: context.DeadlineExceeded}) })
	return ctx, w
}

func (w *watch) pause()  { w.timer.Stop() }
func (w *watch) resume() { w.timer.Reset(w.limit) }

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain gives the cause of a failure where it was the stand-still.
func (w *watch) explain(err error) error {
	var timeout *transport.TimeoutError
	if errors.As(w.cause(), &timeout) {
		return timeout
	}
	return err
}

// download is the body of an answer: the cloud is waited for while it is read.
type download struct {
	body  io.ReadCloser
	watch *watch
}

// Read implements io.Reader.
func (d *download) Read(buffer []byte) (int, error) {
	d.watch.resume()
	n, err := d.body.Read(buffer)
	d.watch.pause()
	if err != nil && !errors.Is(err, io.EOF) {
		err = d.watch.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.watch.end()
	return d.body.Close()
}

// upload is the body of a request: the cloud is waited for while it is not read. It holds the last bytes back until it knows
// that none follow: with them the object would be stored.
type upload struct {
	from    io.Reader
	left    int64
	watch   *watch
	failure error
}

// Read implements io.Reader.
func (u *upload) Read(buffer []byte) (int, error) {
	u.watch.pause()
	defer u.watch.resume()
	n := 0
	var err error
	if u.left > 0 {
		n, err = u.from.Read(buffer[:min(int64(len(buffer)), u.left)])
		u.left -= int64(n)
	}
	if u.left == 0 && (err == nil || errors.Is(err, io.EOF)) {
		if more, _ := io.ReadFull(u.from, make([]byte, 1)); more > 0 {
			err = errors.New("more bytes than announced")
		} else {
			err = io.EOF
		}
	}
	if errors.Is(err, io.EOF) && u.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		u.failure = &sourceError{err}
		return 0, u.failure
	}
	return n, err
}

// sourceError is a failure of what is to be written, not of the cloud.
type sourceError struct{ err error }

// Error implements error.
func (e *sourceError) Error() string { return "reading what is to be written: " + e.err.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *sourceError) Unwrap() error { return e.err }
