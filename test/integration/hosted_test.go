package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestHostedControlPlane runs the operator as a hosted control plane does: beside the cluster, which it knows from a
// kubeconfig only. There is no Deployment of its own in the cluster, the variables of its pod speak of another one, and
// the API server has an IPv6 address, where the machine has such addresses.
func TestHostedControlPlane(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	before, old := lease(t), map[types.UID]bool{}
	outside, gate := hosted(t)
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		old[events[i].UID] = true
	}
	config := fresh(t, configv1.AWSPlatformType)
	if config.Spec.Replicas != 2 {
		t.Errorf("%d replicas, want 2: the workers are highly available, whatever the control plane is", config.Spec.Replicas)
	}
	cluster.UntilAvailable(t, settle)

	if holder := lease(t); holder == before || holder == "" {
		t.Errorf("the lease in the cluster is held by %q, as before", holder)
	}
	if text := "Events go to the namespace " + names.OperatorNamespace; !strings.Contains(outside.Log(), text) {
		t.Errorf("the log lacks %q", text)
	}
	cluster.Until(t, settle, "an event on the namespace", func(ctx context.Context) error {
		events, err := cluster.OperatorEvents(ctx)
		if err != nil {
			return err
		}
		for i := range events {
			object := events[i].InvolvedObject
			if !old[events[i].UID] && object.Kind == "Namespace" && object.Name == names.OperatorNamespace && events[i].Namespace == names.OperatorNamespace {
				return nil
			}
		}
		return fmt.Errorf("none of %d, %d of them old", len(events), len(old))
	})
	requireRelatedObjects(t)
	t.Run("over IPv6", func(t *testing.T) {
		if gate.noIPv6 != nil {
			t.Skipf("all this was over IPv4: %v", gate.noIPv6)
		}
		if passed := gate.passed.Load(); passed == 0 || !strings.Contains(gate.address, "[::1]") {
			t.Errorf("%d connections have come through %s", passed, gate.address)
		}
	})
}

