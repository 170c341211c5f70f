package storage

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// target is the storage that spec asks for, and what is needed to work on it.
type target struct {
	driver storage.Driver
	in     storage.Inputs
	// assumed tells that spec names no storage, and the platform's table was taken without asking the cloud.
	assumed bool
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
	if err := p.movable(t); err != nil {
		p.memory = memory{created: p.memory.created}
		return failure(p.config, err)
	}
	if err := p.recordSource(ctx, t); err != nil {
		return unwritten(p.config, err)
	}
	p.followCredentials(credentialsOf(t.in, t.driver.Kind))
	seen := observed(t.driver, t.in)
	now, inputs := p.Clock.Now(), p.fingerprint(t.in, t.driver, seen)
	if !p.memory.settled(inputs, now) {
		p.memory.reset(inputs)
		o := p.attempt(ctx, t, now)
		if ended(ctx) || apierrors.IsConflict(o.err) {
			p.memory.inputs = ""
			return o
		}
		if t, seen, err = p.completed(t, seen); err != nil {
			return failure(p.config, err)
		}
		p.memory.inputs = p.fingerprint(t.in, t.driver, seen)
	}
	if p.memory.done == nil {
		return p.memory.last
	}
	return p.use(ctx, t)
}

// completed is the target of an attempt that may have completed spec: that is no change to react to. Whatever else has changed
// meanwhile is, and the attempt has not seen it.
func (p *pass) completed(tried target, seen string) (target, string, error) {
	t, err := p.target()
	if err != nil {
		return target{}, "", err
	}
	t.in.UserSecret, t.in.MintedSecret = tried.in.UserSecret, tried.in.MintedSecret
	t.in.Infrastructure, t.in.ConfigMap = tried.in.Infrastructure, tried.in.ConfigMap
	if t.driver.Kind != tried.driver.Kind {
		// The cloud was asked what it offers.
		seen = observed(t.driver, t.in)
	}
	return t, seen, nil
}

// use moves the images where that is asked for, and publishes the storage that has been made ready.
func (p *pass) use(ctx context.Context, t target) outcome {
	if o, busy, err := p.move(ctx, t, p.memory.done); err != nil {
		return unwritten(p.config, err)
	} else if busy && p.memory.last.err != nil {
		// The place that images are copied to has just been found wanting: that is the news.
		return p.memory.last
	} else if busy {
		return o
	}
	if err := p.publish(ctx, t, p.memory.done); err != nil {
		return unwritten(p.config, err)
	}
	o := p.memory.last
	o.message += moved(p.config) + left(p.config)
	return o
}

// target gathers what spec asks for.
func (p *pass) target() (target, error) {
	in, err := p.inputs()
	if err != nil {
		return target{}, err
	}
	assumed := len(storage.Configured(&p.config.Spec.Storage)) == 0
	if in.Coordinates, err = wanted(p.config.Spec.Storage, in.Infrastructure); err != nil {
		return target{}, err
	}
	driver, err := p.Drivers.Select(&in.Coordinates)
	return target{driver: driver, in: in, assumed: assumed}, err
}

// offered is t with the storage that the platform does have, where that has to be asked for. What is found out is written
// to spec with the plan, so that it is asked once.
func (p *pass) offered(ctx context.Context, t target) (target, error) {
	if !t.assumed || t.driver.Usable == nil {
		return t, nil
	}
	platform, err := p.Drivers.Default(ctx, t.in)
	if err != nil {
		return t, err
	}
	platform.Storage.OSS, platform.Storage.ManagementState = t.in.Coordinates.OSS, t.in.Coordinates.ManagementState
	t.in.Coordinates = platform.Storage
	t.driver, err = p.Drivers.Select(&t.in.Coordinates)
	return t, err
}

