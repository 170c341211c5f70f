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
// status.storage, the finalizer. A medium that was to be the next one goes before the one in use.
func (p *pass) remove(ctx context.Context) outcome {
	if left, err := p.endJob(ctx); err != nil {
		return unwritten(p.config, err)
	} else if left {
		// The watch brings us back.
		return outcome{
			reason: names.ReasonStorageRemoving, message: fmt.Sprintf("waiting for job %s/%s to be gone", names.OperatorNamespace, names.Move),
			conditions: existing(p.config),
		}
	}
	used := len(storage.Configured(&p.config.Status.Storage)) > 0
	place, ours, begun := unpublished(p.config)
	if !used && !begun && p.config.DeletionTimestamp == nil {
		return p.removed(p.leftConditions())
	}
	if left, err := p.registryLeft(); err != nil {
		return failure(p.config, err)
	} else if left != "" {
		// The watches of both bring us back.
		return outcome{reason: names.ReasonStorageRemoving, message: "waiting for " + left + " to be gone", conditions: existing(p.config)}
	}
	switch {
	case begun:
		return p.abandon(ctx, place, ours)
	case !used:
		return p.removed(p.leftConditions())
	case !mayRemove(p.config):
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

// removeMedium removes the medium that the registry was on, and then what Config knows of it.
func (p *pass) removeMedium(ctx context.Context) outcome {
	used := p.config.Status.Storage
	progress, o := p.demolish(ctx, used)
	if !progress.Done {
		return o
	}
	p.recorder.Eventf(names.EventStorageRemoved, "removed storage %s", storage.Describe(used))
	if err := p.forget(ctx, used, true); err != nil {
		return unwritten(p.config, err)
	}
	if err := p.empty(ctx); err != nil {
		return unwritten(p.config, err)
	}
	return p.removed(progress.Conditions)
}

// demolish does a step of the removal of the medium at coordinates, unless one has to wait. Until that is done, the outcome
// says how far it is.
func (p *pass) demolish(ctx context.Context, coordinates storage.Coordinates) (storage.Progress, outcome) {
	in, err := p.inputs()
	if err != nil {
		return storage.Progress{}, failure(p.config, err)
	}
	in.Coordinates = *coordinates.DeepCopy()
	in.Managed, in.Created = true, p.created(in.Coordinates)
	driver, err := p.Drivers.Select(&in.Coordinates)
	if err != nil {
		return storage.Progress{}, failure(p.config, unremovable(in.Coordinates, err))
	}
	now, inputs := p.Clock.Now(), p.fingerprint(in, driver, observed(driver, in))
	if p.memory.settled(inputs, now) {
		return storage.Progress{}, p.memory.last
	}
	p.memory.reset(inputs)
	progress, err := step(ctx, driver, in)
	switch {
	case ended(ctx):
		return storage.Progress{}, outcome{err: ctx.Err()}
	case err != nil:
		o := failure(p.config, err)
		if !o.permanent() {
			o.message = fmt.Sprintf("removing storage: %v (to keep the storage and go on, set spec.storage.managementState to Unmanaged)", err)
		}
		o = p.memory.failed(o, now)
		logFailure(err, driver.Kind, o.next.Sub(now))
		return storage.Progress{}, o
	case !progress.Done:
		p.memory.failures = 0
		p.memory.last = outcome{
			reason: names.ReasonStorageRemoving, message: progress.Message, conditions: progress.Conditions, next: now.Add(progress.RetryAfter),
		}
		return progress, p.memory.last
	}
	// What follows are writes to the cluster, which may have to wait for the cache: the next sync starts over, and finds
	// the medium gone.
	p.memory.reset("")
	return progress, outcome{}
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
	behind := p.part()
	if err := p.forget(ctx, p.config.Status.Storage, false); err != nil {
		return unwritten(p.config, err)
	}
	if err := p.empty(ctx); err != nil {
		return unwritten(p.config, err)
	}
	return p.removed(nil, behind...)
}

// forget takes out of spec and metadata what holds no longer now that the operator is done with place: names that were made
// up for a medium that is gone, that it was decided for, and what was left for it. An object that is being deleted keeps it.
func (p *pass) forget(ctx context.Context, place storage.Coordinates, gone bool) error {
	if p.config.DeletionTimestamp != nil {
		return nil
	}
	changes := done(p.config, place)
	if driver, known := p.driverOf(place); known && gone {
		changes = append(changes, forgotten(p.config.Spec.Storage, driver.Forget)...)
	}
	if _, found := p.config.Annotations[names.StorageLeftAnnotation]; found {
		changes = append(changes, operatorclient.Remove("/metadata/annotations/"+pointer(names.StorageLeftAnnotation)))
	}
	return p.patch(ctx, changes...)
}

// empty says in status that the registry is on no storage.
func (p *pass) empty(ctx context.Context) error {
	return p.replaceStorage(ctx, imageregistryv1.ImageRegistryConfigStorage{}, p.config.Status.StorageManaged)
}

// removed is the end of a removal: nothing is used any more. What stays although it was the operator's is said.
func (p *pass) removed(conditions []operatorv1.OperatorCondition, behind ...string) outcome {
	p.memory = memory{}
	p.Metrics.StorageType("")
	return outcome{message: lastWords(p.config, behind), conditions: conditions, after: p.release}
}

// leftConditions keeps what a removal said last: that the medium is gone.
func (p *pass) leftConditions() []operatorv1.OperatorCondition {
	return slices.DeleteFunc(existing(p.config), func(c operatorv1.OperatorCondition) bool {
		return c.Type != names.StorageExists || c.Status != operatorv1.ConditionFalse
	})
}

// release lets go of what a removal leaves: credentials, with the records of what was created, and the object itself when it
// is being deleted.
func (p *pass) release(ctx context.Context) error {
	for _, name := range []string{names.StoragePair, names.Move} {
		if err := p.dropSecret(ctx, name); err != nil {
			return err
		}
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