// requireRelatedObjects checks what must-gather and the console follow from the ClusterOperator.
func requireRelatedObjects(t *testing.T) {
	t.Helper()
	operator, err := cluster.Config.ConfigV1().ClusterOperators().Get(t.Context(), names.ClusterOperator, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []configv1.ObjectReference{
		{Group: "imageregistry.operator.openshift.io", Resource: "configs", Name: names.Cluster},
		{Group: "imageregistry.operator.openshift.io", Resource: "imagepruners", Name: names.Cluster},
		{Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: names.RegistryClusterRole},
		{Group: "rbac.authorization.k8s.io", Resource: "clusterrolebindings", Name: names.RegistryClusterRoleBinding},
		{Resource: "namespaces", Name: names.OperatorNamespace},
	} {
		if !slices.Contains(operator.Status.RelatedObjects, want) {
			t.Errorf("related objects %v lack %v", operator.Status.RelatedObjects, want)
		}
	}
	for _, object := range operator.Status.RelatedObjects {
		if object.Resource == "deployments" && object.Name == names.OperatorDeployment || strings.Contains(object.Namespace, "elsewhere") {
			t.Errorf("related object %v is not in this cluster", object)
		}
	}
}

// lease is who holds the lock.
func lease(t *testing.T) string {
	t.Helper()
	live, err := cluster.Kube.CoordinationV1().Leases(names.OperatorNamespace).Get(t.Context(), names.Lease, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if live.Spec.HolderIdentity == nil {
		return ""
	}
	return *live.Spec.HolderIdentity
}

// hosted replaces the operator of the suite by one outside the cluster, until the end of the test.
func hosted(t *testing.T) (*library.Operator, *relay) {
	t.Helper()
	if err := operator.Stop(); err != nil {
		t.Fatalf("stopping the operator: %v\n%s", err, operator.Tail(20))
	}
	inside := operator
	t.Cleanup(func() { backInside(t, inside) })
	controlPlane(t, configv1.ExternalTopologyMode)
	withoutDeployment(t)

	address, err := url.Parse(cluster.APIServer)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *cluster
	gate := startRelay(t, address.Host)
	elsewhere.APIServer = "https://" + gate.address
	elsewhere.REST = rest.CopyConfig(cluster.REST)
	elsewhere.REST.ServerName = address.Hostname()
	// Nobody answers at these: who used them would not get anywhere.
	operator, err = elsewhere.StartOperator(t.Context(), t.TempDir(), "POD_NAME=elsewhere-0", "WATCH_NAMESPACE=", "OPERATOR_NAME=",
		"POD_NAMESPACE=elsewhere", "KUBERNETES_SERVICE_HOST=192.0.2.1", "KUBERNETES_SERVICE_PORT=443", "NO_PROXY=127.0.0.1,localhost,::1")
	if err != nil {
		t.Fatal(err)
	}
	return operator, gate
}

// backInside starts the operator of the suite again.
func backInside(t *testing.T, inside *library.Operator) {
	ctx := context.Background()
	outside := ""
	if live, err := cluster.Kube.CoordinationV1().Leases(names.OperatorNamespace).Get(ctx, names.Lease, metav1.GetOptions{}); err == nil && live.Spec.HolderIdentity != nil {
		outside = *live.Spec.HolderIdentity
	}
	if operator != inside {
		if err := operator.Stop(); err != nil {
			t.Errorf("stopping the operator outside: %v\n%s", err, operator.Tail(20))
		}
	}
	patch := fmt.Sprintf(`{"status":{"controlPlaneTopology":%q}}`, configv1.HighlyAvailableTopologyMode)
	if _, err := cluster.Config.ConfigV1().Infrastructures().Patch(ctx, names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Errorf("making the control plane one of this cluster again: %v", err)
	}
	again, err := cluster.StartOperator(ctx, workDir, "AZURE_ENVIRONMENT_FILEPATH="+azureEndpoints)
	if err != nil {
		t.Errorf("starting the operator again: %v", err)
		return
	}
	operator = again
	// What comes next may stop it, or want it to act.
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, settle, true, func(ctx context.Context) (bool, error) {
		live, err := cluster.Kube.CoordinationV1().Leases(names.OperatorNamespace).Get(ctx, names.Lease, metav1.GetOptions{})
		holder := ""
		if err == nil && live.Spec.HolderIdentity != nil {
			holder = *live.Spec.HolderIdentity
		}
		return holder != "" && holder != outside, nil
	})
	if err != nil {
		t.Errorf("waiting for the operator inside to lead: %v\n%s", err, again.Tail(20))
	}
}

// withoutDeployment takes the operator's own Deployment out of the release, and out of the cluster, until the end of the
// test.
func withoutDeployment(t *testing.T) {
	t.Helper()
	deploy := func(ctx context.Context, manifests string) {
		if err := cluster.Deploy(ctx, "--manifests", manifests, "--version", "4.22.0-test"); err != nil {
			t.Errorf("deploying %s: %v", manifests, err)
		}
	}
	manifests := t.TempDir()
	if err := os.CopyFS(manifests, os.DirFS("../../manifests")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(manifests, "07-operator.yaml")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deploy(context.Background(), "../../manifests") })
	deploy(t.Context(), manifests)
	deployments := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace)
	gone := func(ctx context.Context) error {
		_, err := deployments.Get(ctx, names.OperatorDeployment, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, deployments.Delete(ctx, names.OperatorDeployment, metav1.DeleteOptions{}), errors.New("it is there"))
	}
	// The version operator takes a moment to see the new release, and may make it once more meanwhile.
	var since time.Time
	cluster.Until(t, settle, "the end of the operator's deployment for good", func(ctx context.Context) error {
		if err := gone(ctx); err != nil {
			since = time.Time{}
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < 3*time.Second {
			return errors.New("it may come back")
		}
		return nil
	})
}

func controlPlane(t *testing.T, topology configv1.TopologyMode) {
	t.Helper()
	patch := fmt.Sprintf(`{"status":{"controlPlaneTopology":%q}}`, topology)
	if _, err := cluster.Config.ConfigV1().Infrastructures().Patch(t.Context(), names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// relay is another address of the API server.
type relay struct {
	// address is one of IPv6, with its brackets, unless noIPv6 says why not.
	address string
	noIPv6  error
	// passed counts connections.
	passed atomic.Int64
}

// startRelay passes connections on to target until the end of the test.
func startRelay(t *testing.T, target string) *relay {
	t.Helper()
	r := &relay{}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		r.noIPv6 = err
		listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				r.passed.Add(1)
				go pass(client, target)
			}
		}
	}()
	r.address = listener.Addr().String()
	return r
}

func pass(client net.Conn, target string) {
	defer client.Close()
	server, err := (&net.Dialer{}).Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
