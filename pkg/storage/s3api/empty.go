package s3api

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
	// PageSize is the most that one listing gives and one bulk delete takes.
	PageSize = 1000
	// countPages bounds how far the rest is counted, for the sake of the message.
	countPages = 10
)

// Leftover is what is still in the bucket.
type Leftover struct {
	objects, uploads int
	// more tells that counting ended before the objects did.
	more bool
	// plain tells that versions could not be listed: what looks empty may not be.
	plain bool
}

// Some tells whether anything is left.
func (l Leftover) Some() bool { return l.objects > 0 || l.uploads > 0 || l.more }

// String says it for people.
func (l Leftover) String() string {
	text := fmt.Sprintf("%d objects left", l.objects)
	if l.more {
		text = "more than " + text
	}
	if l.uploads > 0 {
		text += fmt.Sprintf(", %d unfinished uploads left", l.uploads)
	}
	return text
}

// Empty deletes a bounded number of objects, versions, delete markers and unfinished uploads, then counts the rest.
func (b *Bucket) Empty(ctx context.Context) (Leftover, error) {
	list := b.lister()
	var pages [][]types.ObjectIdentifier
	for len(pages)*PageSize < b.StepObjects {
		page, more, err := list.next(ctx)
		if err != nil {
			return Leftover{}, err
		}
		if len(page) > 0 {
			pages = append(pages, page)
		}
		if !more {
			break
		}
	}
	if err := b.deletePages(ctx, pages); err != nil {
		return Leftover{}, err
	}
	uploads, err := b.abortUploads(ctx)
	if err != nil {
		return Leftover{}, err
	}
	left := Leftover{uploads: uploads, plain: list.plain}
	if len(pages) == 0 {
		return left, nil
	}
	// A new listing: deleting the latest version of a versioned object leaves a delete marker that was not there.
	return left, b.count(ctx, &left)
}

func (b *Bucket) count(ctx context.Context, left *Leftover) error {
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
func (b *Bucket) deletePages(ctx context.Context, pages [][]types.ObjectIdentifier) error {
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

func (b *Bucket) deletePage(ctx context.Context, page []types.ObjectIdentifier) error {
	out, err := Do(ctx, b.CallTimeout, b.Client.DeleteObjects, &s3.DeleteObjectsInput{
		Bucket: &b.Name,
		Delete: &types.Delete{Objects: page, Quiet: aws.Bool(true)},
	}, b.ContentMD5()...)
	if err != nil {
		if IsCode(err, CodeNoSuchBucket) {
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
func (b *Bucket) abortUploads(ctx context.Context) (left int, err error) {
	out, err := Do(ctx, b.CallTimeout, b.Client.ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if IsCode(err, "NotImplemented", "AccessDenied", "MethodNotAllowed", CodeNoSuchBucket) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, upload := range out.Uploads {
		_, err := Do(ctx, b.CallTimeout, b.Client.AbortMultipartUpload, &s3.AbortMultipartUploadInput{
			Bucket: &b.Name, Key: upload.Key, UploadId: upload.UploadId,
		})
		if err != nil && !IsCode(err, "NoSuchUpload", CodeNoSuchBucket) {
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
