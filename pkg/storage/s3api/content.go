package s3api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	// partSize is how much is sent at once, and held in memory; a larger file takes several parts.
	partSize = 16 << 20
	// maxParts is the limit of the protocol.
	maxParts = 10000
	// partTimeout bounds the transfer of one part: it takes as long as the line takes.
	partTimeout = 5 * time.Minute
)

// Content implements storage.Content: the registry keeps its files under the same paths as keys.
type Content struct{ bucket *Bucket }

// Content opens the files of the bucket.
func (b *Bucket) Content() *Content { return &Content{bucket: b} }

// List implements storage.Content.
func (c *Content) List(ctx context.Context, prefix string, visit func(storage.File) error) error {
	b := c.bucket
	var token *string
	for {
		out, err := Do(ctx, b.CallTimeout, b.Client.ListObjectsV2, &s3.ListObjectsV2Input{
			Bucket: &b.Name, Prefix: &prefix, MaxKeys: aws.Int32(PageSize), ContinuationToken: token,
		})
		if err != nil {
			return b.Removing(ctx, "listing "+b.Where, err, operatorv1.ConditionUnknown)
		}
		for _, object := range out.Contents {
			if err := visit(storage.File{Path: aws.ToString(object.Key), Size: aws.ToInt64(object.Size)}); err != nil {
				return err
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return nil
		}
		token = out.NextContinuationToken
	}
}

// Open implements storage.Content.
func (c *Content) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	b := c.bucket
	action := "reading " + path + " of " + b.Where
	out, end, err := transport.Begun(ctx, b.CallTimeout, func(ctx context.Context) (*s3.GetObjectOutput, error) {
		return b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &path})
	})
	switch {
	case IsCode(err, "NoSuchKey"):
		return nil, fmt.Errorf("%s: %w", action, fs.ErrNotExist)
	case err != nil:
		return nil, b.Removing(ctx, action, err, operatorv1.ConditionUnknown)
	}
	return &transport.Body{ReadCloser: out.Body, End: end}, nil
}

// Write implements storage.Content. S3 shows an object when its last byte has arrived, and the parts of a large one when
// they are put together.
func (c *Content) Write(ctx context.Context, path string, size int64, content io.Reader) error {
	b := c.bucket
	action := "writing " + path + " to " + b.Where
	var err error
	if size <= partSize {
		err = c.put(ctx, path, size, content)
	} else {
		err = c.putParts(ctx, path, size, content)
	}
	var wrong *sizeError
	if err == nil || errors.As(err, &wrong) {
		return wrap(action, err)
	}
	return b.Removing(ctx, action, err, operatorv1.ConditionUnknown)
}

func wrap(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", action, err)
}

// sizeError is content that is not as long as it was said to be, or that could not be read.
type sizeError struct{ cause error }

func (e *sizeError) Error() string { return "reading what to store: " + e.cause.Error() }

func (e *sizeError) Unwrap() error { return e.cause }

// next reads exactly size bytes.
func next(content io.Reader, size int64) ([]byte, error) {
	part := make([]byte, size)
	if _, err := io.ReadFull(content, part); err != nil {
		return nil, &sizeError{err}
	}
	return part, nil
}

// ended checks that content has nothing more to give.
func ended(content io.Reader) error {
	if n, err := io.ReadFull(content, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return &sizeError{fmt.Errorf("there is more than the announced size, or it cannot be read to its end (%w)", err)}
	}
	return nil
}

func (c *Content) put(ctx context.Context, path string, size int64, content io.Reader) error {
	data, err := next(content, size)
	if err == nil {
		err = ended(content)
	}
	if err != nil {
		return err
	}
	_, err = Do(ctx, partTimeout, c.bucket.Client.PutObject, &s3.PutObjectInput{Bucket: &c.bucket.Name, Key: &path, Body: bytes.NewReader(data)})
	return err
}

func (c *Content) putParts(ctx context.Context, path string, size int64, content io.Reader) error {
	b := c.bucket
	upload, err := Do(ctx, b.CallTimeout, b.Client.CreateMultipartUpload, &s3.CreateMultipartUploadInput{Bucket: &b.Name, Key: &path})
	if err != nil {
		return err
	}
	parts, err := c.sendParts(ctx, upload, size, content)
	if err == nil {
		_, err = Do(ctx, partTimeout, b.Client.CompleteMultipartUpload, &s3.CompleteMultipartUploadInput{
			Bucket: &b.Name, Key: &path, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err != nil {
		// What was sent costs money until it is given up, also when everything else is cancelled.
		_, abort := Do(context.WithoutCancel(ctx), b.CallTimeout, b.Client.AbortMultipartUpload, &s3.AbortMultipartUploadInput{
			Bucket: &b.Name, Key: &path, UploadId: upload.UploadId,
		})
		return errors.Join(err, abort)
	}
	return nil
}

func (c *Content) sendParts(ctx context.Context, upload *s3.CreateMultipartUploadOutput, size int64, content io.Reader) ([]types.CompletedPart, error) {
	each := max(partSize, (size+maxParts-1)/maxParts)
	var parts []types.CompletedPart
	for number := int32(1); size > 0; number++ {
		part, err := next(content, min(each, size))
		if err != nil {
			return nil, err
		}
		out, err := Do(ctx, partTimeout, c.bucket.Client.UploadPart, &s3.UploadPartInput{
			Bucket: &c.bucket.Name, Key: upload.Key, UploadId: upload.UploadId, PartNumber: &number, Body: bytes.NewReader(part),
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(number)})
		size -= int64(len(part))
	}
	return parts, ended(content)
}