// attempt does what is due: a check, or the whole way.
func (p *pass) attempt(ctx context.Context, t target, now time.Time) outcome {
	var o outcome
	result, drifted, err := p.check(ctx, t, now)
	if err == nil && result == nil {
		look := p.memory.look()
		if result, o, err = p.establish(ctx, t); result != nil && drifted != "" {
			p.mended(look, drifted, result)
		}
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

// check looks whether the medium of the last success is still there and, by turns, whether its settings hold; nil when the
// whole way has to be gone.
func (p *pass) check(ctx context.Context, t target, now time.Time) (result *storage.Result, drifted string, err error) {
	if p.memory.needsEnsure(now) {
		return nil, "", nil
	}
	t.in.Look = p.memory.look()
	backend, err := t.backend(t.in.Coordinates, t.in.Managed, false, false)
	if err != nil {
		return nil, "", err
	}
	plan, err := backend.Plan(ctx)
	if err != nil || !plan.Exists || plan.Drifted != "" {
		return nil, plan.Drifted, err
	}
	if p.memory.held(); plan.Unread {
		return nil, "", nil
	}
	known := *p.memory.done
	known.Conditions = replace(known.Conditions, plan.Condition)
	known.Created, known.Notes = false, nil
	return &known, "", nil
}

// mended tells that settings which had been changed in the cloud are as they should be again. Of one that could not be
// restored its condition tells.
func (p *pass) mended(look storage.Look, drifted string, result *storage.Result) {
	where := storage.Describe(result.Coordinates)
	if p.memory.mend(look, result) {
		p.recorder.Eventf(names.EventDriftReverted, "storage %s was changed in the cloud and is set back: %s", where, drifted)
	}
	klog.InfoS("settings of the storage had drifted", "storage", where, "settings", drifted)
}

// establish goes the whole way: look, decide, write ahead, create.
func (p *pass) establish(ctx context.Context, t target) (*storage.Result, outcome, error) {
	t, err := p.offered(ctx, t)
	if err != nil {
		return nil, outcome{}, err
	}
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
	if err := p.patch(ctx, writeAhead(config, plan, state, ours)...); err != nil {
		return nil, outcome{}, err
	}
	if decide && takesOver(config, plan, state) {
		p.recorder.Warningf(names.EventStorageAdopted, "storage %s was there before and does not show that the operator made it; "+
			"as spec.storage.managementState is Managed, %s: to keep it, set that to Unmanaged", storage.Describe(plan.Coordinates), consequence(state))
	}
	managed := state == imageregistryv1.StorageManagementStateManaged
	if backend, err = t.backend(plan.Coordinates, managed, false, p.created(plan.Coordinates)); err != nil {
		return nil, outcome{}, err
	}
	result, err := p.ensure(ctx, backend, plan)
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

// ensure makes the medium, and notes that it did.
func (p *pass) ensure(ctx context.Context, backend storage.Backend, plan storage.Plan) (storage.Result, error) {
	result, err := backend.Ensure(ctx)
	if !result.Created {
		return result, err
	}
	p.memory.created = storage.LocationHash(plan.Coordinates)
	p.recorder.Eventf(names.EventStorageCreated, "created storage %s", storage.Describe(plan.Coordinates))
	if err := p.patch(ctx, made(p.config, plan.Coordinates)...); err != nil {
		return result, err
	}
	return result, err
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
	// It stays so when the same medium is reached in another way.
	for _, same := range []storage.Coordinates{coordinates, p.config.Status.Storage, p.config.Spec.Storage} {
		if (storage.LocationHash(same) == storage.LocationHash(coordinates) || storage.SameMedium(same, coordinates)) && p.creationRecorded(same) {
			return true
		}
	}
	return false
}

func (p *pass) creationRecorded(coordinates storage.Coordinates) bool {
	if p.memory.created == storage.LocationHash(coordinates) {
		return true
	}
	if pair, err := p.Secret(names.StoragePair); err == nil && pair != nil && storage.CreationRecorded(pair.Data, coordinates) {
		return true
	}
	record, err := p.record()
	return err == nil && record.created() == storage.LocationHash(coordinates)
}

// publish makes pair Secret and status.storage say what result says, where they do not yet.
func (p *pass) publish(ctx context.Context, t target, result *storage.Result) error {
	if err := p.applyPair(ctx, result, credentialsOf(t.in, t.driver.Kind)); err != nil {
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
	if len(storage.Configured(&have)) > 0 && storage.LocationHash(have) != storage.LocationHash(want) {
		changes := done(p.config, have)
		if !storage.SameMedium(have, want) {
			// Ahead of the switch: after it nothing would tell any more.
			changes = append(changes, annotate(p.config, names.StorageLeftAnnotation, storage.Describe(have))...)
		}
		if err := p.patch(ctx, changes...); err != nil {
			return err
		}
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
