package swift

import (
	"crypto/x509"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// caKey is the key of the cloud's CA in the minted Secret, caMapKey that in the ConfigMap of the cloud provider.
const (
	caKey    = "cacert"
	caMapKey = "ca-bundle.pem"
)

// caBundle is the trust for Keystone and Swift. It is reported without the system's roots: the registry's pods have them
// anyway, and so does our own client.
func caBundle(in storage.Inputs) (storage.CABundle, error) {
	if secret := in.MintedSecret; secret != nil && len(secret.Data[caKey]) > 0 {
		return bundle(secret.Data[caKey], fmt.Sprintf("key %s of secret %s/%s", caKey, secret.Namespace, secret.Name))
	}
	configMap, err := in.ConfigMap(names.UserConfigNamespace, names.CloudProviderConfig)
	if apierrors.IsNotFound(err) || err == nil && configMap.Data[caMapKey] == "" {
		return storage.CABundle{SystemRoots: true}, nil
	}
	if err != nil {
		return storage.CABundle{}, fmt.Errorf("reading configmap %s/%s: %w", names.UserConfigNamespace, names.CloudProviderConfig, err)
	}
	return bundle([]byte(configMap.Data[caMapKey]),
		fmt.Sprintf("key %s of configmap %s/%s", caMapKey, names.UserConfigNamespace, names.CloudProviderConfig))
}

// bundle refuses a text without any certificate: it would look as if the server were at fault.
func bundle(pem []byte, source string) (storage.CABundle, error) {
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return storage.CABundle{}, transport.TrustError(source + " contains no certificate; correct or remove it")
	}
	return storage.CABundle{PEM: pem}, nil
}
