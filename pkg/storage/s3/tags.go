package s3

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
)

const (
	clusterTag = "kubernetes.io/cluster/"
	owned      = "owned"
)

// The range from + to @ is what the Infrastructure API admits; spaces are allowed there too.
var (
	tagKey   = regexp.MustCompile(`^[0-9A-Za-z_ +-@]{1,128}$`)
	tagValue = regexp.MustCompile(`^[0-9A-Za-z_ +-@]{0,256}$`)
	reserved = regexp.MustCompile(`^([^/]*\.)?(kubernetes|openshift)\.io/`)
)

// ownerTag is the mark of a bucket of this cluster.
func (b *backend) ownerTag() string { return clusterTag + b.cluster.infrastructure }

// wantedTags are the tags of a Managed bucket, and the keys of those that the cloud would refuse the whole set for.
func (b *backend) wantedTags() (tags map[string]string, skipped []string) {
	tags = map[string]string{
		b.ownerTag(): owned,
		"Name":       b.cluster.infrastructure + "-image-registry",
	}
	for _, tag := range b.cluster.tags {
		if !validTag(tag) {
			skipped = append(skipped, tag.Key)
			continue
		}
		tags[tag.Key] = tag.Value
	}
	return tags, skipped
}

func validTag(tag configv1.AWSResourceTag) bool {
	return tagKey.MatchString(tag.Key) && tagValue.MatchString(tag.Value) && !strings.EqualFold(tag.Key, "Name") &&
		!reserved.MatchString(tag.Key) && !strings.HasPrefix(strings.ToLower(tag.Key), "aws:")
}

// tags reads the tags of the bucket; none is not an error.
func (b *backend) tags(ctx context.Context) (map[string]string, error) {
	out, err := s3api.Do(ctx, b.options.CallTimeout, b.client.GetBucketTagging, &s3.GetBucketTaggingInput{Bucket: &b.config.Bucket})
	if s3api.IsCode(err, "NoSuchTagSet") {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// applyTags merges our tags into those of the bucket: what others put there stays.
func (b *backend) applyTags(ctx context.Context, result *storage.Result) (string, error) {
	wanted, skipped := b.wantedTags()
	done := "the tags of the cluster are set"
	if len(skipped) > 0 {
		done += fmt.Sprintf("; not valid for S3 and left out: %s", strings.Join(skipped, ", "))
	}
	have := map[string]string{}
	if !result.Created {
		var err error
		if have, err = b.tags(ctx); err != nil {
			return "reading the tags of " + b.config.where(), err
		}
	}
	if other := b.otherOwner(have); other != "" {
		return "tagging " + b.config.where(), &smithy.GenericAPIError{
			Code:    names.ReasonStorageNotOwned,
			Message: fmt.Sprintf("the bucket belongs to another cluster (tag %s); use a bucket of its own, or set spec.storage.managementState to Unmanaged", other),
		}
	}
	merged := maps.Clone(have)
	maps.Copy(merged, wanted)
	if maps.Equal(merged, have) {
		return done, nil
	}
	_, err := s3api.Do(ctx, b.options.CallTimeout, b.client.PutBucketTagging, &s3.PutBucketTaggingInput{Bucket: &b.config.Bucket, Tagging: &types.Tagging{TagSet: tagSet(merged)}})
	if err != nil {
		action := "tagging " + b.config.where()
		result.Notes = append(result.Notes, storage.Note{Warning: true, Reason: names.EventUpdateAWSTags, Message: fmt.Sprintf("%s: %s", action, b.explain(err))})
		return action, err
	}
	if !result.Created {
		result.Notes = append(result.Notes, storage.Note{Reason: names.EventUpdateAWSTags, Message: "updated the tags of " + b.config.where()})
	}
	return done, nil
}

// tagged tells whether the bucket has all of our tags, and none of another owner.
func (b *backend) tagged(ctx context.Context) (bool, error) {
	have, err := b.tags(ctx)
	wanted, _ := b.wantedTags()
	maps.DeleteFunc(wanted, func(key, value string) bool {
		got, set := have[key]
		return set && got == value
	})
	return err == nil && len(wanted) == 0 && b.otherOwner(have) == "", err
}

// otherOwner is the tag of another cluster that owns the bucket; its mark must not be joined by ours.
func (b *backend) otherOwner(tags map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if strings.HasPrefix(key, clusterTag) && key != b.ownerTag() && tags[key] == owned {
			return key
		}
	}
	return ""
}

func tagSet(tags map[string]string) []types.Tag {
	set := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return set
}
