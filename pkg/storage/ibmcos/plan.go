package ibmcos

import (
	"context"
	"errors"
	"fmt"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Plan implements storage.Backend. With complete coordinates and a bucket that is there it is one HEAD, or one look at the
// key; else it finds out, by their names, which of instance and key exist: what an earlier Ensure made is recorded before the
// next is made.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	if _, err := b.session.identify(ctx); err != nil {
		return storage.Plan{}, b.failure(ctx, "signing in at IBM Cloud", err)
	}
	drifted, err := b.compareKey(ctx)
	if err == nil {
		// Of the bucket this says nothing: it is looked at by the next check, as by the one before.
		state, err := b.state(ctx, true, false)
		return storage.Plan{Coordinates: b.coordinates(), ManagementState: state, Exists: true, Drifted: drifted}, err
	}
	plan, failure := b.find(ctx)
	plan.Unread = !errors.Is(err, errNothingToCompare) && !mayPass(err)
	return plan, failure
}

// find looks for the bucket and what belongs to it.
func (b *backend) find(ctx context.Context) (storage.Plan, error) {
	plan := storage.Plan{ManagementState: imageregistryv1.StorageManagementStateManaged}
	if b.config.Bucket != "" && b.config.ServiceInstanceCRN != "" {
		found, seen, err := b.look(ctx)
		if err != nil {
			return storage.Plan{}, err
		}
		plan.Exists, plan.Condition = found == s3api.Present, seen
	}
	replaced, err := b.complete(ctx, plan.Exists)
	if err != nil {
		return storage.Plan{}, err
	}
	if plan.ManagementState, err = b.state(ctx, plan.Exists, replaced); err != nil {
		return storage.Plan{}, err
	}
	if b.config.Bucket == "" || replaced && b.nameGenerated() {
		// The name of a bucket that went with its instance stays taken for days.
		b.config.Bucket = storage.RandomName(b.cluster.infrastructure, b.config.Location)
	}
	plan.Coordinates = b.coordinates()
	return plan, nil
}

// look asks for the bucket. A token that was refused is not used again.
func (b *backend) look(ctx context.Context) (s3api.Presence, *operatorv1.OperatorCondition, error) {
	found, seen, err := b.bucket().Look(ctx)
	if err != nil && s3api.AboutCredentials(err) {
		b.session.forget()
	}
	return found, seen, err
}

// state decides whether the bucket is the operator's to manage. Without being asked it repeats what was decided: the
// coordinates become more complete from step to step, which is no new location.
func (b *backend) state(ctx context.Context, exists, replaced bool) (string, error) {
	const managed, unmanaged = imageregistryv1.StorageManagementStateManaged, imageregistryv1.StorageManagementStateUnmanaged
	switch {
	case replaced, !exists:
		return managed, nil
	case !b.in.Decide && b.in.Managed:
		return managed, nil
	case !b.in.Decide:
		return unmanaged, nil
	}
	ours, err := b.madeHere(ctx)
	if err != nil || ours {
		return managed, err
	}
	return unmanaged, nil
}

// nameGenerated tells whether the bucket's name is one that the operator makes up.
func (b *backend) nameGenerated() bool {
	pattern := storage.RandomName(b.cluster.infrastructure, b.config.Location)
	fixed := len(storage.DeterministicName(b.cluster.infrastructure, b.config.Location))
	return len(b.config.Bucket) == len(pattern) && strings.HasPrefix(b.config.Bucket, pattern[:min(fixed, len(pattern)-1)])
}

// madeHere tells whether the bucket is one that the operator made.
func (b *backend) madeHere(ctx context.Context) (bool, error) {
	if b.in.Created {
		return true, nil
	}
	i, err := b.session.instance(ctx, b.config.ServiceInstanceCRN)
	if err != nil {
		if transport.Cancelled(ctx) || mayPass(err) {
			return false, b.failure(ctx, "reading "+b.instanceText(), err)
		}
		return false, nil
	}
	return i.Name == b.cluster.resourceName(), nil
}

