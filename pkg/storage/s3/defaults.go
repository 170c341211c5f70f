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
)

// lifecycleRule is the id of our rule among those of the bucket.
const lifecycleRule = "cleanup-incomplete-multipart-registry-uploads"

// setting is one default of a Managed bucket. apply reads first and writes on difference, so that running it again is
// cheap and repairs drift.
type setting struct {
	condition string
	success   string
	apply     func(ctx context.Context, result *storage.Result) (message string, err error)
}

// applyDefaults applies the settings in their fixed order. Each stands alone: a server without one of them still
// serves. The error is that of a cancelled context.
func (b *backend) applyDefaults(ctx context.Context, result *storage.Result) error {
	for _, s := range []setting{
		{names.StoragePublicAccessBlocked, "Public Access Block Successful", b.blockPublicAccess},
		{names.StorageTagged, "Tagging Successful", b.applyTags},
		{names.StorageEncrypted, "Encryption Successful", b.encrypt},
		{names.StorageIncompleteUploadCleanupEnabled, "Enable Cleanup Successful", b.cleanUpUploads},
	} {
		message, err := s.apply(ctx, result)
		switch {
		case cancelled(ctx):
			return fmt.Errorf("applying settings to %s: %w", b.config.where(), ctx.Err())
		case err != nil:
			failure := b.failure(message, err, operatorv1.ConditionFalse)
			if failure.ConditionReason == storage.UnknownError {
				failure.Status = operatorv1.ConditionFalse
			}
			result.Conditions = append(result.Conditions, *condition(s.condition, failure.Status, failure.ConditionReason, failure.Message))
			result.Incomplete = result.Incomplete || mayPass(err)
		default:
			result.Conditions = append(result.Conditions, *condition(s.condition, operatorv1.ConditionTrue, s.success, message))
		}
	}
	return nil
}

func (b *backend) blockPublicAccess(ctx context.Context, result *storage.Result) (string, error) {
	const done = "public access to the bucket and its content is blocked"
	yes := aws.Bool(true)
	want := types.PublicAccessBlockConfiguration{BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes}
	if !result.Created {
		have, err := do(ctx, b, b.client.GetPublicAccessBlock, &s3.GetPublicAccessBlockInput{Bucket: &b.config.Bucket})
		if err == nil && blocked(have.PublicAccessBlockConfiguration) {
			return done, nil
		}
	}
	_, err := do(ctx, b, b.client.PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{Bucket: &b.config.Bucket, PublicAccessBlockConfiguration: &want})
	if err != nil {
		return "blocking public access to " + b.config.where(), err
	}
	return done, nil
}

func blocked(c *types.PublicAccessBlockConfiguration) bool {
	return c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) &&
		aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets)
}

func (b *backend) encrypt(ctx context.Context, result *storage.Result) (string, error) {
	want := types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
	done := "default encryption with AES256 is on"
	if b.config.KeyID != "" {
		want = types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &b.config.KeyID}
		done = fmt.Sprintf("default encryption with aws:kms and key %s is on", b.config.KeyID)
	}
	if !result.Created {
		have, err := do(ctx, b, b.client.GetBucketEncryption, &s3.GetBucketEncryptionInput{Bucket: &b.config.Bucket})
		if err == nil && encrypted(have.ServerSideEncryptionConfiguration, want) {
			b.config.Encrypt = true
			return done, nil
		}
	}
	_, err := do(ctx, b, b.client.PutBucketEncryption, &s3.PutBucketEncryptionInput{
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

func encrypted(c *types.ServerSideEncryptionConfiguration, want types.ServerSideEncryptionByDefault) bool {
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
		have, err := do(ctx, b, b.client.GetBucketLifecycleConfiguration, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.config.Bucket})
		switch {
		case err == nil && slices.ContainsFunc(have.Rules, cleansUp):
			return done, nil
		case err == nil:
			put.LifecycleConfiguration.Rules = slices.DeleteFunc(have.Rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == lifecycleRule })
			put.TransitionDefaultMinimumObjectSize = have.TransitionDefaultMinimumObjectSize
		case !isCode(err, "NoSuchLifecycleConfiguration"):
			return "reading the lifecycle rules of " + b.config.where(), err
		}
	}
	put.LifecycleConfiguration.Rules = append(put.LifecycleConfiguration.Rules, types.LifecycleRule{
		ID:                             aws.String(lifecycleRule),
		Status:                         types.ExpirationStatusEnabled,
		Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
	})
	if _, err := do(ctx, b, b.client.PutBucketLifecycleConfiguration, put, b.withContentMD5()...); err != nil {
		return "enabling the clean-up of incomplete uploads of " + b.config.where(), err
	}
	return done, nil
}

func cleansUp(r types.LifecycleRule) bool {
	return aws.ToString(r.ID) == lifecycleRule && r.Status == types.ExpirationStatusEnabled &&
		r.AbortIncompleteMultipartUpload != nil && aws.ToInt32(r.AbortIncompleteMultipartUpload.DaysAfterInitiation) == 1
}
