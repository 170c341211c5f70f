package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestIPv6Only: a cluster without any IPv4 address, whose API server and S3 server are reached at [::1].
func TestIPv6Only(t *testing.T) {
	needIPv6(t)
	onFamily(t, "ipv6")
	if !strings.HasPrefix(cluster.APIServer, "https://[::1]:") {
		t.Fatalf("the API server is at %s", cluster.APIServer)
	}
	t.Run("the Service has the cluster's family", func(t *testing.T) { requireService(t, corev1.IPv6Protocol) })
	t.Run("names stay names", requireNames)
	t.Run("S3 by its address", requireS3ByAddress)
	t.Run("the network policies", func(t *testing.T) {
		ordinaryPod(t)
		cluster.RequirePolicies(t, library.Surroundings{
			Client: "places/app=client", Anywhere: "2001:db8::7", APIServer: "fd2e:6f44:5dd8::1", DNS: "fd02::a", WhatIf: []string{library.OperatorWorkload, library.PrunerWorkload},
		})
	})
}

// TestDualStack: a cluster with both families, IPv4 first.
func TestDualStack(t *testing.T) {
	needIPv6(t)
	onFamily(t, "dual")
	t.Run("the Service has the cluster's first family", func(t *testing.T) { requireService(t, corev1.IPv4Protocol) })
	t.Run("an administrator gives it both, and they stay", requireBothFamilies)
	t.Run("names stay names", requireNames)
	t.Run("the network policies", func(t *testing.T) {
		ordinaryPod(t)
		s := library.Surroundings{Client: "places/app=client", WhatIf: []string{library.OperatorWorkload, library.PrunerWorkload}}
		for _, family := range [][]string{{"198.51.100.7", "10.0.0.1", "10.0.0.2"}, {"2001:db8::7", "fd2e:6f44:5dd8::1", "fd02::a"}} {
			s.Anywhere, s.APIServer, s.DNS = family[0], family[1], family[2]
			t.Run(s.Anywhere, func(t *testing.T) { cluster.RequirePolicies(t, s) })
		}
	})
}

