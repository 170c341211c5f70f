package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// rootSlash is what OpenShift's registry puts before the paths. Its releases up to 4.13 wrote docker/…, later ones read
// and write /docker/… only (a Job of the 4.14 upgrade renamed the blobs). Upstream's driver (distribution v3.1.2,
// blobName in its azure package) trims the slash: with it the names are docker/… again, which is what
// Options.TrimRootSlash is for.
const rootSlash = "/"

// content is the blobs of a container.
type content struct {
	backend *backend
	root    string
}

func newContent(in storage.Inputs, options Options, pool *pool) (storage.Content, error) {
	b, err := newBackend(in, options, pool)
	if err != nil {
		return nil, err
	}
	if b.account == "" || b.container == "" {
		return nil, configError("spec.storage.azure names no account or no container", nil)
	}
	c := &content{backend: b, root: rootSlash}
	if options.TrimRootSlash {
		c.root = ""
	}
	return c, nil
}

func (c *content) client(ctx context.Context) (*container.Client, error) {
	key, _, err := c.backend.accountKey(ctx)
	if err != nil {
		return nil, c.backend.failed(ctx, "reading the key of "+c.backend.accountText(), err)
	}
	return c.backend.containerClient(key)
}

// List implements storage.Content.
func (c *content) List(ctx context.Context, prefix string, visit func(storage.File) error) error {
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	under := c.root + prefix
	for pager := client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &under}); pager.More(); {
		page, err := do(ctx, c.backend, pager.NextPage)
		if err != nil {
			return c.backend.failed(ctx, "listing "+c.backend.where(), err)
		}
		for _, item := range page.Segment.BlobItems {
			if item == nil || item.Name == nil {
				continue
			}
			file := storage.File{Path: strings.TrimPrefix(*item.Name, c.root)}
			if item.Properties != nil && item.Properties.ContentLength != nil {
				file.Size = *item.Properties.ContentLength
			}
			if err := visit(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// Open implements storage.Content. The answer has to begin in time; what is read of it may take longer than any one call.
func (c *content) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	client, err := c.client(ctx)
	if err != nil {
		return nil, err
	}
	answer, end, err := begun(ctx, c.backend, func(ctx context.Context) (blob.DownloadStreamResponse, error) {
		return client.NewBlobClient(c.root+path).DownloadStream(ctx, nil)
	})
	if isCode(err, "BlobNotFound") {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, c.backend.failed(ctx, fmt.Sprintf("reading %s of %s", path, c.backend.where()), err)
	}
	return &transport.Body{ReadCloser: answer.Body, End: end}, nil
}

// blockSize is what is held in memory of a file that is written.
const blockSize = 4 << 20

// Write implements storage.Content. Blocks are sent one by one; the list that makes them a blob comes last, and not at all
// when the content ends early or does not end.
func (c *content) Write(ctx context.Context, path string, size int64, r io.Reader) error {
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	options := &blockblob.UploadStreamOptions{BlockSize: blockSize, Concurrency: 1}
	_, err = client.NewBlockBlobClient(c.root+path).UploadStream(ctx, &exactly{r: r, left: size}, options)
	if err == nil {
		return nil
	}
	if errors.Is(err, errLength) {
		return fmt.Errorf("writing %s of %s: %w", path, c.backend.where(), err)
	}
	return c.backend.failed(ctx, fmt.Sprintf("writing %s of %s", path, c.backend.where()), err)
}

var errLength = errors.New("the content is not as long as it was said to be")

// exactly is a reader that fails unless it ends after left bytes.
type exactly struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if e.left < 0 || errors.Is(err, io.EOF) && e.left > 0 {
		return n, errLength
	}
	return n, err
}
