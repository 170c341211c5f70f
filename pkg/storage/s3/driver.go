// Package s3 serves AWS S3 and servers compatible with it.
//
// Bucket: named by the administrator, or DeterministicName of the cluster and its region. A bucket that was there is
// Unmanaged, one that we create is Managed and gets four settings: public access block, tags, default encryption and
// clean-up of incomplete uploads. Its mark is the tag kubernetes.io/cluster/<infrastructure name>=owned.
//
// Conditions: StorageExists; of a Managed bucket also StoragePublicAccessBlocked, StorageTagged, StorageEncrypted and
// StorageIncompleteUploadCleanupEnabled. A failed setting never fails the storage.
package s3

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Options tune the driver; the zero value is what production uses.
type Options struct {
	// CallTimeout bounds one call with its retries; 30 seconds when zero.
	CallTimeout time.Duration
	// StepObjects is about how many objects one Remove deletes; 4000 when zero.
	StepObjects int
}

// Driver describes storage in S3. It keeps the client of the last configuration, so that connections and temporary
// credentials outlive a sync.
func Driver(options Options) storage.Driver {
	if options.CallTimeout == 0 {
		options.CallTimeout = transport.DefaultCallTimeout
	}
	if options.StepObjects == 0 {
		options.StepObjects = 4 * s3api.PageSize
	}
	pool := &pool{}
	return storage.Driver{
		Kind:       storage.S3,
		Configured: func(c *storage.Coordinates) bool { return c.S3 != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			return newBackend(in, options, pool)
		},
		Settings: settings,
		CABundle: caBundle,
		Identity: func(c *storage.Coordinates) string {
			if c.S3 == nil {
				return ""
			}
			return c.S3.Bucket
		},
		Forget: func(c *storage.Coordinates) {
			if c.S3 != nil {
				c.S3.Bucket = ""
			}
		},
		Content: func(in storage.Inputs) (storage.Content, error) {
			b, err := newBackend(in, options, pool)
			if err != nil {
				return nil, err
			}
			return b.bucket.Content(), nil
		},
	}
}

// backend is one bucket.
type backend struct {
	options Options
	in      storage.Inputs
	cluster cluster
	// config is the effective configuration; given tells that it came with a bucket.
	config effective
	given  bool
	// text are the credentials as the registry gets them, and secret is where they come from.
	text, secret string
	client       *s3.Client
	bucket       *s3api.Bucket
	// unread are the settings that could not be read, by their condition.
	unread map[string]bool
}

func newBackend(in storage.Inputs, options Options, pool *pool) (*backend, error) {
	cluster, err := clusterFrom(in.Infrastructure)
	if err != nil {
		return nil, err
	}
	config := effectiveConfig(in.Coordinates.S3, cluster)
	b := &backend{options: options, in: in, cluster: cluster, config: config, given: config.Bucket != "", unread: map[string]bool{}}
	if !b.given {
		b.config.Bucket = storage.DeterministicName(cluster.infrastructure, config.Region)
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	credentials, err := storage.CredentialsFrom(in, userKeys, mintedKeys)
	if err != nil {
		return nil, err
	}
	b.secret = credentials.Secret
	if b.text, err = credentialsText(credentials); err != nil {
		return nil, err
	}
	bundle, err := caBundle(in)
	if err != nil {
		return nil, err
	}
	b.client, err = pool.client(clientConfig{
		effective: b.config, stsEndpoint: cluster.stsEndpoint, credentials: b.text, secret: b.secret, bundle: bundle, version: in.Version,
	})
	if err != nil {
		return nil, err
	}
	b.bucket = b.protocol()
	return b, nil
}

// protocol is the bucket without what is particular to Amazon's S3.
func (b *backend) protocol() *s3api.Bucket {
	bucket := &s3api.Bucket{
		Kind: storage.S3, Client: b.client, Name: b.config.Bucket, Where: b.config.where(), Secret: b.secret,
		Field: "spec.storage.s3.bucket", Compatible: b.config.RegionEndpoint != "",
		CallTimeout: b.options.CallTimeout, StepObjects: b.options.StepObjects,
		ReasonExists: reasonExists, ReasonDeleted: reasonDeleted, Explain: b.explain,
	}
	if b.config.Region != "us-east-1" {
		// The SDK sends none by itself, and without it the bucket ends up in us-east-1 or is refused.
		bucket.Location = b.config.Region
	}
	return bucket
}

// coordinates are the effective configuration as it is stored.
func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	config := b.config.ImageRegistryConfigStorageS3
	c.S3 = config.DeepCopy()
	return c
}