// onFamily starts a cluster of the family, and the operator, and waits for the registry.
func onFamily(t *testing.T, family string) {
	t.Helper()
	inAnotherCluster(t, family, "--simulated", "2", "--ip-family", family)
	if cluster.Family != family {
		t.Fatalf("the cluster is %q", cluster.Family)
	}
	release(t, "self-managed-high-availability")
	if err := cluster.UntilServiceAccount(t.Context(), names.OperatorNamespace, names.OperatorDeployment); err != nil {
		t.Fatal(err)
	}
	var err error
	if operator, err = cluster.StartOperator(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	operator.PrintOnFailure(t)
	cluster.UntilAvailable(t, settle)
	t.Cleanup(func() {
		library.RequireNothingDenied(t, cluster, time.Time{})
		library.RequireSpareEvents(t, cluster, secretValues()...)
	})
}

func registryService(ctx context.Context) (*corev1.Service, error) {
	return cluster.Kube.CoreV1().Services(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
}

// requireService checks that the Service has an address of the family alone, as any Service that does not ask for more.
func requireService(t *testing.T, family corev1.IPFamily) {
	t.Helper()
	service, err := registryService(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	address, err := netip.ParseAddr(service.Spec.ClusterIP)
	if err != nil || address.Is6() != (family == corev1.IPv6Protocol) || !slices.Equal(service.Spec.IPFamilies, []corev1.IPFamily{family}) ||
		ptr.Deref(service.Spec.IPFamilyPolicy, "") != corev1.IPFamilyPolicySingleStack {
		t.Errorf("service %+v, want %s", service.Spec, family)
	}
}

// requireBothFamilies edits the Service, which says nothing of families, and then a field that makes the operator look at
// everything again.
func requireBothFamilies(t *testing.T) {
	edit := []byte(`{"spec":{"ipFamilyPolicy":"PreferDualStack"}}`)
	if _, err := cluster.Kube.CoreV1().Services(names.OperatorNamespace).Patch(t.Context(), names.Registry, types.MergePatchType, edit, metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	// Drift beside it is reverted, so the operator has dealt with the Service.
	service := managedObject{corev1.SchemeGroupVersion.WithResource("services"), names.OperatorNamespace, names.Registry}
	revert(t, service, `{"spec":{"selector":{"docker-registry":"other"}}}`, "spec", "selector")
	cluster.Always(t, 2*time.Second, "a Service of both families", func(ctx context.Context) error {
		live, err := registryService(ctx)
		if err != nil {
			return err
		}
		if want := []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}; !slices.Equal(live.Spec.IPFamilies, want) || len(live.Spec.ClusterIPs) != 2 {
			return fmt.Errorf("service %+v", live.Spec)
		}
		return nil
	})
}

// requireNames checks what is made of names and not of addresses: the registry's hostname, the keys of CAs, what the
// pruner calls; and that keys that stand for addresses are passed on.
func requireNames(t *testing.T) {
	untilHosts(t, names.Registry+"."+names.OperatorNamespace+".svc:5000")
	cluster.Until(t, settle, "the pruner to know the registry", func(ctx context.Context) error {
		job, err := cronJob(ctx)
		if err != nil {
			return err
		}
		if got := argument("--registry-url")(job); got != registryURL {
			return fmt.Errorf("have %q", got)
		}
		return nil
	})
	requireKey(t, names.Registry+"."+names.OperatorNamespace+".svc..5000")
	const key = "fd00....1..5000"
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "own-registries"}, Data: map[string]string{key: library.SelfSignedCA(t, "a registry with an IPv6 address")}}
	if _, err := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace).Create(t.Context(), own, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	patchImage(t, `{"spec":{"additionalTrustedCA":{"name":"own-registries"}}}`)
	requireKey(t, key)
	cluster.Patch(t, `{"spec":{"defaultRoute":true}}`)
	cluster.Until(t, settle, "the default route to be admitted", func(ctx context.Context) error {
		route, err := cluster.Route.RouteV1().Routes(names.OperatorNamespace).Get(ctx, names.DefaultRoute, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if len(route.Status.Ingress) == 0 || route.Spec.Host == "" {
			return errors.New("not yet")
		}
		return nil
	})
	cluster.Patch(t, `{"spec":{"defaultRoute":false}}`)
	cluster.UntilAvailable(t, settle)
}

// requireS3ByAddress moves the storage to an endpoint that is an IPv6 address: the bucket is made there and tagged, and the
// registry is told the same address.
func requireS3ByAddress(t *testing.T) {
	const bucket = "by-address"
	endpoint := cluster.S3.HostEndpoint
	if !strings.HasPrefix(endpoint, "https://[::1]:") {
		t.Fatalf("the S3 server is at %s", endpoint)
	}
	bundle, err := os.ReadFile(cluster.S3.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	trusted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "s3-ca"}, Data: map[string]string{"ca-bundle.crt": string(bundle)}}
	if _, err := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace).Create(t.Context(), trusted, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Patch(t, fmt.Sprintf(`{"spec":{"storage":{"managementState":null,"s3":{"bucket":%q,"region":%q,"regionEndpoint":%q,"virtualHostedStyle":false,"trustedCA":{"name":"s3-ca"}}}}}`,
		bucket, cluster.S3.Region, endpoint))
	config := cluster.UntilAvailable(t, settle)
	if s3 := config.Status.Storage.S3; s3 == nil || s3.Bucket != bucket || s3.RegionEndpoint != endpoint || !config.Status.StorageManaged {
		t.Errorf("status.storage %+v, managed %t", config.Status.Storage.S3, config.Status.StorageManaged)
	}
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "True", Reason: "S3 Bucket Exists"},
		library.Want{Type: names.StorageTagged, Status: "True", Reason: "Tagging Successful"},
		library.Want{Type: names.StorageEncrypted, Status: "True", Reason: "Encryption Successful"},
	)
	if found, err := cluster.FindBucket(t.Context(), bucket); err != nil || found == nil || found.Account != "main" {
		t.Errorf("bucket %+v: %v", found, err)
	}
	requireRecorded(t, bucket, strings.TrimPrefix(endpoint, "https://"))
	untilDeployment(t, "the address", all(
		env("REGISTRY_STORAGE_S3_REGIONENDPOINT", endpoint), env("REGISTRY_STORAGE_S3_FORCEPATHSTYLE", "true"), env("REGISTRY_STORAGE_S3_BUCKET", bucket),
	))
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
	requireBucket(t, bucket, false)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilAvailable(t, settle)
}

// requireRecorded checks that the S3 server was asked for the bucket and its tags under that host.
func requireRecorded(t *testing.T, bucket, host string) {
	t.Helper()
	var log struct {
		Requests []struct {
			Method string   `json:"method"`
			Host   string   `json:"host"`
			Bucket string   `json:"bucket"`
			Query  []string `json:"query"`
			Status int      `json:"status"`
		} `json:"requests"`
	}
	if err := cluster.S3JSON(t.Context(), "/requests", &log); err != nil {
		t.Fatal(err)
	}
	made, tagged := false, false
	for _, request := range log.Requests {
		if request.Bucket != bucket || request.Method != "PUT" || request.Status >= 300 {
			continue
		}
		if request.Host != host {
			t.Errorf("the bucket was asked for at %s, want %s", request.Host, host)
		}
		made = made || len(request.Query) == 0
		tagged = tagged || slices.Contains(request.Query, "tagging")
	}
	if !made || !tagged {
		t.Errorf("bucket made: %t, tagged: %t in %+v", made, tagged, log.Requests)
	}
}

// ordinaryPod runs, as far as pods run here, in a namespace of its own.
func ordinaryPod(t *testing.T) {
	t.Helper()
	if _, err := cluster.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "places"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "client", Labels: map[string]string{"app": "client"}},
		Spec:       corev1.PodSpec{AutomountServiceAccountToken: ptr.To(false), Containers: []corev1.Container{{Name: "client", Image: "cluster.test/client:1"}}},
	}
	pods := cluster.Kube.CoreV1().Pods("places")
	cluster.Until(t, settle, "a client pod", func(ctx context.Context) error {
		// The namespace's ServiceAccount may not be there yet.
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		return err
	})
	cluster.Until(t, settle, "the client pod's addresses", func(ctx context.Context) error {
		found, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && len(found.Status.PodIPs) == 0 {
			err = errors.New("it has none")
		}
		return err
	})
}
