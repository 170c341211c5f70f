package ibmcos

import (
	"context"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
)

// Reasons of StorageExists; those of instance and key mark the way to a bucket.
const (
	reasonInstanceProvisioning = "IBM COS Instance Provisioning"
	reasonInstanceGone         = "IBM COS Instance Gone"
	reasonInstanceCreated      = "IBM COS Instance Creation Successful"
	reasonKeyCreated           = "IBM COS Resource Key Creation Successful"
	reasonExists               = "IBM COS Bucket Exists"
	reasonDeleted              = "IBM COS Bucket Deleted"
)

const (
	// recordDelay lets the controller come back at once: the next Plan records what was made.
	recordDelay = time.Second
	// provisionDelay is how long to give the cloud with a service instance.
	provisionDelay = 5 * time.Second
)

// Ensure implements storage.Backend. It makes one thing per call: until the next Plan has recorded it nothing follows.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	if _, err := b.session.identify(ctx); err != nil {
		return storage.Result{}, b.failure(ctx, "signing in at IBM Cloud", err)
	}
	wait, err := b.ensureInstance(ctx)
	if wait == nil && err == nil {
		wait, err = b.ensureKey(ctx)
	}
	if err != nil {
		return storage.Result{}, err
	}
	if wait != nil {
		return *wait, nil
	}
	facts, err := b.facts(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	return b.ensureBucket(ctx, facts)
}

// waiting is a result to come back to.
func waiting(after time.Duration, reason, message string) *storage.Result {
	return &storage.Result{RetryAfter: after, Conditions: exists(operatorv1.ConditionFalse, reason, message)}
}

// ensureInstance returns nil when the instance is ready.
func (b *backend) ensureInstance(ctx context.Context) (*storage.Result, error) {
	if b.config.ServiceInstanceCRN == "" {
		return b.makeInstance(ctx)
	}
	i, err := b.session.instance(ctx, b.config.ServiceInstanceCRN)
	switch {
	case err != nil:
		return nil, b.failure(ctx, "reading "+b.instanceText(), err)
	case i.State == stateProvisioning:
		return waiting(provisionDelay, reasonInstanceProvisioning, b.instanceText()+" is being provisioned"), nil
	case i.gone():
		return waiting(recordDelay, reasonInstanceGone, fmt.Sprintf("%s is gone (state %s); another takes its place", b.instanceText(), i.State)), nil
	}
	name, err := b.session.groupName(ctx, i.Group)
	switch {
	case err == nil:
		b.config.ResourceGroupName = name
	case !hidden(err):
		return nil, b.failure(ctx, "reading the resource group of "+b.instanceText(), err)
	}
	// It is only shown. Who was given instance and key need not see resource groups.
	return nil, nil
}

// makeInstance makes the service instance, unless an earlier call did and nobody has recorded it.
func (b *backend) makeInstance(ctx context.Context) (*storage.Result, error) {
	group, err := b.group(ctx)
	if err != nil {
		return nil, err
	}
	name := b.cluster.resourceName()
	i, found, err := b.session.findInstance(ctx, name, group)
	if err == nil && !found {
		klog.InfoS("creating service instance", "kind", storage.IBMCOS, "name", name, "resourceGroup", b.config.ResourceGroupName)
		i, err = b.session.createInstance(ctx, name, group, b.cluster.ownerTag())
	}
	if err != nil {
		return nil, b.failure(ctx, "creating service instance "+name, err)
	}
	return waiting(recordDelay, reasonInstanceCreated, "service instance "+i.CRN+" was created"), nil
}

// ensureKey returns nil when there is a key.
func (b *backend) ensureKey(ctx context.Context) (*storage.Result, error) {
	if b.config.ResourceKeyCRN != "" {
		return nil, nil
	}
	k, err := b.makeKey(ctx)
	if err != nil {
		return nil, err
	}
	return waiting(recordDelay, reasonKeyCreated, "resource key "+k.CRN+" was created"), nil
}

// ensureBucket ends the way: the bucket is there, or is made.
func (b *backend) ensureBucket(ctx context.Context, facts storage.Facts) (storage.Result, error) {
	if b.config.Bucket == "" {
		return storage.Result{}, incomplete("MissingBucket", "no bucket was planned")
	}
	result := storage.Result{Facts: facts, Coordinates: b.coordinates(), Looks: []storage.Look{nil, keyLook(facts)}, Notes: b.notes}
	found, seen, err := b.look(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	if found == s3api.Present {
		result.Conditions = []operatorv1.OperatorCondition{*seen}
		return result, nil
	}
	bucket := b.bucket()
	existed, err := bucket.Create(ctx)
	if err != nil {
		return storage.Result{}, err
	}
	result.Created = !existed
	result.Conditions = exists(operatorv1.ConditionTrue, s3api.ReasonCreated, b.where()+" was created")
	settled, err := bucket.Settled(ctx)
	if err != nil {
		return result, err
	}
	if !settled {
		result.RetryAfter, result.Conditions = s3api.SettleDelay, []operatorv1.OperatorCondition{bucket.Unsettled()}
	}
	return result, nil
}
