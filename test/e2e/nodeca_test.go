package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const certsDir = "/etc/docker/certs.d/"

// TestCAReachesEveryNode: a CA that an administrator adds is where the container runtime of every node looks for it, and
// stays there as long as it is wanted and no longer; what administrators have put on the nodes is left alone.
func TestCAReachesEveryNode(t *testing.T) {
	if cluster.Nodes < 2 {
		// The suite's own cluster has two; one that somebody has running may be smaller.
		if os.Getenv("CLUSTER_STATE") == "" {
			t.Fatalf("the suite's cluster has %d real nodes, want 2", cluster.Nodes)
		}
		t.Skipf("CLUSTER_STATE names a cluster with %d real nodes: with less than 2 it shows nothing that each has its own", cluster.Nodes)
	}
	managed(t, onS3)
	cluster.UntilConditions(t, settle, library.Want{Type: names.NodeCAAvailable, Status: "True"}, library.Want{Type: names.NodeCAProgressing, Status: "False"})
	nodes := make([]int, cluster.Nodes)
	for node := range nodes {
		nodes[node] = node
		onNode(t.Context(), t, node, "mkdir -p "+certsDir+"mine.test && echo mine >"+certsDir+"mine.test/ca.crt")
	}
	certificate := trust(t, "node-ca.test..5000")
	for _, node := range nodes {
		untilOnNode(t, node, "node-ca.test:5000", certificate)
	}

	t.Run("the registry's own CA is there, too, and nothing that is no registry", func(t *testing.T) {
		published, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(t.Context(), names.Certificates, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes {
			untilOnNode(t, node, "image-registry.openshift-image-registry.svc:5000", published.Data["image-registry.openshift-image-registry.svc..5000"])
			if list := onNode(t.Context(), t, node, "ls "+certsDir); strings.Contains(list, names.StorageCABundleKey) {
				t.Errorf("node %d has\n%s", node, list)
			}
		}
	})
	t.Run("an edit on one node is undone", func(t *testing.T) {
		last := nodes[len(nodes)-1]
		onNode(t.Context(), t, last, "echo edited >"+certsDir+"node-ca.test:5000/ca.crt")
		untilOnNode(t, last, "node-ca.test:5000", certificate)
	})
	t.Run("the pods have the one capability they need", nodeCAPodsAreConfined)
	t.Run("it goes when it is not wanted any more, and what administrators made stays", func(t *testing.T) {
		patch := []byte(`{"spec":{"additionalTrustedCA":{"name":""}}}`)
		if _, err := cluster.Config.ConfigV1().Images().Patch(t.Context(), names.Cluster, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes {
			cluster.Until(t, settle, fmt.Sprintf("node %d to forget the CA", node), func(ctx context.Context) error {
				if list := onNode(ctx, t, node, "ls "+certsDir); strings.Contains(list, "node-ca.test") {
					return fmt.Errorf("it has\n%s", list)
				}
				return nil
			})
			untilOnNode(t, node, "mine.test", "mine\n")
		}
	})
}

func nodeCAPodsAreConfined(t *testing.T) {
	pods, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: "name=" + names.NodeCA})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !strings.HasPrefix(pod.Spec.NodeName, "node-") || pod.Status.Phase != corev1.PodRunning {
			continue // on a simulated node
		}
		looked++
		status, err := cluster.Driver(t.Context(), "kubectl", "--", "exec", "-n", names.OperatorNamespace, pod.Name, "--", "cat", "/proc/1/status")
		if err != nil {
			t.Fatal(err)
		}
		// CAP_DAC_OVERRIDE is bit 1.
		for _, want := range []string{"CapEff:\t0000000000000002", "CapBnd:\t0000000000000002", "NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(status, want) {
				t.Errorf("%s on %s lacks %q:\n%s", pod.Name, pod.Spec.NodeName, want, status)
			}
		}
		for _, container := range pod.Status.ContainerStatuses {
			if container.RestartCount != 0 {
				t.Errorf("%s restarted %d times", pod.Name, container.RestartCount)
			}
		}
	}
	if looked != cluster.Nodes {
		t.Errorf("%d pods on %d real nodes", looked, cluster.Nodes)
	}
}

// onNode runs a shell line on a real node and returns its output.
func onNode(ctx context.Context, t *testing.T, node int, line string) string {
	t.Helper()
	out, err := cluster.Driver(ctx, "exec", "--node", strconv.Itoa(node), "--", "sh", "-c", line)
	if err != nil && ctx.Err() == nil {
		t.Fatalf("on node %d: %v", node, err)
	}
	return out
}

// untilOnNode waits until a host's CA on a node is the given one.
func untilOnNode(t *testing.T, node int, host, want string) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("node %d to have the CA of %s", node, host), func(ctx context.Context) error {
		if got := onNode(ctx, t, node, "cat "+certsDir+host+"/ca.crt || ls -lR "+certsDir); got != want {
			return fmt.Errorf("have\n%s\nwant\n%s", got, want)
		}
		return nil
	})
}
