package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Pods as `cluster policies` selects them.
const (
	registryWorkload = names.OperatorNamespace + "/" + names.RegistryLabel + "=" + names.RegistryLabelValue
	operatorWorkload = names.OperatorNamespace + "/name=" + names.OperatorDeployment
	prunerWorkload   = names.OperatorNamespace + "/app=" + names.Pruner
	// strayWorkload is a pod of the namespace that no policy but the one for all pods selects.
	strayWorkload = names.OperatorNamespace + "/app=stray"
	// clientWorkload is an ordinary pod of another namespace.
	clientWorkload = "e2e-policies/app=client"
	// anywhere is an address outside of any cluster.
	anywhere = "198.51.100.7"
)

// flow is the part of the answer of `cluster policies reach` that the test looks at.
type flow struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Allowed bool   `json:"allowed"`
	Egress  verdict
	Ingress verdict
}

type verdict struct {
	Allowed   bool     `json:"allowed"`
	AllowedBy []string `json:"allowedBy"`
	Isolating []string `json:"isolating"`
}

// reach evaluates the cluster's policies over its pods, and one pruner and one stray pod that do not run.
func reach(t *testing.T, from, to string) []flow {
	t.Helper()
	args := []string{"reach", "--to", to, "--what-if", prunerWorkload, "--what-if", strayWorkload}
	if from != "" {
		args = append(args, "--from", from)
	}
	out, err := cluster.Driver(t.Context(), "policies", args...)
	if err != nil {
		t.Fatal(err)
	}
	var flows []flow
	if err := json.Unmarshal([]byte(out), &flows); err != nil {
		t.Fatalf("decoding %q: %v", out, err)
	}
	if len(flows) == 0 {
		t.Fatalf("nothing connects %s and %s", from, to)
	}
	return flows
}

// TestNetworkPoliciesMeanWhatTheySay: who may reach the registry, the operator and the pruner, and what each of them may
// reach, by the policies as they are in the cluster.
func TestNetworkPoliciesMeanWhatTheySay(t *testing.T) {
	managed(t, onEmptyDir)
	clientPod(t)
	tests := []struct {
		name, from, to string
		want           bool
		// by is the policy that decides, in the direction in which it does.
		by string
	}{
		{"a pod of another namespace reaches the registry", clientWorkload, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the outside reaches the registry", anywhere, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the operator reaches the registry", operatorWorkload, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the pruner reaches the registry", prunerWorkload, registryWorkload + ":5000", true, names.PrunerNetworkPolicy},
		{"another port of the registry is closed", clientWorkload, registryWorkload + ":5001", false, names.RegistryNetworkPolicy},
		{"the registry is not reached by UDP", clientWorkload, registryWorkload + ":5000/UDP", false, names.RegistryNetworkPolicy},
		{"a pod of another namespace reads the operator's metrics", clientWorkload, operatorWorkload + ":60000", true, "image-registry-operator-networkpolicy"},
		{"another port of the operator is closed", clientWorkload, operatorWorkload + ":8443", false, "image-registry-operator-networkpolicy"},
		{"nobody reaches the pruner from another namespace", clientWorkload, prunerWorkload + ":5000", false, "default-deny-all"},
		{"nobody reaches the pruner from outside", anywhere, prunerWorkload + ":443", false, "default-deny-all"},
		{"nobody reaches the pruner from the registry", registryWorkload, prunerWorkload + ":443", false, "default-deny-all"},
		{"the registry reaches storage anywhere", registryWorkload, anywhere + ":443", true, names.RegistryNetworkPolicy},
		{"the registry reaches a storage's own port", registryWorkload, anywhere + ":9000", true, names.RegistryNetworkPolicy},
		{"the operator reaches clouds", operatorWorkload, anywhere + ":443", true, "image-registry-operator-networkpolicy"},
		{"the operator reaches the API server", operatorWorkload, "10.0.0.1:6443", true, "image-registry-operator-networkpolicy"},
		{"the pruner reaches the API server", prunerWorkload, "10.0.0.1:6443", true, names.PrunerNetworkPolicy},
		{"the pruner reaches DNS", prunerWorkload, "10.0.0.2:5353/UDP", true, names.PrunerNetworkPolicy},
		{"a stray pod of the namespace reaches nothing", strayWorkload, anywhere + ":443", false, "default-deny-all"},
		{"a stray pod of the namespace reaches no registry", strayWorkload, registryWorkload + ":5000", false, "default-deny-all"},
		{"nobody reaches a stray pod of the namespace", clientWorkload, strayWorkload + ":80", false, "default-deny-all"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, flow := range reach(t, test.from, test.to) {
				if flow.Allowed != test.want {
					t.Errorf("%+v: allowed %t, want %t", flow, flow.Allowed, test.want)
				}
				if !flow.decidedBy(test.by) {
					t.Errorf("%+v: want it decided by %s", flow, test.by)
				}
			}
		})
	}
	t.Run("a port that no policy names is open to nobody", func(t *testing.T) {
		inHostNetwork := hostNetworkPods(t)
		for _, flow := range reach(t, "", names.OperatorNamespace+"/:1") {
			if flow.Allowed && !inHostNetwork[flow.To] {
				t.Errorf("%+v", flow)
			}
		}
	})
}

// decidedBy says whether the policy is one that allows, or one that isolates where none allows.
func (f flow) decidedBy(policy string) bool {
	deciding := slices.Concat(f.Egress.AllowedBy, f.Ingress.AllowedBy)
	if !f.Allowed {
		deciding = nil
		for _, side := range []verdict{f.Egress, f.Ingress} {
			if !side.Allowed {
				deciding = append(deciding, side.Isolating...)
			}
		}
	}
	return slices.Contains(deciding, names.OperatorNamespace+"/"+policy)
}

func hostNetworkPods(t *testing.T) map[string]bool {
	t.Helper()
	pods, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for i := range pods.Items {
		if pods.Items[i].Spec.HostNetwork {
			found[pods.Items[i].Namespace+"/"+pods.Items[i].Name] = true
		}
	}
	return found
}

// clientPod runs a pod in a namespace of its own.
func clientPod(t *testing.T) {
	t.Helper()
	namespace, labels, _ := strings.Cut(clientWorkload, "/")
	_, app, _ := strings.Cut(labels, "=")
	createNamespace(t, namespace)
	deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(t.Context(), names.Registry, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := cluster.Kube.CoreV1().Pods(namespace)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "client", Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			AutomountServiceAccountToken:  ptr.To(false),
			Containers:                    []corev1.Container{{Name: "client", Image: deployment.Spec.Template.Spec.Containers[0].Image, Command: []string{"sleep", "3600"}}},
		},
	}
	cluster.Until(t, settle, "a client pod", func(ctx context.Context) error {
		// The namespace's ServiceAccount may not be there yet.
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		return err
	})
	cluster.Until(t, settle, "the client pod's address", func(ctx context.Context) error {
		found, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && found.Status.PodIP == "" {
			err = errors.New("it has none")
		}
		return err
	})
}

// createNamespace makes a namespace that goes with the test.
func createNamespace(t *testing.T, name string) {
	t.Helper()
	namespaces := cluster.Kube.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = namespaces.Delete(context.Background(), name, metav1.DeleteOptions{}) })
}
