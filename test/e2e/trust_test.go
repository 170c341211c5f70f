package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestAdditionalTrustedCAReachesTheTrustStore: the bundle that the registry process trusts has the certificate.
func TestAdditionalTrustedCAReachesTheTrustStore(t *testing.T) {
	managed(t, onS3)
	certificate := trust(t, "trusted.test..5000")
	cluster.Until(t, settle, "the CA map", func(ctx context.Context) error { return published(ctx, "trusted.test..5000") })
	cluster.Until(t, settle, "the trust store of the running registry", func(ctx context.Context) error { return trusting(ctx, certificate, 1) })
	cluster.UntilAvailable(t, settle)
}

// trusting tells that so many pods of the registry are ready and have the certificate in their trust store.
func trusting(ctx context.Context, certificate string, want int) error {
	pods, err := registryPods(ctx)
	if err != nil {
		return err
	}
	line, found := strings.Split(strings.TrimSpace(certificate), "\n")[1], 0
	for i := range pods {
		if pods[i].DeletionTimestamp != nil || !slices.ContainsFunc(pods[i].Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			continue
		}
		store, err := cluster.Driver(ctx, "kubectl", "--", "exec", "-n", names.OperatorNamespace, pods[i].Name, "--", "cat", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
		if err == nil && strings.Contains(store, line) {
			found++
		}
	}
	if found < want {
		return fmt.Errorf("%d of %d pods have it and are ready, want %d", found, len(pods), want)
	}
	return nil
}

// TestRoutes: the default route and one with a host of the administrator's are admitted, and go when they are not
// wanted any more.
func TestRoutes(t *testing.T) {
	managed(t, onS3)
	cluster.Patch(t, `{"spec":{"defaultRoute":true,"routes":[{"name":"custom","hostname":"registry.example.test"}]}}`)
	cluster.Until(t, settle, "two admitted routes", func(ctx context.Context) error {
		hosts, err := admittedHosts(ctx)
		if err != nil {
			return err
		}
		if len(hosts) != 2 || !slices.Contains(hosts, "registry.example.test") || !slices.ContainsFunc(hosts, func(host string) bool {
			return strings.HasPrefix(host, "default-route-openshift-image-registry.")
		}) {
			return fmt.Errorf("admitted hosts %v", hosts)
		}
		return nil
	})
	cluster.UntilConditions(t, settle, library.Want{Type: names.RoutesReady, Status: "True"}, library.Want{Type: names.Degraded, Status: "False"})
	cluster.Patch(t, `{"spec":{"defaultRoute":false,"routes":null}}`)
	cluster.Until(t, settle, "no routes", func(ctx context.Context) error {
		hosts, err := admittedHosts(ctx)
		if err == nil && len(hosts) != 0 {
			err = fmt.Errorf("hosts %v", hosts)
		}
		return err
	})
}

func admittedHosts(ctx context.Context) ([]string, error) {
	list, err := cluster.Route.RouteV1().Routes(names.OperatorNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var hosts []string
	for i := range list.Items {
		for _, ingress := range list.Items[i].Status.Ingress {
			for _, condition := range ingress.Conditions {
				if condition.Type == "Admitted" && condition.Status == corev1.ConditionTrue {
					hosts = append(hosts, ingress.Host)
				}
			}
		}
	}
	return hosts, nil
}

// trust makes the registry trust a certificate for a host key and returns it.
func trust(t *testing.T, key string) string {
	t.Helper()
	certificate := library.SelfSignedCA(t, key)
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	ca := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-trust-"}, Data: map[string]string{key: certificate}}
	ca, err := maps.Create(t.Context(), ca, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	images := cluster.Config.ConfigV1().Images()
	patch := func(ctx context.Context, name string) error {
		_, err := images.Patch(ctx, names.Cluster, types.MergePatchType, []byte(`{"spec":{"additionalTrustedCA":{"name":"`+name+`"}}}`), metav1.PatchOptions{})
		return err
	}
	if err := patch(t.Context(), ca.Name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := patch(context.Background(), ""); err != nil {
			t.Error(err)
		}
		_ = maps.Delete(context.Background(), ca.Name, metav1.DeleteOptions{})
	})
	return certificate
}

func published(ctx context.Context, key string) error {
	certificates, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(ctx, names.Certificates, metav1.GetOptions{})
	if err == nil && certificates.Data[key] == "" {
		err = fmt.Errorf("config map %s lacks key %s", names.Certificates, key)
	}
	return err
}
