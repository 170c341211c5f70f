package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestABatchOfEditsReachesTheRunningPods: what the administrator writes is what the process in the pod has.
func TestABatchOfEditsReachesTheRunningPods(t *testing.T) {
	managed(t, onS3)
	cluster.Patch(t, `{"spec":{"logLevel":"Debug","disableRedirect":true,"proxy":{"noProxy":"edited.test"},
		"requests":{"read":{"maxRunning":7,"maxInQueue":8,"maxWaitInQueue":"9s"}},"resources":{"requests":{"cpu":"11m","memory":"64Mi"}},
		"tolerations":[{"key":"edited","operator":"Exists"}]}}`)
	cluster.UntilAvailable(t, settle)
	pod := onlyPod(t)
	for name, want := range map[string]string{
		"REGISTRY_LOG_LEVEL": "debug", "REGISTRY_STORAGE_REDIRECT_DISABLE": "true", "NO_PROXY": "edited.test",
		"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING": "7", "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE": "8", "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE": "9s",
	} {
		if !slices.Contains(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: name, Value: want}) {
			t.Errorf("the pod lacks %s=%s", name, want)
		}
	}
	if cpu := pod.Spec.Containers[0].Resources.Requests.Cpu().String(); cpu != "11m" {
		t.Errorf("the pod requests %s of cpu, want 11m", cpu)
	}
	if !slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool { return t.Key == "edited" }) {
		t.Errorf("the pod lacks the toleration: %+v", pod.Spec.Tolerations)
	}
	cluster.Patch(t, `{"spec":{"readOnly":true,"logLevel":"Normal","disableRedirect":false,"proxy":null,"requests":null,"resources":null,"tolerations":null}}`)
	cluster.UntilAvailable(t, settle)
	cluster.Until(t, time.Minute, "a read-only registry to refuse a push", func(ctx context.Context) error {
		out, err := cluster.Driver(ctx, "image", "push", "e2e/readonly", "latest")
		if err == nil {
			return fmt.Errorf("it took %s", out)
		}
		if !strings.Contains(err.Error(), "405") && !strings.Contains(err.Error(), "UNSUPPORTED") {
			return fmt.Errorf("refused for another reason: %w", err)
		}
		return nil
	})
	cluster.Patch(t, `{"spec":{"readOnly":false}}`)
	cluster.UntilAvailable(t, settle)
	push(t, "e2e/readonly")
}

// TestUnmanagedIsLeftAlone: nobody touches what the administrator took over.
func TestUnmanagedIsLeftAlone(t *testing.T) {
	managed(t, onS3)
	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	cluster.UntilConditions(t, settle, library.Want{Type: names.Available, Status: "True", Reason: names.ReasonUnmanaged})
	if err := cluster.Kube.CoreV1().Services(names.OperatorNamespace).Delete(t.Context(), names.Registry, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	deployments := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace)
	before, err := deployments.Get(t.Context(), names.Registry, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cluster.Patch(t, `{"spec":{"logLevel":"Trace"}}`)
	cluster.Always(t, 10*time.Second, "the deleted service stays away, the deployment as it is", func(ctx context.Context) error {
		now, err := deployments.Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if now.Generation != before.Generation {
			return fmt.Errorf("the deployment is of generation %d, was of %d", now.Generation, before.Generation)
		}
		if _, err = cluster.Kube.CoreV1().Services(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{}); err == nil {
			return fmt.Errorf("it is back")
		}
		return library.IgnoreNotFound(err)
	})
	cluster.Patch(t, `{"spec":{"managementState":"Managed","logLevel":"Normal"}}`)
	cluster.UntilAvailable(t, settle)
	push(t, "e2e/unmanaged")
}

// TestManagedRemovedManaged: the registry goes whole and comes back whole.
func TestManagedRemovedManaged(t *testing.T) {
	bucket := managed(t, onS3).Status.Storage.S3.Bucket
	push(t, "e2e/removed")
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	config := cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonRemoved},
		library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonRemoved},
		library.Want{Type: names.Removed, Status: "True", Reason: names.ReasonRemoved},
		library.Want{Type: names.StorageExists, Status: "False", Reason: "S3 Bucket Deleted"},
	)
	if storage, err := json.Marshal(config.Status.Storage); err != nil || config.Status.Storage.S3 != nil {
		t.Errorf("status.storage %s (%v) after the removal", storage, err)
	}
	pods, err := registryPods(t.Context())
	if err != nil || len(pods) != 0 {
		t.Errorf("%d registry pods (%v) after the removal", len(pods), err)
	}
	requireBucket(t, bucket, false)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilAvailable(t, settle)
	pull(t, "e2e/back", push(t, "e2e/back"))
}

