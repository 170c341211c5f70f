// Package swift serves OpenStack Swift, found through Keystone's catalogue.
//
// Container: named by the administrator, or a random name that Plan makes and the controller stores before anything is
// created. A container that was there is Unmanaged; one that we create is Managed and carries, from the moment it exists,
// the metadata X-Container-Meta-Openshiftclusterid: that is the proof that it is ours. Swift has no settings to apply.
//
// Conditions: StorageExists.
package swift

import (
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Options tune the driver; the zero value is what production uses.
type Options struct {
	// CallTimeout bounds one call, and a login; 30 seconds when zero.
	CallTimeout time.Duration
	// StepObjects is about how many objects one Remove deletes; 4000 when zero.
	StepObjects int
}

// Driver describes storage in Swift. It keeps connections and token of the last configuration, so that they outlive a
// sync.
func Driver(options Options) storage.Driver {
	if options.CallTimeout == 0 {
		options.CallTimeout = transport.DefaultCallTimeout
	}
	if options.StepObjects == 0 {
		options.StepObjects = 4 * pageSize
	}
	pool := &pool{}
	return storage.Driver{
		Kind:       storage.Swift,
		Configured: func(c *storage.Coordinates) bool { return c.Swift != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			return newBackend(in, options, pool)
		},
		Settings: settings,
		CABundle: caBundle,
		Identity: func(c *storage.Coordinates) string {
			if c.Swift == nil {
				return ""
			}
			return c.Swift.Container
		},
		Forget: func(c *storage.Coordinates) {
			if c.Swift != nil {
				c.Swift.Container = ""
			}
		},
		Usable: usable(options, pool),
	}
}

// backend is one container.
type backend struct {
	options Options
	in      storage.Inputs
	access  access
	session *session
	// container is the name; given tells that it came with the coordinates.
	container string
	given     bool
	// cluster is the infrastructure name: the value of the mark.
	cluster string
}

func newBackend(in storage.Inputs, options Options, pool *pool) (*backend, error) {
	cluster, err := clusterFrom(in.Infrastructure)
	if err != nil {
		return nil, err
	}
	b := &backend{options: options, in: in, cluster: cluster.name}
	if in.Coordinates.Swift != nil {
		b.container = in.Coordinates.Swift.Container
	}
	if b.given = b.container != ""; !b.given {
		b.container = storage.RandomName(cluster.name)
	}
	if b.access, err = accessFrom(in, cluster.cloud); err != nil {
		return nil, err
	}
	bundle, err := caBundle(in)
	if err != nil {
		return nil, err
	}
	b.session, err = pool.session(sessionConfig{Access: b.access, Bundle: bundle.PEM, Version: in.Version})
	return b, err
}

// coordinates are those of the inputs with the container's name; everything else in them is the administrator's.
func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	c.Swift.Container = b.container
	return c
}
