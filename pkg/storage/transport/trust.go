package transport

import (
	"crypto/x509"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Bundle reads a bundle of certificates from a key of a ConfigMap; found is false when there is no such object or key.
// A key without any certificate is an error: an empty pool would refuse every server, and say so about the server rather
// than about the bundle.
func Bundle(in storage.Inputs, namespace, name, key string) (pem []byte, found bool, err error) {
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
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		return nil, true, TrustError(fmt.Sprintf("key %s of configmap %s/%s contains no certificate; correct or remove it", key, namespace, name))
	}
	return []byte(text), true, nil
}

// TrustError is the error for a bundle that cannot be used.
func TrustError(message string) error {
	return &storage.Error{Status: "Unknown", ConditionReason: storage.UnknownError, Code: "InvalidCABundle", Message: message}
}

// Roots is the pool for a bundle; nil stands for the system's roots.
func Roots(bundle storage.CABundle) (*x509.CertPool, error) {
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
