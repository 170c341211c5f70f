// Package serviceca stands in for OpenShift's service CA operator: it signs serving certificates for Services that ask for
// one, renews them, and puts its CA into ConfigMaps that ask for it.
package serviceca

import (
	"bytes"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Where the CA is kept, as in OpenShift: a stand-in that is started again signs with the same key.
const (
	Namespace     = "openshift-service-ca"
	SigningSecret = "signing-key"
	previousKey   = "previous-ca.crt"
)

// Defaults of the real service CA.
const (
	defaultCALifetime = 26 * 30 * 24 * time.Hour
	defaultLifetime   = 2 * 365 * 24 * time.Hour
	defaultMargin     = time.Hour
)

// Options bound the life of certificates. Tests make it short to see a rotation.
type Options struct {
	// Lifetime is how long a serving certificate is valid.
	Lifetime time.Duration
	// Margin is how long before its expiry it is replaced.
	Margin time.Duration
	// CALifetime is how long the CA is valid. A CA with less life left than a serving certificate needs is replaced when the
	// stand-in starts; the old one stays in the injected bundle.
	CALifetime time.Duration
	// ClusterDomain ends the long names of Services.
	ClusterDomain string
}

func (o Options) withDefaults() (Options, error) {
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	if o.Margin == 0 {
		o.Margin = min(defaultMargin, o.Lifetime/2)
	}
	if o.CALifetime == 0 {
		o.CALifetime = max(defaultCALifetime, 2*o.Lifetime)
	}
	if o.ClusterDomain == "" {
		o.ClusterDomain = "cluster.local"
	}
	if o.Margin >= o.Lifetime {
		return o, fmt.Errorf("service CA: margin %s is not shorter than the lifetime %s: every certificate would be replaced at once", o.Margin, o.Lifetime)
	}
	if o.CALifetime < o.Lifetime+o.Margin {
		return o, fmt.Errorf("service CA: CA lifetime %s is shorter than a certificate's %s and margin %s", o.CALifetime, o.Lifetime, o.Margin)
	}
	return o, nil
}

// ensureAuthority reads the CA, or makes one. The bundle holds the current CA and, after a change, the one before.
func ensureAuthority(ctx context.Context, client kubernetes.Interface, o Options, now time.Time) (*authority, []byte, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, nil, fmt.Errorf("creating namespace %s: %w", Namespace, err)
	}
	secrets := client.CoreV1().Secrets(Namespace)
	stored, err := secrets.Get(ctx, SigningSecret, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		stored = nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading secret %s/%s: %w", Namespace, SigningSecret, err)
	}
	var previous []byte
	if stored != nil {
		ca, err := parseAuthority(stored.Data[corev1.TLSCertKey], stored.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			return nil, nil, fmt.Errorf("secret %s/%s: %w", Namespace, SigningSecret, err)
		}
		if ca.cert.NotAfter.Sub(now) >= o.Lifetime+o.Margin {
			return ca, bundle(ca.certPEM, stored.Data[previousKey]), nil
		}
		previous = ca.certPEM
	}
	ca, err := newAuthority(now, o.CALifetime)
	if err != nil {
		return nil, nil, err
	}
	if err := storeAuthority(ctx, client, stored, ca, previous); err != nil {
		return nil, nil, err
	}
	return ca, bundle(ca.certPEM, previous), nil
}

func storeAuthority(ctx context.Context, client kubernetes.Interface, stored *corev1.Secret, ca *authority, previous []byte) error {
	secrets := client.CoreV1().Secrets(Namespace)
	data := map[string][]byte{corev1.TLSCertKey: ca.certPEM, corev1.TLSPrivateKeyKey: ca.keyPEM}
	if len(previous) > 0 {
		data[previousKey] = previous
	}
	if stored != nil {
		stored.Data = data
		if _, err := secrets.Update(ctx, stored, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("replacing the CA in secret %s/%s: %w", Namespace, SigningSecret, err)
		}
		return nil
	}
	fresh := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: SigningSecret, Namespace: Namespace},
		Type:       corev1.SecretTypeTLS,
		Data:       data,
	}
	if _, err := secrets.Create(ctx, fresh, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("storing the CA in secret %s/%s: %w", Namespace, SigningSecret, err)
	}
	return nil
}

func bundle(parts ...[]byte) []byte {
	return bytes.Join(parts, nil)
}
