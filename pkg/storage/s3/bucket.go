package s3

import (
	"context"
	"errors"
	"slices"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Reasons of StorageExists.
const (
	reasonExists  = "S3 Bucket Exists"
	reasonDeleted = "S3 Bucket Deleted"
)

// Plan implements storage.Backend.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	if !b.given {
		return plan, nil
	}
	if drifted, err := b.compare(ctx); err == nil {
		plan.Exists, plan.Condition, plan.Drifted = true, b.bucket.Exists(), drifted
		return plan, nil
	} else if !errors.Is(err, errNothingToCompare) {
		plan.Unread = !s3api.MayPass(err)
	}
	found, seen, err := b.bucket.Look(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	plan.Exists, plan.Condition = found == s3api.Present, seen
	if found == s3api.Absent || !b.in.Decide {
		return plan, nil
	}
	ours, err := b.madeHere(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	if !ours {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	return plan, nil
}

var errNothingToCompare = errors.New("the look names no setting")

// compare reads the setting that the look names, and says which has drifted. Only a bucket that is there has settings to
// read, so that HEAD is not needed as well. An answer that refuses says too little about the bucket.
func (b *backend) compare(ctx context.Context) (drifted string, err error) {
	for _, s := range b.settings() {
		if !slices.Contains(b.in.Look, s.condition) {
			continue
		}
		holds, err := s.holds(ctx)
		if err == nil && !holds {
			drifted = s.name
		}
		return drifted, err
	}
	return "", errNothingToCompare
}

// madeHere tells whether a bucket that was given by name is in fact the one that this operator makes.
func (b *backend) madeHere(ctx context.Context) (bool, error) {
	if b.in.Created {
		return true, nil
	}
	if !b.nameGenerated() {
		return false, nil
	}
	tags, err := b.tags(ctx)
	if err != nil {
		if transport.Cancelled(ctx) || s3api.MayPass(err) {
			return false, b.bucket.Failure("reading the tags of "+b.config.where(), err, operatorv1.ConditionUnknown)
		}
		return false, nil
	}
	return tags[b.ownerTag()] == owned, nil
}

func (b *backend) nameGenerated() bool {
	return b.config.Bucket == storage.DeterministicName(b.cluster.infrastructure, b.config.Region)
}

// Ensure implements storage.Backend.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	result := storage.Result{Facts: storage.Facts{factCredentials: []byte(b.text)}}
	found, seen, err := b.bucket.Look(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	if found != s3api.Present {
		existed, err := b.bucket.Create(ctx)
		if err != nil {
			return storage.Result{}, err
		}
		// Reported only for what this call, or an earlier one under the generated name, has made.
		result.Created = !existed || b.nameGenerated()
		seen = s3api.Condition(names.StorageExists, operatorv1.ConditionTrue, s3api.ReasonCreated, b.config.where()+" was created")
		settled, err := b.bucket.Settled(ctx)
		if err != nil {
			return result, err
		}
		if !settled {
			result.RetryAfter, result.Conditions = s3api.SettleDelay, []operatorv1.OperatorCondition{b.bucket.Unsettled()}
			return result, nil
		}
	}
	result.Conditions = []operatorv1.OperatorCondition{*seen}
	if b.in.Managed {
		if err := b.applyDefaults(ctx, &result); err != nil {
			return result, err
		}
	}
	result.Coordinates = b.coordinates()
	return result, nil
}
