package storage

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// pass is one sync: the object it works on, as its own writes move it forward.
type pass struct {
	*controller
	config   *imageregistryv1.Config
	recorder events.Recorder
}

// work chooses what the state asks for; nil for nothing at all.
func (p *pass) work() func(context.Context) outcome {
	deleting := p.config.DeletionTimestamp != nil
	switch {
	case deleting && !slices.Contains(p.config.Finalizers, names.Finalizer):
		return nil
	case deleting, p.config.Spec.ManagementState == operatorv1.Removed:
		return p.timed(p.remove)
	case p.config.Spec.ManagementState == operatorv1.Managed:
		return p.manage
	}
	// Unmanaged, Force and nothing at all: storage is not looked at.
	return nil
}

// timed bounds the cloud calls of do.
func (p *pass) timed(do func(context.Context) outcome) func(context.Context) outcome {
	return func(ctx context.Context) outcome {
		ctx, cancel := context.WithTimeout(ctx, p.timeout)
		defer cancel()
		return do(ctx)
	}
}

// manage works on the storage that spec asks for, and then looks after the one that the registry is on. A place that
// takes all the time to say nothing takes none from the other.
func (p *pass) manage(ctx context.Context) outcome {
	o := p.timed(p.provide)(ctx)
	if ended(ctx) || apierrors.IsConflict(o.err) {
		return o
	}
	return p.timed(func(ctx context.Context) outcome { return p.stay(ctx, o) })(ctx)
}

// finish reports the outcome, and then does what has to wait for that.
func (p *pass) finish(ctx context.Context, o outcome) error {
	before := p.config.Status.Conditions
	if err := p.report(ctx, o); err != nil {
		return err
	}
	tell(p.recorder, before, o, p.removing())
	if o.after == nil {
		return nil
	}
	if err := o.after(ctx); err != nil && !apierrors.IsConflict(err) {
		return err
	}
	return nil
}

// patch changes spec or metadata.
func (p *pass) patch(ctx context.Context, changes ...operatorclient.Change) error {
	if len(changes) == 0 {
		return nil
	}
	config, err := p.Client.Patch(ctx, names.StorageController, p.config, changes...)
	return p.moved(config, err)
}

// replaceStorage changes status.storage.
func (p *pass) replaceStorage(ctx context.Context, storage imageregistryv1.ImageRegistryConfigStorage, managed bool) error {
	config, err := p.Client.ReplaceStorage(ctx, names.StorageController, p.config, storage, managed)
	return p.moved(config, err)
}

func (p *pass) moved(config *imageregistryv1.Config, err error) error {
	if err != nil {
		return err
	}
	if config == nil {
		return errors.New("writing config returned nothing")
	}
	p.configs.wrote(p.config, config)
	p.config = config
	return nil
}

// freshest remembers the newest object written and the versions it replaced. A cache that shows one of those is
// behind; one that shows any other version has caught up or moved on.
type freshest struct {
	latest   *imageregistryv1.Config
	replaced map[string]bool
}

func (f *freshest) wrote(before, after *imageregistryv1.Config) {
	if f.replaced == nil {
		f.replaced = map[string]bool{}
	}
	f.replaced[before.ResourceVersion] = true
	f.latest = after
}

func (f *freshest) newer(cached *imageregistryv1.Config) *imageregistryv1.Config {
	if f.latest != nil && f.latest.UID == cached.UID && f.replaced[cached.ResourceVersion] {
		return f.latest
	}
	*f = freshest{}
	return cached
}
