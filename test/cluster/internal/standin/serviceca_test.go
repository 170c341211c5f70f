package standin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
)

const (
	servingAnnotation = "service.beta.openshift.io/serving-cert-secret-name"
	bundleAnnotation  = "service.beta.openshift.io/inject-cabundle"
)

func makeService(t *testing.T, c *cluster, namespace, secret string) *corev1.Service {
	t.Helper()
	service, err := c.kube.CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{servingAnnotation: secret}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 5000}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// issued waits for a certificate that is valid for the service under the CA that is injected, and returns its serial number.
func issued(t *testing.T, c *cluster, namespace string, service *corev1.Service, notSerial string) string {
	t.Helper()
	serial := ""
	kubetest.Eventually(t, "a serving certificate", func(ctx context.Context) string {
		bundle, err := c.kube.CoreV1().ConfigMaps(namespace).Get(ctx, "ca", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		secret, err := c.kube.CoreV1().Secrets(namespace).Get(ctx, "web-tls", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
		if err != nil {
			return err.Error()
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(bundle.Data["service-ca.crt"])) {
			return "the CA is not injected yet"
		}
		for _, name := range []string{"web." + namespace + ".svc", "web." + namespace + ".svc.cluster.local"} {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
				return err.Error()
			}
		}
		if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != service.UID || secret.Type != corev1.SecretTypeTLS {
			return fmt.Sprintf("owner %v, type %s", secret.OwnerReferences, secret.Type)
		}
		if serial = pair.Leaf.SerialNumber.String(); serial == notSerial {
			return "still the same certificate"
		}
		return ""
	})
	return serial
}

func TestServiceCA(t *testing.T) {
	c := start(t)
	namespace := c.namespace(t)
	if _, err := c.kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "ca", Annotations: map[string]string{bundleAnnotation: "true"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := makeService(t, c, namespace, "web-tls")
	first := issued(t, c, namespace, service, "")

	t.Run("replaces it before it expires", func(t *testing.T) { issued(t, c, namespace, service, first) })
	t.Run("makes a deleted one again", func(t *testing.T) {
		secret, err := c.kube.CoreV1().Secrets(namespace).Get(t.Context(), "web-tls", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.kube.CoreV1().Secrets(namespace).Delete(t.Context(), "web-tls", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		kubetest.Eventually(t, "another secret", func(ctx context.Context) string {
			again, err := c.kube.CoreV1().Secrets(namespace).Get(ctx, "web-tls", metav1.GetOptions{})
			if apierrors.IsNotFound(err) || err == nil && again.UID == secret.UID {
				return "not made yet"
			}
			return complaint(err)
		})
	})
	t.Run("repairs an injected CA", func(t *testing.T) {
		maps := c.kube.CoreV1().ConfigMaps(namespace)
		bundle, err := maps.Get(t.Context(), "ca", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := bundle.Data["service-ca.crt"]
		bundle.Data = map[string]string{"service-ca.crt": "spoilt", "other": "x"}
		if _, err := maps.Update(t.Context(), bundle, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		kubetest.Eventually(t, "the CA", func(ctx context.Context) string {
			bundle, err := maps.Get(ctx, "ca", metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			if bundle.Data["service-ca.crt"] != want || len(bundle.Data) != 1 {
				return fmt.Sprintf("%d keys", len(bundle.Data))
			}
			return ""
		})
	})
}

func TestServiceCALeavesForeignSecretsAlone(t *testing.T) {
	c := start(t)
	namespace := c.namespace(t)
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Data: map[string][]byte{"a": []byte("b")}}
	if _, err := c.kube.CoreV1().Secrets(namespace).Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	makeService(t, c, namespace, "mine")
	kubetest.Eventually(t, "an error on the service", func(ctx context.Context) string {
		service, err := c.kube.CoreV1().Services(namespace).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(service.Annotations["service.beta.openshift.io/serving-cert-generation-error"], "was not made for a service") {
			return fmt.Sprint(service.Annotations)
		}
		return ""
	})
	c.refused(t, namespace, "web", "ServingCertFailed", "was not made for a service")
	secret, err := c.kube.CoreV1().Secrets(namespace).Get(t.Context(), "mine", metav1.GetOptions{})
	if err != nil || string(secret.Data["a"]) != "b" || len(secret.Data) != 1 {
		t.Errorf("the foreign secret was changed: %v, %v", secret.Data, err)
	}
}

func TestServiceCARefusesWhatItDoesNotKnow(t *testing.T) {
	c := start(t)
	namespace := c.namespace(t)
	if _, err := c.kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "odd", Annotations: map[string]string{bundleAnnotation: "maybe"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.refused(t, namespace, "odd", "UnknownServiceCAAnnotation", "maybe")
}

func complaint(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
