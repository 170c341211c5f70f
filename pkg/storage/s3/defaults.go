package s3

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// lifecycleRule is the id of our rule among those of the bucket.
const lifecycleRule = "cleanup-incomplete-multipart-registry-uploads"

// setting is one default of a Managed bucket. apply reads first and writes on difference, so that running it again is
// cheap and repairs drift.
type setting struct {
	// condition tells how it is, and is its name among those that a check compares; name is the one for people.
	condition, name string
	success         string
	// holds tells, with one call, whether the setting is as apply leaves it.
	holds func(ctx context.Context) (bool, error)
	apply func(ctx context.Context, result *storage.Result) (message string, err error)
}

// settings are the defaults in their fixed order.
func (b *backend) settings() []setting {
	return []setting{
		{names.StoragePublicAccessBlocked, "the block of public access", "Public Access Block Successful", b.publicAccessBlocked, b.blockPublicAccess},
		{names.StorageTagged, "tags", "Tagging Successful", b.tagged, b.applyTags},
		{names.StorageEncrypted, "default encryption", "Encryption Successful", b.encrypted, b.encrypt},
		{names.StorageIncompleteUploadCleanupEnabled, "the clean-up of incomplete uploads", "Enable Cleanup Successful", b.uploadsCleanedUp, b.cleanUpUploads},
	}
}

// applyDefaults applies the settings. Each stands alone: a server without one of them still serves. The error is that of a
// cancelled context.
func (b *backend) applyDefaults(ctx context.Context, result *storage.Result) error {
	result.Looks = []storage.Look{nil}
	for _, s := range b.settings() {
		message, err := s.apply(ctx, result)
		switch {
		case transport.Cancelled(ctx):
			return fmt.Errorf("applying settings to %s: %w", b.config.where(), ctx.Err())
		case err != nil:
			failure := b.bucket.Failure(message, err, operatorv1.ConditionFalse)
			if failure.ConditionReason == storage.UnknownError {
				failure.Status = operatorv1.ConditionFalse
			}
			result.Conditions = append(result.Conditions, *s3api.Condition(s.condition, failure.Status, failure.ConditionReason, failure.Message))
			result.Incomplete = result.Incomplete || s3api.MayPass(err)
		default:
			result.Conditions = append(result.Conditions, *s3api.Condition(s.condition, operatorv1.ConditionTrue, s.success, message))
			if !b.unread[s.condition] {
				result.Looks = append(result.Looks, storage.Look{s.condition})
			}
		}
	}
	return nil
}

func (b *backend) blockPublicAccess(ctx context.Context, result *storage.Result) (string, error) {
	const done = "public access to the bucket and its content is blocked"
	yes := aws.Bool(true)
	want := types.PublicAccessBlockConfiguration{BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes}
	if !result.Created {
		holds, err := b.publicAccessBlocked(ctx)
		if holds {
			return done, nil
		}
		b.noteUnread(names.StoragePublicAccessBlocked, err)
	}
	_, err := s3api.Do(ctx, b.options.CallTimeout, b.client.PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{Bucket: &b.config.Bucket, PublicAccessBlockConfiguration: &want})
	if err != nil {
		return "blocking public access to " + b.config.where(), err
	}
	return done, nil
}

// noteUnread remembers that a setting could not be read. It may be written all the same, but is nothing to compare.
func (b *backend) noteUnread(condition string, err error) {
	if err != nil {
		b.unread[condition] = true
	}
}

func (b *backend) publicAccessBlocked(ctx context.Context) (bool, error) {
	have, err := s3api.Do(ctx, b.options.CallTimeout, b.client.GetPublicAccessBlock, &s3.GetPublicAccessBlockInput{Bucket: &b.config.Bucket})
	if s3api.IsCode(err, "NoSuchPublicAccessBlockConfiguration") {
		return false, nil
	}
	return err == nil && blocked(have.PublicAccessBlockConfiguration), err
}

func blocked(c *types.PublicAccessBlockConfiguration) bool {
	return c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) &&
		aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets)
}

