package gcs

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// setting is one default of a Managed bucket. apply compares with the attributes that have just been read and writes on
// difference: running it again costs nothing and repairs drift.
type setting struct {
	// condition tells how it is, and is its name among those that a check compares; name is the one for people.
	condition, name string
	success         string
	// holds tells whether the setting is as apply leaves it.
	holds func(found *bucket) bool
	apply func(ctx context.Context, found *bucket) (message string, err error)
}

// settings are the defaults in their fixed order.
func (b *backend) settings() []setting {
	settings := []setting{{names.StorageLabeled, "labels", "Bucket Labeled Successfully", b.labeled, b.label}}
	if b.config.KeyID != "" {
		settings = append(settings, setting{names.StorageEncrypted, "the default key", "Encryption Successful", b.encrypted, b.encrypt})
	}
	return append(settings, setting{
		names.StoragePublicAccessBlocked, "the prevention of public access", "Public Access Block Successful", (*bucket).private, b.blockPublicAccess,
	})
}

// drifted names the settings that are to be compared and do not hold.
func (b *backend) drifted(found *bucket) string {
	var drifted []string
	for _, s := range b.settings() {
		if slices.Contains(b.in.Look, s.condition) && !s.holds(found) {
			drifted = append(drifted, s.name)
		}
	}
	return strings.Join(drifted, ", ")
}

// applyDefaults applies the settings. Each stands alone: a bucket without one of them still serves. The error is that of a
// cancelled context.
func (b *backend) applyDefaults(ctx context.Context, found *bucket, result *storage.Result) error {
	var look storage.Look
	for _, s := range b.settings() {
		message, err := s.apply(ctx, found)
		switch {
		case transport.Cancelled(ctx):
			return fmt.Errorf("applying settings to %s: %w", b.config.where(), ctx.Err())
		case err != nil:
			failure := b.failure(message, err, operatorv1.ConditionFalse)
			result.Conditions = append(result.Conditions, *condition(s.condition, operatorv1.ConditionFalse, failure.ConditionReason, failure.Message))
			result.Incomplete = result.Incomplete || mayPass(err)
		default:
			result.Conditions = append(result.Conditions, *condition(s.condition, operatorv1.ConditionTrue, s.success, message))
			look = append(look, s.condition)
		}
	}
	result.Looks = []storage.Look{look}
	return b.applyTags(ctx, found, result)
}

// label adds our labels to those of the bucket: what others put there stays.
func (b *backend) label(ctx context.Context, found *bucket) (string, error) {
	if other := b.otherOwner(found.Labels); other != "" {
		return "labelling " + b.config.where(), &apiError{
			status: http.StatusConflict,
			message: fmt.Sprintf("the bucket belongs to another cluster (label %s); use a bucket of its own, "+
				"or set spec.storage.managementState to Unmanaged", other),
		}
	}
	const done = "the labels of the cluster are set"
	missing := b.missingLabels(found)
	if len(missing) == 0 {
		return done, nil
	}
	return outcome("labelling "+b.config.where(), done, b.client.patchBucket(ctx, b.config.Bucket, bucket{Labels: missing}))
}

func (b *backend) missingLabels(found *bucket) map[string]string {
	missing := b.cluster.wantedLabels()
	maps.DeleteFunc(missing, func(key, value string) bool {
		have, set := found.Labels[key]
		return set && have == value
	})
	return missing
}

func (b *backend) labeled(found *bucket) bool {
	return b.otherOwner(found.Labels) == "" && len(b.missingLabels(found)) == 0
}

// otherOwner is the label of another cluster that owns the bucket; its mark must not be joined by ours.
func (b *backend) otherOwner(labels map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if strings.HasPrefix(key, ownerLabel) && key != b.cluster.mark() && labels[key] == owned {
			return key
		}
	}
	return ""
}

// encrypt makes the key the default for what is written from now on; what is there keeps the key it was written with.
func (b *backend) encrypt(ctx context.Context, found *bucket) (string, error) {
	done := "default encryption with key " + b.config.KeyID + " is on"
	if b.encrypted(found) {
		return done, nil
	}
	return outcome("encrypting "+b.config.where()+" with key "+b.config.KeyID, done,
		b.client.patchBucket(ctx, b.config.Bucket, bucket{Encryption: &encryption{DefaultKMSKeyName: b.config.KeyID}}))
}

func (b *backend) encrypted(found *bucket) bool { return found.kmsKey() == b.config.KeyID }

// blockPublicAccess restores what creation set. Changing it later needs the right to set policies, which is more than the
// operator asks for: where it is refused, the condition says so and the registry goes on.
func (b *backend) blockPublicAccess(ctx context.Context, found *bucket) (string, error) {
	const done = "public access to the bucket and its content is prevented"
	if found.private() {
		return done, nil
	}
	err := b.client.patchBucket(ctx, b.config.Bucket, bucket{IAMConfiguration: &iamConfiguration{PublicAccessPrevention: enforced}})
	action := "preventing public access to " + b.config.where()
	if isStatus(err, http.StatusForbidden) {
		action += " (storage.buckets.update and storage.buckets.setIamPolicy; or set public access prevention of the bucket to enforced yourself)"
	}
	return outcome(action, done, err)
}

func outcome(action, done string, err error) (string, error) {
	if err != nil {
		return action, err
	}
	return done, nil
}
