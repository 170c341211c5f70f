package s3

import (
	"crypto/x509"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// trustedCAKey is the key of the bundle in the ConfigMap that trustedCA names.
const trustedCAKey = "ca-bundle.crt"

// caBundle is the trust for the endpoint: the administrator's bundle alone, or the cloud's beside the system's roots.
func caBundle(in storage.Inputs) (storage.CABundle, error) {
	if s3 := in.Coordinates.S3; s3 != nil && s3.TrustedCA.Name != "" {
		pem, found, err := bundleFrom(in, names.UserConfigNamespace, s3.TrustedCA.Name, trustedCAKey)
		if err == nil && !found {
			err = trustError(fmt.Sprintf("spec.storage.s3.trustedCA needs configmap %s/%s with key %s; create it",
				names.UserConfigNamespace, s3.TrustedCA.Name, trustedCAKey))
		}
		return storage.CABundle{PEM: pem}, err
	}
	pem, _, err := bundleFrom(in, names.ManagedConfigNamespace, names.KubeCloudConfig, names.KubeCloudConfigCAKey)
	return storage.CABundle{PEM: pem, SystemRoots: true}, err
}

func bundleFrom(in storage.Inputs, namespace, name, key string) (pem []byte, found bool, err error) {
	configMap, err := in.ConfigMap(namespace, name)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading configmap %s/%s: %w", namespace, name, err)
	}
	text, found := configMap.Data[key]
	if !found {
		return nil, false, nil
	}
	// An empty pool would refuse every server, and say so about the server rather than about the bundle.
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		return nil, true, trustError(fmt.Sprintf("key %s of configmap %s/%s contains no certificate; correct or remove it", key, namespace, name))
	}
	return []byte(text), true, nil
}

func trustError(message string) error {
	return &storage.Error{Status: "Unknown", ConditionReason: storage.UnknownError, Code: "InvalidCABundle", Message: message}
}

// roots is the pool for a bundle; nil stands for the system's roots.
func roots(bundle storage.CABundle) (*x509.CertPool, error) {
	if len(bundle.PEM) == 0 && bundle.SystemRoots {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if bundle.SystemRoots {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's certificates: %w", err)
		}
		pool = system
	}
	pool.AppendCertsFromPEM(bundle.PEM)
	return pool, nil
}
