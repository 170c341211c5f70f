package s3server

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

var errNoBucket = errors.New("no such bucket")

// owners lists all buckets with the key ids of their owners.
func (g *gateway) owners(ctx context.Context) ([]s3response.Bucket, error) {
	buckets, err := g.backend.ListBucketsAndOwners(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing buckets: %w", err)
	}
	return buckets, nil
}

// owner returns the key id of the bucket's owner.
func (g *gateway) owner(ctx context.Context, bucket string) (string, error) {
	buckets, err := g.owners(ctx)
	if err != nil {
		return "", err
	}
	for _, found := range buckets {
		if found.Name == bucket {
			return found.Owner, nil
		}
	}
	return "", fmt.Errorf("owner of %s: %w", bucket, errNoBucket)
}

// tags returns the tags of a bucket, none for one that has no set of them.
func (g *gateway) tags(ctx context.Context, bucket string) (map[string]string, error) {
	tags, err := g.backend.GetBucketTagging(ctx, bucket)
	var known s3err.S3Error
	if errors.As(err, &known) && known.BaseError().Code == "NoSuchTagSet" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tags of bucket %s: %w", bucket, err)
	}
	return tags, nil
}

// objects lists all objects of a bucket.
func (g *gateway) objects(ctx context.Context, bucket string) ([]Object, error) {
	if _, err := g.owner(ctx, bucket); err != nil {
		return nil, err
	}
	objects := []Object{}
	var next *string
	for {
		// The backend takes no nil here, unlike the SDK's client.
		page, err := g.backend.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: aws.String(bucket), Prefix: aws.String(""), Delimiter: aws.String(""), StartAfter: aws.String(""),
			MaxKeys: aws.Int32(1000), ContinuationToken: next, FetchOwner: aws.Bool(false),
		})
		if err != nil {
			return nil, fmt.Errorf("listing bucket %s: %w", bucket, err)
		}
		for _, object := range page.Contents {
			objects = append(objects, Object{Key: aws.ToString(object.Key), Size: aws.ToInt64(object.Size)})
		}
		if !aws.ToBool(page.IsTruncated) {
			return objects, nil
		}
		next = page.NextContinuationToken
	}
}
