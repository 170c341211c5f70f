package s3api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// listing walks over everything in the bucket: versions and delete markers, or plain objects where versions are
// refused or unknown. ListBucketVersions is not among the rights that the operator asks for.
type listing struct {
	b          *Bucket
	plain      bool
	key, id    *string
	plainToken *string
}

func (b *Bucket) lister() *listing { return &listing{b: b} }

// next returns a page and whether there are more.
func (l *listing) next(ctx context.Context) ([]types.ObjectIdentifier, bool, error) {
	if l.plain {
		return l.nextPlain(ctx)
	}
	out, err := Do(ctx, l.b.CallTimeout, l.b.Client.ListObjectVersions, &s3.ListObjectVersionsInput{
		Bucket: &l.b.Name, MaxKeys: aws.Int32(PageSize), KeyMarker: l.key, VersionIdMarker: l.id,
	})
	switch {
	case IsCode(err, CodeNoSuchBucket):
		return nil, false, nil
	case IsCode(err, "AccessDenied", "NotImplemented", "MethodNotAllowed", "XNotImplemented"):
		l.plain = true
		return l.nextPlain(ctx)
	case err != nil:
		return nil, false, err
	}
	page := l.identifiers(out)
	l.key, l.id = out.NextKeyMarker, out.NextVersionIdMarker
	return page, aws.ToBool(out.IsTruncated), nil
}

// identifiers says how to delete what is on a page of versions.
func (l *listing) identifiers(out *s3.ListObjectVersionsOutput) []types.ObjectIdentifier {
	page := make([]types.ObjectIdentifier, 0, len(out.Versions)+len(out.DeleteMarkers))
	for i, version := range out.Versions {
		id := version.VersionId
		if i == 0 && l.key != nil && aws.ToString(version.Key) == *l.key && aws.ToString(id) == aws.ToString(l.id) {
			// Some servers begin a page with the entry that ended the last one; it would be counted twice.
			continue
		}
		if aws.ToString(id) == "null" && aws.ToBool(version.IsLatest) {
			// In a bucket without versions, naming the version needs a right that the operator does not ask for. In one
			// with versions this makes a delete marker, and the next listing shows both by their ids.
			id = nil
		}
		page = append(page, types.ObjectIdentifier{Key: version.Key, VersionId: id})
	}
	for _, marker := range out.DeleteMarkers {
		page = append(page, types.ObjectIdentifier{Key: marker.Key, VersionId: marker.VersionId})
	}
	return page
}

func (l *listing) nextPlain(ctx context.Context) ([]types.ObjectIdentifier, bool, error) {
	out, err := Do(ctx, l.b.CallTimeout, l.b.Client.ListObjectsV2, &s3.ListObjectsV2Input{
		Bucket: &l.b.Name, MaxKeys: aws.Int32(PageSize), ContinuationToken: l.plainToken,
	})
	if IsCode(err, CodeNoSuchBucket) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	page := make([]types.ObjectIdentifier, 0, len(out.Contents))
	for _, object := range out.Contents {
		page = append(page, types.ObjectIdentifier{Key: object.Key})
	}
	l.plainToken = out.NextContinuationToken
	return page, aws.ToBool(out.IsTruncated), nil
}
