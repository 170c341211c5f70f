// Package azure serves Azure Blob Storage, in Azure's clouds and on Azure Stack Hub.
//
// Medium: a container in a storage account. Names that the administrator leaves out are generated. What we create is
// Managed: the account carries the tag kubernetes.io_cluster.<infrastructure name>=owned, the container the metadata
// kubernetes_io_cluster=<infrastructure name>. An account is deleted only with its tag; in anybody else's account only a
// container that is ours is.
//
// Credentials: of secret installer-cloud-credentials (client secret, federated token, or the certificate of a hosted
// control plane), with which the operator creates, or an account key of the administrator's, with which nothing is
// created. The registry gets the account key, or with a federated token none at all.
//
// Condition: StorageExists, with the reasons of container.go.
package azure

import (
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Options are what the process knows beside Inputs; the zero value works in Azure's own clouds.
type Options struct {
	// EnvironmentFile holds the endpoints of an Azure Stack Hub (AZURE_ENVIRONMENT_FILEPATH).
	EnvironmentFile string
	// IdentityFile holds the certificate of the operator of a hosted control plane
	// (MANAGED_AZURE_HCP_CREDENTIALS_FILE_PATH); empty everywhere else.
	IdentityFile string
	// CallTimeout bounds one call with its retries; 30 seconds when zero.
	CallTimeout time.Duration
	// Clouds are taken before the built-in ones of the same name.
	Clouds map[string]Cloud
	// Now is the clock of the account key's age; time.Now when nil.
	Now func() time.Time
	// KeyCache hears of every look-up of an account key, and whether the key was still known; nil when nobody counts.
	KeyCache func(hit bool)
	// TrimRootSlash makes Content name blobs docker/…, as upstream's registry does, instead of /docker/….
	TrimRootSlash bool
}

// Driver describes storage in Azure. It keeps the clients of the last configuration, with their tokens, connections and
// account key, and the operations that Azure has under way for them.
func Driver(options Options) storage.Driver {
	if options.CallTimeout == 0 {
		options.CallTimeout = transport.DefaultCallTimeout
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.KeyCache == nil {
		options.KeyCache = func(bool) {}
	}
	pool := &pool{options: options}
	return storage.Driver{
		Kind:       storage.Azure,
		Configured: func(c *storage.Coordinates) bool { return c.Azure != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			return newBackend(in, options, pool)
		},
		Settings: settings,
		CABundle: caBundle,
		Identity: func(c *storage.Coordinates) string {
			if c.Azure == nil {
				return ""
			}
			return c.Azure.Container
		},
		Forget:   forget,
		Content:  func(in storage.Inputs) (storage.Content, error) { return newContent(in, options, pool) },
		Observed: func(in storage.Inputs) string { return observed(in, options) },
	}
}

// caBundle is the cloud's own CA beside the system's roots: an Azure Stack Hub may have a private one.
func caBundle(in storage.Inputs) (storage.CABundle, error) {
	pem, _, err := transport.Bundle(in, names.ManagedConfigNamespace, names.KubeCloudConfig, names.KubeCloudConfigCAKey)
	return storage.CABundle{PEM: pem, SystemRoots: true}, err
}

// forget clears the names that were generated. Those that the administrator chose stay: they say what the next account
// or container is to be called.
func forget(c *storage.Coordinates) {
	if c.Azure == nil {
		return
	}
	for _, name := range []*string{&c.Azure.AccountName, &c.Azure.Container} {
		if generated(*name) {
			*name = ""
		}
	}
	if n := c.Azure.NetworkAccess; n != nil && n.Internal != nil && generated(n.Internal.PrivateEndpointName) {
		n.Internal.PrivateEndpointName = ""
	}
}