// complete fills in the CRNs of what exists. replaced tells that the instance which was given is gone, and that the one in
// its place, or to be made, is the operator's.
func (b *backend) complete(ctx context.Context, exists bool) (replaced bool, err error) {
	if exists && b.config.ResourceKeyCRN != "" {
		return false, nil
	}
	if !exists {
		if replaced, err = b.completeInstance(ctx); err != nil {
			return false, err
		}
	}
	return replaced, b.completeKey(ctx)
}

func (b *backend) completeInstance(ctx context.Context) (replaced bool, err error) {
	if b.config.ServiceInstanceCRN != "" {
		i, err := b.session.instance(ctx, b.config.ServiceInstanceCRN)
		switch {
		case err != nil:
			return false, b.failure(ctx, "reading "+b.instanceText(), err)
		case !i.gone():
			return false, nil
		}
		b.config.ServiceInstanceCRN, replaced = "", true
	}
	group, err := b.group(ctx)
	if err != nil {
		return false, err
	}
	i, found, err := b.session.findInstance(ctx, b.cluster.resourceName(), group)
	if err != nil {
		return false, b.failure(ctx, "looking for service instance "+b.cluster.resourceName(), err)
	}
	if found {
		b.config.ServiceInstanceCRN = i.CRN
	}
	return replaced, nil
}

// completeKey finds the key of the instance. One that is gone, by itself or with its instance, is replaced.
func (b *backend) completeKey(ctx context.Context) error {
	if b.config.ResourceKeyCRN != "" {
		gone, err := b.keyGone(ctx)
		if err != nil || !gone {
			return err
		}
		b.config.ResourceKeyCRN = ""
	}
	if b.config.ServiceInstanceCRN == "" {
		return nil
	}
	k, found, err := b.session.findKey(ctx, b.cluster.resourceName(), b.config.ServiceInstanceCRN)
	if err != nil {
		return b.failure(ctx, "looking for resource key "+b.cluster.resourceName(), err)
	}
	if found {
		b.config.ResourceKeyCRN = k.CRN
	}
	return nil
}

// keyGone tells whether the key that was given will never work again.
func (b *backend) keyGone(ctx context.Context) (bool, error) {
	k, err := b.session.key(ctx, b.config.ResourceKeyCRN)
	switch {
	case lost(k, err):
		return true, nil
	case err != nil:
		return false, b.failure(ctx, "reading "+b.keyText(), err)
	case k.Source == b.config.ServiceInstanceCRN:
		return false, nil
	}
	i, err := b.session.instance(ctx, k.Source)
	switch {
	case err == nil:
		return i.gone(), nil
	case notFound(err):
		return true, nil
	}
	return false, b.failure(ctx, "reading the service instance of "+b.keyText(), err)
}

// group is the id of the resource group in which the instance is, or will be.
func (b *backend) group(ctx context.Context) (string, error) {
	name := b.config.ResourceGroupName
	if name == "" {
		return "", incomplete("MissingResourceGroup",
			"infrastructure cluster names no resource group; set spec.storage.ibmcos.resourceGroupName")
	}
	g, found, err := b.session.group(ctx, name)
	switch {
	case err != nil:
		return "", b.failure(ctx, "looking for resource group "+name, err)
	case !found:
		return "", incomplete("ResourceGroupNotFound", fmt.Sprintf(
			"the account of the API key of secret %s has no resource group %s, or the key may not see it; correct spec.storage.ibmcos.resourceGroupName",
			b.secret, name))
	}
	return g.ID, nil
}

func (b *backend) instanceText() string { return "service instance " + b.config.ServiceInstanceCRN }

func (b *backend) keyText() string { return "resource key " + b.config.ResourceKeyCRN }

func exists(status operatorv1.ConditionStatus, reason, message string) []operatorv1.OperatorCondition {
	return []operatorv1.OperatorCondition{*s3api.Condition(names.StorageExists, status, reason, message)}
}
