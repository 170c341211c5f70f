// Package ibmcos serves IBM Cloud Object Storage, for clusters on IBM Cloud and on Power Virtual Server.
//
// Three things are made in this order, each recorded in Config before the next: a service instance, a resource key (an
// HMAC pair, which is what the registry signs with) and a bucket. Instance and key have fixed names, so that a lost
// record is found again; the bucket's is random and written ahead. The operator itself comes with an IAM token for the
// API key, over the S3 protocol and to the Resource Controller.
//
// A bucket is ours when its creation was recorded, or when it is in the instance that is named after this cluster: the
// instance gets the tag kubernetes.io_cluster_<infrastructure name>:owned, but the Resource Controller does not give
// tags back. Instance and key stay when the bucket is removed.
package ibmcos

import (
	"time"

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

// Driver describes storage in IBM COS. It keeps connections and the IAM token of the last configuration.
func Driver(options Options) storage.Driver {
	if options.CallTimeout == 0 {
		options.CallTimeout = transport.DefaultCallTimeout
	}
	if options.StepObjects == 0 {
		options.StepObjects = 4 * s3api.PageSize
	}
	sessions := &sessions{}
	return storage.Driver{
		Kind:       storage.IBMCOS,
		Configured: func(c *storage.Coordinates) bool { return c.IBMCOS != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			return newBackend(in, options, sessions)
		},
		Settings: settings,
		CABundle: caBundle,
		Identity: func(c *storage.Coordinates) string {
			if c.IBMCOS == nil {
				return ""
			}
			return c.IBMCOS.Bucket
		},
		Forget: func(c *storage.Coordinates) {
			if c.IBMCOS != nil {
				c.IBMCOS.Bucket = ""
			}
		},
		Content: func(in storage.Inputs) (storage.Content, error) {
			b, err := newBackend(in, options, sessions)
			if err != nil {
				return nil, err
			}
			return b.bucket().Content(), nil
		},
	}
}

// backend is one bucket with its service instance and resource key.
type backend struct {
	options Options
	in      storage.Inputs
	cluster cluster
	// config is spec.storage.ibmcos, completed from the cluster and by what was found.
	config  config
	session *session
	secret  string
	// notes are of this call of Ensure.
	notes []storage.Note
}

func newBackend(in storage.Inputs, options Options, sessions *sessions) (*backend, error) {
	cluster, err := clusterFrom(in.Infrastructure)
	if err != nil {
		return nil, err
	}
	b := &backend{options: options, in: in, cluster: cluster}
	if b.config, err = completed(in.Coordinates.IBMCOS, cluster); err != nil {
		return nil, err
	}
	credentials, err := storage.CredentialsFrom(in, userKey, mintedKey)
	if err != nil {
		return nil, err
	}
	b.secret = credentials.Secret
	key, err := apiKey(credentials)
	if err != nil {
		return nil, err
	}
	bundle, err := caBundle(in)
	if err != nil {
		return nil, err
	}
	b.session, err = sessions.get(sessionConfig{
		apiKey: key, secret: b.secret, endpoints: cluster.endpoints, bundle: bundle, version: in.Version, timeout: options.CallTimeout,
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// bucket is the bucket in the service instance that is known at the time of the call.
func (b *backend) bucket() *s3api.Bucket {
	return &s3api.Bucket{
		Kind: storage.IBMCOS, Client: b.client(), Name: b.config.Bucket, Location: b.config.Location + "-smart",
		Where: b.where(), Secret: b.secret, Field: "spec.storage.ibmcos.bucket", Compatible: true,
		CallTimeout: b.options.CallTimeout, StepObjects: b.options.StepObjects,
		ReasonExists: reasonExists, ReasonDeleted: reasonDeleted, Explain: b.explain,
	}
}

// coordinates are what is stored in Config.
func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	c.IBMCOS = b.config.DeepCopy()
	return c
}
