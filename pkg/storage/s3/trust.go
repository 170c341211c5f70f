package s3

import (
	"fmt"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// trustedCAKey is the key of the bundle in the ConfigMap that trustedCA names.
const trustedCAKey = "ca-bundle.crt"

// caBundle is the trust for the endpoint: the administrator's bundle alone, or the cloud's beside the system's roots.
func caBundle(in storage.Inputs) (storage.CABundle, error) {
	if s3 := in.Coordinates.S3; s3 != nil && s3.TrustedCA.Name != "" {
		pem, found, err := transport.Bundle(in, names.UserConfigNamespace, s3.TrustedCA.Name, trustedCAKey)
		if err == nil && !found {
			err = transport.TrustError(fmt.Sprintf("spec.storage.s3.trustedCA needs configmap %s/%s with key %s; create it",
				names.UserConfigNamespace, s3.TrustedCA.Name, trustedCAKey))
		}
		return storage.CABundle{PEM: pem}, err
	}
	pem, _, err := transport.Bundle(in, names.ManagedConfigNamespace, names.KubeCloudConfig, names.KubeCloudConfigCAKey)
	return storage.CABundle{PEM: pem, SystemRoots: true}, err
}
