package s3

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const (
	// pageSize is the most that one listing gives and one bulk delete takes.
	pageSize = 1000
	// countPages bounds how far the rest is counted, for the sake of the message.
	countPages = 10
)

// leftover is what is still in the bucket.
type leftover struct {
	objects, uploads int
	// more tells that counting ended before the objects did.
	more bool
	// plain tells that versions could not be listed: what looks empty may not be.
	plain bool
}

func (l leftover) some() bool { return l.objects > 0 || l.uploads > 0 || l.more }

func (l leftover) String() string {
	text := fmt.Sprintf("%d objects left", l.objects)
	if l.more {
		text = "more than " + text
	}
	if l.uploads > 0 {
		text += fmt.Sprintf(", %d unfinished uploads left", l.uploads)
	}
	return text
}

// empty deletes a bounded number of objects, versions, delete markers and unfinished uploads, then counts the rest.
func (b *backend) empty(ctx context.Context) (leftover, error) {
	list := b.lister()
	var pages [][]types.ObjectIdentifier
	for len(pages)*pageSize < b.options.StepObjects {
		page, more, err := list.next(ctx)
		if err != nil {
			return leftover{}, err
		}
		if len(page) > 0 {
			pages = append(pages, page)
		}
		if !more {
			break
		}
	}
	if err := b.deletePages(ctx, pages); err != nil {
		return leftover{}, err
	}
	uploads, err := b.abortUploads(ctx)
	if err != nil {
		return leftover{}, err
	}
	left := leftover{uploads: uploads, plain: list.plain}
	if len(pages) == 0 {
		return left, nil
	}
	// A new listing: deleting the latest version of a versioned object leaves a delete marker that was not there.
	return left, b.count(ctx, &left)
}

func (b *backend) count(ctx context.Context, left *leftover) error {
	list := b.lister()
	for range countPages {
		page, more, err := list.next(ctx)
		if err != nil {
			return err
		}
		left.objects += len(page)
		if !more {
			return nil
		}
	}
	left.more = true
	return nil
}

// deletePages deletes at most four pages at a time; all are tried, the first failure is returned.
func (b *backend) deletePages(ctx context.Context, pages [][]types.ObjectIdentifier) error {
	const parallel = 4
	errs := make([]error, len(pages))
	slots := make(chan struct{}, parallel)
	var workers sync.WaitGroup
	for i, page := range pages {
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			errs[i] = b.deletePage(ctx, page)
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) deletePage(ctx context.Context, page []types.ObjectIdentifier) error {
	out, err := do(ctx, b, b.client.DeleteObjects, &s3.DeleteObjectsInput{
		Bucket: &b.config.Bucket,
		Delete: &types.Delete{Objects: page, Quiet: aws.Bool(true)},
	}, b.withContentMD5()...)
	if err != nil {
		if isCode(err, codeNoSuchBucket) {
			return nil
		}
		return err
	}
	for _, e := range out.Errors {
		if c := aws.ToString(e.Code); c != "NoSuchKey" && c != "NoSuchVersion" {
			return &objectError{code: c, message: aws.ToString(e.Message)}
		}
	}
	return nil
}

// abortUploads aborts a page of unfinished uploads and returns how many are known to be left. A server that does not
// know or does not allow listing them is left alone: the deletion of the bucket will tell.
func (b *backend) abortUploads(ctx context.Context) (left int, err error) {
	out, err := do(ctx, b, b.client.ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: &b.config.Bucket})
	if isCode(err, "NotImplemented", "AccessDenied", "MethodNotAllowed", codeNoSuchBucket) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, upload := range out.Uploads {
		_, err := do(ctx, b, b.client.AbortMultipartUpload, &s3.AbortMultipartUploadInput{
			Bucket: &b.config.Bucket, Key: upload.Key, UploadId: upload.UploadId,
		})
		if err != nil && !isCode(err, "NoSuchUpload", codeNoSuchBucket) {
			return 0, err
		}
	}
	if aws.ToBool(out.IsTruncated) {
		return 1, nil
	}
	return 0, nil
}

// objectError is the refusal of a single object within an answered bulk delete.
type objectError struct{ code, message string }

func (e *objectError) Error() string { return e.code + ": " + e.message }

// ErrorCode makes it, with the methods below, an API error like those of whole calls.
func (e *objectError) ErrorCode() string { return e.code }

// ErrorMessage implements smithy.APIError.
func (e *objectError) ErrorMessage() string { return e.message }

// ErrorFault implements smithy.APIError.
func (e *objectError) ErrorFault() (f smithy.ErrorFault) { return f }
