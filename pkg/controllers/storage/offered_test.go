package storage

import (
	"context"
	"errors"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// claimBackend is a claim that is there.
type claimBackend struct{ in storage.Inputs }

func (b claimBackend) Plan(context.Context) (storage.Plan, error) {
	return storage.Plan{Coordinates: b.in.Coordinates, ManagementState: "Unmanaged", Exists: true}, nil
}

func (b claimBackend) Ensure(context.Context) (storage.Result, error) {
	return storage.Result{Coordinates: b.in.Coordinates, Conditions: []operatorv1.OperatorCondition{exists("Seen")}}, nil
}

func (b claimBackend) Remove(context.Context) (storage.Progress, error) {
	return storage.Progress{}, errors.New("not tried")
}

// TestEmptiedSpecOnOpenStack: when an administrator takes all storage out of spec, OpenStack is asked as at bootstrap, and
// asked once.
func TestEmptiedSpecOnOpenStack(t *testing.T) {
	w := newWorld(t, config(func(c *imageregistryv1.Config) { c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{} }))
	w.add("infrastructures", infrastructure(configv1.OpenStackPlatformType))
	asked, answer := 0, errors.New("Keystone is away")
	w.controller.Drivers = storage.Drivers{
		{
			Kind:       storage.Swift,
			Configured: func(c *storage.Coordinates) bool { return c.Swift != nil },
			New:        func(storage.Inputs) (storage.Backend, error) { return nil, errors.New("Swift is not to be used") },
			CABundle:   func(storage.Inputs) (storage.CABundle, error) { return storage.CABundle{}, nil },
			Usable: func(context.Context, storage.Inputs) (bool, error) {
				asked++
				return false, answer
			},
		},
		{
			Kind:       storage.PVC,
			Configured: func(c *storage.Coordinates) bool { return c.PVC != nil },
			New:        func(in storage.Inputs) (storage.Backend, error) { return claimBackend{in}, nil },
			CABundle:   func(storage.Inputs) (storage.CABundle, error) { return storage.CABundle{}, nil },
			Identity:   func(c *storage.Coordinates) string { return c.PVC.Claim },
		},
	}
	w.mustSync()
	w.mustSync()
	if asked != 1 || len(storage.Configured(&w.config().Spec.Storage)) != 0 {
		t.Errorf("asked %d times, and spec is %+v", asked, w.config().Spec.Storage)
	}
	answer = nil
	drivers := w.controller.Drivers
	w.restart()
	w.controller.Drivers = drivers
	w.mustSync()
	w.mustSync()
	if spec := w.config().Spec.Storage; asked != 2 || spec.PVC == nil || spec.PVC.Claim != "image-registry-storage" || spec.Swift != nil {
		t.Errorf("asked %d times, and spec is %+v", asked, spec)
	}
}
