package storage

import (
	"context"
	"fmt"
	"slices"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// remove takes the storage away, in this order: wait for the registry to be gone, the medium a step at a time,
// status.storage, the finalizer.
func (p *pass) remove(ctx context.Context) outcome {
	if left, err := p.endMove(ctx); err != nil {
		return unwritten(p.config, err)
	} else if left {
		// The watch brings us back.
		return outcome{
			reason: names.ReasonStorageRemoving, message: fmt.Sprintf("waiting for job %s/%s to be gone", names.OperatorNamespace, names.Move),
			conditions: existing(p.config),
		}
	}
	used := len(storage.Configured(&p.config.Status.Storage)) > 0
	if !used && p.config.DeletionTimestamp == nil {
		return p.removed(p.leftConditions())
	}
	if left, err := p.registryLeft(); err != nil {
		return failure(p.config, err)
	} else if left != "" {
		// The watches of both bring us back.
		return outcome{reason: names.ReasonStorageRemoving, message: "waiting for " + left + " to be gone", conditions: existing(p.config)}
	}
	if !used {
		return p.removed(p.leftConditions())
	}
	if !mayRemove(p.config) {
		return p.leave(ctx)
	}
	return p.removeMedium(ctx)
}

// registryLeft names what is left of the registry; storage under a running registry must not be removed.
func (p *pass) registryLeft() (string, error) {
	deployment, err := p.deployment()
	if err != nil {
		return "", err
	}
	if deployment != nil {
		return fmt.Sprintf("deployment %s/%s", names.OperatorNamespace, names.Registry), nil
	}
	pods, err := p.pods()
	if err != nil || len(pods) == 0 {
		return "", err
	}
	return fmt.Sprintf("%d registry pods", len(pods)), nil
}

// removeMedium does a step of the removal, unless one has to wait.
func (p *pass) removeMedium(ctx context.Context) outcome {
	in, err := p.inputs()
	if err != nil {
		return failure(p.config, err)
	}
	in.Coordinates = *p.config.Status.Storage.DeepCopy()
	in.Managed, in.Created = true, p.created(in.Coordinates)
	driver, err := p.Drivers.Select(&in.Coordinates)
	if err != nil {
		return failure(p.config, unremovable(in.Coordinates, err))
	}
	now, inputs := p.Clock.Now(), p.fingerprint(in, driver)
	if p.memory.settled(inputs, now) {
		return p.memory.last
	}
	p.memory.reset(inputs)
	progress, err := step(ctx, driver, in)
	switch {
	case ended(ctx):
		return outcome{err: ctx.Err()}
	case err != nil:
		o := failure(p.config, err)
		if !o.permanent() {
			o.message = fmt.Sprintf("removing storage: %v (to keep the storage and go on, set spec.storage.managementState to Unmanaged)", err)
		}
		o = p.memory.failed(o, now)
		logFailure(err, driver.Kind, o.next.Sub(now))
		return o
	case !progress.Done:
		p.memory.failures = 0
		p.memory.last = outcome{
			reason: names.ReasonStorageRemoving, message: progress.Message, conditions: progress.Conditions, next: now.Add(progress.RetryAfter),
		}
		return p.memory.last
	}
	// What follows are writes to the cluster, which may have to wait for the cache: the next sync starts over, and finds
	// the medium gone.
	p.memory.reset("")
	p.recorder.Eventf(names.EventStorageRemoved, "removed storage %s", storage.Describe(in.Coordinates))
	if p.config.DeletionTimestamp == nil {
		if err := p.patch(ctx, forgotten(p.config.Spec.Storage, driver.Forget)...); err != nil {
			return unwritten(p.config, err)
		}
	}
	return p.clear(ctx, progress.Conditions)
}

// unremovable is the error for storage that this release has no driver for, or that is more than one.
func unremovable(coordinates storage.Coordinates, err error) error {
	removal := storage.NotSupported("")
	removal.Err = err
	removal.Message = fmt.Sprintf("storage %s cannot be removed by this release of the operator; "+
		"to leave it where it is and go on, set spec.storage.managementState to Unmanaged", storage.Describe(coordinates))
	return removal
}

func step(ctx context.Context, driver storage.Driver, in storage.Inputs) (storage.Progress, error) {
	backend, err := driver.New(in)
	if err != nil {
		return storage.Progress{}, err
	}
	return backend.Remove(ctx)
}

// leave stops using storage that is not ours to remove.
func (p *pass) leave(ctx context.Context) outcome {
	used := p.config.Status.Storage
	if used.ManagementState == imageregistryv1.StorageManagementStateManaged &&
		p.config.Spec.Storage.ManagementState == imageregistryv1.StorageManagementStateManaged {
		p.recorder.Warningf(names.EventStorageOrphaned, "storage %s is left behind with its content: spec.storage no longer names it",
			storage.Describe(used))
	} else {
		p.recorder.Eventf(names.EventStorageKept, "storage %s is kept with its content: its management state is not Managed", storage.Describe(used))
	}
	return p.clear(ctx, nil)
}

// clear forgets the storage that is gone or left behind, and the one before it.
func (p *pass) clear(ctx context.Context, conditions []operatorv1.OperatorCondition) outcome {
	if _, found := p.config.Annotations[names.StorageLeftAnnotation]; found {
		if err := p.patch(ctx, operatorclient.Remove("/metadata/annotations/"+pointer(names.StorageLeftAnnotation))); err != nil {
			return unwritten(p.config, err)
		}
	}
	if err := p.replaceStorage(ctx, imageregistryv1.ImageRegistryConfigStorage{}, p.config.Status.StorageManaged); err != nil {
		return unwritten(p.config, err)
	}
	return p.removed(conditions)
}

// removed is the end of a removal: nothing is used any more.
func (p *pass) removed(conditions []operatorv1.OperatorCondition) outcome {
	p.memory = memory{}
	p.Metrics.StorageType("")
	return outcome{message: "storage is removed", conditions: conditions, after: p.release}
}

// leftConditions keeps what a removal said last: that the medium is gone.
func (p *pass) leftConditions() []operatorv1.OperatorCondition {
	return slices.DeleteFunc(existing(p.config), func(c operatorv1.OperatorCondition) bool {
		return c.Type != names.StorageExists || c.Status != operatorv1.ConditionFalse
	})
}

// release lets go of what a removal leaves: credentials, and the object itself when it is being deleted.
func (p *pass) release(ctx context.Context) error {
	if err := p.dropSecret(ctx, names.StoragePair); err != nil {
		return err
	}
	if p.config.DeletionTimestamp == nil {
		return nil
	}
	config, err := p.Client.Config()
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	// The status has just been written: the cached object is as new as any.
	p.config = p.configs.newer(config)
	rest := slices.DeleteFunc(slices.Clone(p.config.Finalizers), func(f string) bool { return f == names.Finalizer })
	if err := p.patch(ctx, operatorclient.Set("/metadata/finalizers", rest)); err != nil {
		return err
	}
	p.recorder.Eventf(names.EventConfigDeleted, "Config %s is deleted, the registry and its storage have been dealt with", names.Cluster)
	return nil
}
