package storage

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// target is the storage that spec asks for, and what is needed to work on it.
type target struct {
	driver storage.Driver
	in     storage.Inputs
}

// backend makes the backend for coordinates, which may be more complete than those of the target.
func (t target) backend(coordinates storage.Coordinates, managed, decide, created bool) (storage.Backend, error) {
	in := t.in
	in.Coordinates, in.Managed, in.Decide, in.Created = coordinates, managed, decide, created
	return t.driver.New(in)
}

// provide makes the storage of spec exist and publishes it. Without changed inputs it calls the cloud only when a
// check or a retry is due; what it publishes in the cluster is compared at every sync.
func (p *pass) provide(ctx context.Context) outcome {
	t, err := p.target()
	if err != nil {
		p.memory = memory{created: p.memory.created}
		return failure(p.config, err)
	}
	p.followCredentials(credentialsOf(t.in, t.driver.Kind))
	now, inputs := p.Clock.Now(), p.fingerprint(t.in, t.driver)
	if !p.memory.settled(inputs, now) {
		p.memory.reset(inputs)
		o := p.attempt(ctx, t, now)
		if ended(ctx) || apierrors.IsConflict(o.err) {
			p.memory.inputs = ""
			return o
		}
		// The attempt may have completed spec: that is no change to react to.
		if t, err = p.target(); err != nil {
			return failure(p.config, err)
		}
		p.memory.inputs = p.fingerprint(t.in, t.driver)
	}
	if p.memory.done == nil {
		return p.memory.last
	}
	if err := p.publish(ctx, t, p.memory.done); err != nil {
		return unwritten(p.config, err)
	}
	return p.memory.last
}

// target gathers what spec asks for.
func (p *pass) target() (target, error) {
	in, err := p.inputs()
	if err != nil {
		return target{}, err
	}
	if in.Coordinates, err = wanted(p.config.Spec.Storage, in.Infrastructure); err != nil {
		return target{}, err
	}
	driver, err := p.Drivers.Select(&in.Coordinates)
	return target{driver: driver, in: in}, err
}

// attempt does what is due: a check, or the whole way.
func (p *pass) attempt(ctx context.Context, t target, now time.Time) outcome {
	var o outcome
	result, err := p.check(ctx, t, now)
	if err == nil && result == nil {
		result, o, err = p.establish(ctx, t)
	}
	switch {
	case ended(ctx) || apierrors.IsConflict(err):
		return outcome{err: err}
	case err != nil:
		o = p.memory.failed(failure(p.config, err), now)
		if !o.waiting() {
			logFailure(err, t.driver.Kind, o.next.Sub(now))
		}
		return o
	case o.waiting():
		return p.memory.failed(o, now)
	}
	return p.memory.succeeded(outcome{
		message:    "the registry uses " + storage.Describe(result.Coordinates),
		conditions: result.Conditions,
	}, result, now)
}

// check looks whether the medium of the last success is still there; nil when the whole way has to be gone.
func (p *pass) check(ctx context.Context, t target, now time.Time) (*storage.Result, error) {
	if p.memory.needsEnsure(now) {
		return nil, nil
	}
	backend, err := t.backend(t.in.Coordinates, t.in.Managed, false, false)
	if err != nil {
		return nil, err
	}
	plan, err := backend.Plan(ctx)
	if err != nil || !plan.Exists {
		return nil, err
	}
	result := *p.memory.done
	result.Conditions = replace(result.Conditions, plan.Condition)
	result.Created, result.Notes = false, nil
	return &result, nil
}

// establish goes the whole way: look, decide, write ahead, create.
func (p *pass) establish(ctx context.Context, t target) (*storage.Result, outcome, error) {
	config := p.config
	decide := !decided(config, t.in.Coordinates)
	backend, err := t.backend(t.in.Coordinates, t.in.Managed, decide, p.created(t.in.Coordinates))
	if err != nil {
		return nil, outcome{}, err
	}
	plan, err := backend.Plan(ctx)
	if err != nil {
		return nil, outcome{}, err
	}
	state, ours := managementState(config, plan)
	if err := p.patch(ctx, writeAhead(config, plan.Coordinates, state, ours)...); err != nil {
		return nil, outcome{}, err
	}
	managed := state == imageregistryv1.StorageManagementStateManaged
	if backend, err = t.backend(plan.Coordinates, managed, false, p.created(plan.Coordinates)); err != nil {
		return nil, outcome{}, err
	}
	result, err := backend.Ensure(ctx)
	if result.Created {
		p.memory.created = storage.LocationHash(plan.Coordinates)
		p.recorder.Eventf(names.EventStorageCreated, "created storage %s", storage.Describe(plan.Coordinates))
	}
	if err != nil {
		return nil, outcome{}, err
	}
	p.notes(result)
	if result.RetryAfter > 0 {
		return nil, settling(result, plan), nil
	}
	// What Ensure has settled (encryption is on) belongs to spec as well.
	result.Coordinates.ManagementState = state
	if err := p.patch(ctx, storageChanges(p.config.Spec.Storage, result.Coordinates)...); err != nil {
		return nil, outcome{}, err
	}
	p.memory.verified = p.Clock.Now()
	return &result, outcome{}, nil
}

func settling(result storage.Result, plan storage.Plan) outcome {
	return outcome{
		reason:     names.ReasonStorageChanging,
		message:    "waiting for the storage to become ready: " + storage.Describe(plan.Coordinates),
		conditions: result.Conditions,
		wait:       result.RetryAfter,
	}
}

// created tells whether the operator recorded that it created the medium at coordinates, in this process or before.
func (p *pass) created(coordinates storage.Coordinates) bool {
	if p.memory.created == storage.LocationHash(coordinates) {
		return true
	}
	pair, err := p.secret(names.StoragePair)
	return err == nil && pair != nil && storage.CreationRecorded(pair.Data, coordinates)
}

// publish makes pair Secret and status.storage say what result says, where they do not yet.
func (p *pass) publish(ctx context.Context, t target, result *storage.Result) error {
	if err := p.applyPair(ctx, result); err != nil {
		return err
	}
	p.Metrics.StorageType(string(t.driver.Kind))
	want := *result.Coordinates.DeepCopy()
	want.OSS = nil
	want.ManagementState = p.config.Spec.Storage.ManagementState
	managed := want.ManagementState == imageregistryv1.StorageManagementStateManaged
	have := p.config.Status.Storage
	if equal(have, want) && p.config.Status.StorageManaged == managed {
		return nil
	}
	if err := p.replaceStorage(ctx, want, managed); err != nil {
		return err
	}
	p.announce(t.driver, have, want)
	return nil
}

func (p *pass) notes(result storage.Result) {
	for _, note := range result.Notes {
		if note.Warning {
			p.recorder.Warning(note.Reason, note.Message)
		} else {
			p.recorder.Event(note.Reason, note.Message)
		}
	}
}

// ended tells that the process is asked to stop, other than that the sync has run out of its time.
func ended(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func (p *pass) removing() bool {
	return p.config.DeletionTimestamp != nil || p.config.Spec.ManagementState == operatorv1.Removed
}
