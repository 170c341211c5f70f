// Package gcs serves Google Cloud Storage.
//
// Bucket: named by the administrator, or RandomName of the cluster and its region. A bucket that was there is Unmanaged,
// one that we create is Managed: it carries the cluster's label (its mark) and the resource labels of the platform, is
// encrypted with spec.storage.gcs.keyID if there is one, has uniform access and no public access, and gets the resource
// tags of the platform.
//
// Conditions: StorageExists; of a Managed bucket also StorageLabeled, StorageEncrypted (with a key only),
// StoragePublicAccessBlocked and StorageTagged. A failed setting never fails the storage.
package gcs

import (
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Options tune the driver; the zero value is what production uses.
type Options struct {
	// Endpoint and ResourceManager are the base URLs of the two APIs; Google's own when empty.
	Endpoint, ResourceManager string
	// CA are certificates to trust beside the system's.
	CA []byte
	// CallTimeout bounds one call; 30 seconds when zero.
	CallTimeout time.Duration
	// StepObjects is about how many objects one Remove deletes; 4000 when zero.
	StepObjects int
}

// Driver describes storage in GCS. It keeps the client of the last configuration, so that connections and access tokens
// outlive a sync.
func Driver(options Options) storage.Driver {
	if options.CallTimeout == 0 {
		options.CallTimeout = transport.DefaultCallTimeout
	}
	if options.StepObjects == 0 {
		options.StepObjects = 4 * pageSize
	}
	d := &driver{options: options, pool: &pool{}}
	return storage.Driver{
		Kind:       storage.GCS,
		Configured: func(c *storage.Coordinates) bool { return c.GCS != nil },
		New:        func(in storage.Inputs) (storage.Backend, error) { return d.backend(in) },
		Settings:   settings,
		CABundle:   func(storage.Inputs) (storage.CABundle, error) { return systemRoots, nil },
		Identity: func(c *storage.Coordinates) string {
			if c.GCS == nil {
				return ""
			}
			return c.GCS.Bucket
		},
		Forget: func(c *storage.Coordinates) {
			if c.GCS != nil {
				c.GCS.Bucket = ""
			}
		},
		Content: d.content,
	}
}

// systemRoots: Google's certificates are known to every system, and no field of Config names another CA.
var systemRoots = storage.CABundle{SystemRoots: true}

type driver struct {
	options Options
	pool    *pool
}

// backend is one bucket.
type backend struct {
	options Options
	in      storage.Inputs
	cluster cluster
	// config is the effective configuration; given tells that it came with a bucket.
	config effective
	given  bool
	// credentials are the JSON as the registry gets it, and where it comes from.
	credentials credentials
	client      *client
}

func (d *driver) backend(in storage.Inputs) (*backend, error) {
	cluster, err := clusterFrom(in.Infrastructure)
	if err != nil {
		return nil, err
	}
	b := &backend{options: d.options, in: in, cluster: cluster, config: effectiveConfig(in.Coordinates.GCS, cluster)}
	if b.given = b.config.Bucket != ""; !b.given {
		b.config.Bucket = storage.RandomName(cluster.infrastructure, b.config.Region)
	}
	if b.credentials, err = credentialsFrom(in); err != nil {
		return nil, err
	}
	b.client, err = d.pool.client(clientConfig{options: d.options, credentials: b.credentials, version: in.Version})
	return b, err
}

// coordinates are the effective configuration as it is stored.
func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	config := b.config.ImageRegistryConfigStorageGCS
	c.GCS = config.DeepCopy()
	return c
}