// rackLabel is how this test's administrator groups nodes.
const rackLabel = "e2e.test/rack"

// TestTopologySpread: the real scheduler honours the default constraints over real and simulated nodes in three zones,
// and only the administrator's when there are some. A preference for one node stands against both: what spreads all the
// same are the constraints.
func TestTopologySpread(t *testing.T) {
	managed(t, onS3)
	rack(t, map[string]string{"node-0": "real", "node-1": "real"}, "simulated")
	// Simulated nodes run no process: the rollout may count their pods ready, which is all that this test needs.
	cluster.Patch(t, `{"spec":{"replicas":3,"nodeSelector":null,"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[
		{"weight":100,"preference":{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["node-0"]}]}}]}}}}`)
	untilSpread(t, names.ZoneLabel, 1, 1, 1)
	// By the default six pods would be four on two real nodes and two on the simulated one.
	cluster.Patch(t, `{"spec":{"replicas":6,"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"`+rackLabel+`","whenUnsatisfiable":"DoNotSchedule",
		"labelSelector":{"matchLabels":{"docker-registry":"default"}},"matchLabelKeys":["pod-template-hash"]}]}}`)
	untilSpread(t, rackLabel, 3, 3)
}

// rack labels the nodes, those without an entry as other, until the end of the test.
func rack(t *testing.T, racks map[string]string, other string) {
	t.Helper()
	nodes, err := cluster.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	label := func(ctx context.Context, node, value string) error {
		patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, rackLabel, value)
		_, err := cluster.Kube.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	for i := range nodes.Items {
		node := nodes.Items[i].Name
		if err := label(t.Context(), node, strconv.Quote(cmp.Or(racks[node], other))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = label(context.Background(), node, "null") })
	}
}

// untilSpread waits until the pods of one template are so many in each domain.
func untilSpread(t *testing.T, key string, want ...int) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("pods in %v over %s", want, key), func(ctx context.Context) error {
		domains, err := podsPer(ctx, key)
		if err != nil {
			return err
		}
		if got := slices.Sorted(maps.Values(domains)); !slices.Equal(got, want) {
			return fmt.Errorf("pods per domain: %v", domains)
		}
		return nil
	})
}

func podsPer(ctx context.Context, key string) (map[string]int, error) {
	pods, err := registryPods(ctx)
	if err != nil {
		return nil, err
	}
	domains := map[string]int{}
	for i := range pods {
		if pods[i].DeletionTimestamp != nil || pods[i].Spec.NodeName == "" {
			continue
		}
		node, err := cluster.Kube.CoreV1().Nodes().Get(ctx, pods[i].Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		domains[node.Labels[key]]++
	}
	return domains, nil
}

// onlyPod is the one pod that is not on its way out.
func onlyPod(t *testing.T) corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	cluster.Until(t, settle, "exactly one registry pod", func(ctx context.Context) error {
		pods, err := registryPods(ctx)
		if err != nil {
			return err
		}
		pods = slices.DeleteFunc(pods, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
		if len(pods) != 1 {
			return fmt.Errorf("there are %d", len(pods))
		}
		pod = pods[0]
		return nil
	})
	return pod
}
