// Package simulated adds nodes that exist only in the API: kwok reports them ready and their pods running. They are
// enough to see what the scheduler does with many nodes in several zones.
package simulated

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// annotation marks the nodes that kwok plays; all others are left alone.
const annotation = "kwok.x-k8s.io/node"

// Start starts kwok.
func Start(g *process.Group, kube, dir, kubeconfig string) error {
	path := filepath.Join(dir, "kwok.yaml")
	// "Fast": a node is ready and a pod runs at once. kwok has no stages of its own and refuses to start without.
	stages := []string{nodefast.DefaultNodeInit, podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete}
	if err := os.WriteFile(path, []byte(strings.Join(stages, "\n---\n")), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err := g.Start(process.Spec{
		Name: "kwok", Path: kube, Dir: dir, Env: append(os.Environ(), "HOME="+dir, "KWOK_WORKDIR="+dir),
		Args: []string{
			"kwok",
			"--config=" + path,
			"--kubeconfig=" + kubeconfig,
			"--manage-all-nodes=false",
			"--manage-nodes-with-annotation-selector=" + annotation + "=fake",
			// Leases instead of status updates: a fraction of the writes to the API server.
			"--node-lease-duration-seconds=40",
		},
	})
	return err
}

// NodeName is the name of a simulated node.
func NodeName(index int) string { return fmt.Sprintf("simulated-%d", index) }

// Node describes a simulated node with the given labels and addresses of the family. The scheduler is to take it only when no real node will do, as
// for the spread over zones: a pod there is "running" and "ready", but it does nothing.
func Node(index int, family addresses.Family, labels map[string]string) *corev1.Node {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	// With a host name among them kwok leaves them as they are.
	own := []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: NodeName(index)}}
	for _, address := range family.SimulatedNode(index) {
		own = append(own, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	pods := family.SimulatedPods(index)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: NodeName(index), Labels: labels, Annotations: map[string]string{annotation: "fake"},
		},
		// kwok takes a pod's addresses out of these ranges, one of each.
		Spec: corev1.NodeSpec{PodCIDR: pods[0], PodCIDRs: pods, Taints: []corev1.Taint{
			{Key: annotation, Value: "fake", Effect: corev1.TaintEffectPreferNoSchedule},
		}},
		Status: corev1.NodeStatus{Capacity: capacity, Allocatable: capacity, Addresses: own},
	}
}

// Add creates the node unless it is there.
func Add(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating node %s: %w", node.Name, err)
	}
	return nil
}