func (b *backend) encrypt(ctx context.Context, result *storage.Result) (string, error) {
	want := b.wantedEncryption()
	done := "default encryption with AES256 is on"
	if b.config.KeyID != "" {
		done = fmt.Sprintf("default encryption with aws:kms and key %s is on", b.config.KeyID)
	}
	if !result.Created {
		holds, err := b.encrypted(ctx)
		if holds {
			b.config.Encrypt = true
			return done, nil
		}
		b.noteUnread(names.StorageEncrypted, err)
	}
	_, err := s3api.Do(ctx, b.options.CallTimeout, b.client.PutBucketEncryption, &s3.PutBucketEncryptionInput{
		Bucket: &b.config.Bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &want, BucketKeyEnabled: aws.Bool(true)}},
		},
	})
	if err != nil {
		return "turning on default encryption of " + b.config.where(), err
	}
	b.config.Encrypt = true
	return done, nil
}

func (b *backend) wantedEncryption() types.ServerSideEncryptionByDefault {
	if b.config.KeyID != "" {
		return types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &b.config.KeyID}
	}
	return types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
}

func (b *backend) encrypted(ctx context.Context) (bool, error) {
	have, err := s3api.Do(ctx, b.options.CallTimeout, b.client.GetBucketEncryption, &s3.GetBucketEncryptionInput{Bucket: &b.config.Bucket})
	if s3api.IsCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
		return false, nil
	}
	return err == nil && encrypts(have.ServerSideEncryptionConfiguration, b.wantedEncryption()), err
}

func encrypts(c *types.ServerSideEncryptionConfiguration, want types.ServerSideEncryptionByDefault) bool {
	if c == nil || len(c.Rules) != 1 || c.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return false
	}
	have := c.Rules[0].ApplyServerSideEncryptionByDefault
	return aws.ToBool(c.Rules[0].BucketKeyEnabled) && have.SSEAlgorithm == want.SSEAlgorithm &&
		aws.ToString(have.KMSMasterKeyID) == aws.ToString(want.KMSMasterKeyID)
}

// cleanUpUploads adds our rule beside those that others made.
func (b *backend) cleanUpUploads(ctx context.Context, result *storage.Result) (string, error) {
	const done = "incomplete uploads are cleaned up after one day"
	put := &s3.PutBucketLifecycleConfigurationInput{Bucket: &b.config.Bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{}}
	if !result.Created {
		have, err := b.lifecycle(ctx)
		switch {
		case err != nil:
			return "reading the lifecycle rules of " + b.config.where(), err
		case slices.ContainsFunc(have.Rules, cleansUp):
			return done, nil
		}
		put.LifecycleConfiguration.Rules = slices.DeleteFunc(have.Rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == lifecycleRule })
		put.TransitionDefaultMinimumObjectSize = have.TransitionDefaultMinimumObjectSize
	}
	put.LifecycleConfiguration.Rules = append(put.LifecycleConfiguration.Rules, types.LifecycleRule{
		ID:                             aws.String(lifecycleRule),
		Status:                         types.ExpirationStatusEnabled,
		Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
	})
	if _, err := s3api.Do(ctx, b.options.CallTimeout, b.client.PutBucketLifecycleConfiguration, put, b.bucket.ContentMD5()...); err != nil {
		return "enabling the clean-up of incomplete uploads of " + b.config.where(), err
	}
	return done, nil
}

// lifecycle reads the lifecycle rules of the bucket; none is not an error.
func (b *backend) lifecycle(ctx context.Context) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	have, err := s3api.Do(ctx, b.options.CallTimeout, b.client.GetBucketLifecycleConfiguration, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.config.Bucket})
	if s3api.IsCode(err, "NoSuchLifecycleConfiguration") {
		return &s3.GetBucketLifecycleConfigurationOutput{}, nil
	}
	return have, err
}

func (b *backend) uploadsCleanedUp(ctx context.Context) (bool, error) {
	have, err := b.lifecycle(ctx)
	return err == nil && slices.ContainsFunc(have.Rules, cleansUp), err
}

func cleansUp(r types.LifecycleRule) bool {
	return aws.ToString(r.ID) == lifecycleRule && r.Status == types.ExpirationStatusEnabled && forEverything(r.Filter) &&
		r.AbortIncompleteMultipartUpload != nil && aws.ToInt32(r.AbortIncompleteMultipartUpload.DaysAfterInitiation) == 1
}

// forEverything tells that a filter leaves nothing out. Our rule has one: a rule without it has the old form, with a
// prefix of its own, and somebody else wrote it.
func forEverything(f *types.LifecycleRuleFilter) bool {
	return f != nil && aws.ToString(f.Prefix) == "" && f.And == nil && f.Tag == nil &&
		f.ObjectSizeGreaterThan == nil && f.ObjectSizeLessThan == nil
}
