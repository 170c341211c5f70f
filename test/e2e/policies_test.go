package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// clientWorkload is an ordinary pod of another namespace.
const clientWorkload = "e2e-policies/app=client"

// TestNetworkPoliciesMeanWhatTheySay: who may reach the registry, the operator and the pruner, and what each of them may
// reach, by the policies as they are in the cluster.
func TestNetworkPoliciesMeanWhatTheySay(t *testing.T) {
	managed(t, onEmptyDir)
	namespace, labels, _ := strings.Cut(clientWorkload, "/")
	_, app, _ := strings.Cut(labels, "=")
	createNamespace(t, namespace)
	runPod(t, namespace, "client", corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}}})
	runPod(t, names.OperatorNamespace, "e2e-pruner", prunerTemplate(t))
	cluster.RequirePolicies(t, library.Surroundings{Client: clientWorkload, Anywhere: "198.51.100.7", APIServer: "10.0.0.1", DNS: "10.0.0.2"})
	t.Run("a port that no policy names is open to nobody", func(t *testing.T) {
		inHostNetwork := hostNetworkPods(t)
		for _, flow := range cluster.Reach(t, names.OperatorNamespace+"/:1") {
			if flow.Allowed && !inHostNetwork[flow.To] {
				t.Errorf("%+v", flow)
			}
		}
	})
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

// prunerTemplate is what the pods of the pruner are made from.
func prunerTemplate(t *testing.T) corev1.PodTemplateSpec {
	t.Helper()
	var template corev1.PodTemplateSpec
	cluster.Until(t, settle, "the pruner's CronJob", func(ctx context.Context) error {
		job, err := cluster.Kube.BatchV1().CronJobs(names.OperatorNamespace).Get(ctx, names.Pruner, metav1.GetOptions{})
		if err == nil {
			template = job.Spec.JobTemplate.Spec.Template
		}
		return err
	})
	return template
}

// runPod runs a pod of the template that does nothing, to see what policies say of it, and waits for its address.
func runPod(t *testing.T, namespace, name string, template corev1.PodTemplateSpec) {
	t.Helper()
	deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(t.Context(), names.Registry, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := cluster.Kube.CoreV1().Pods(namespace)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: template.Labels},
		Spec: corev1.PodSpec{
			ServiceAccountName:            template.Spec.ServiceAccountName,
			HostNetwork:                   template.Spec.HostNetwork,
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			AutomountServiceAccountToken:  ptr.To(false),
			Containers:                    []corev1.Container{{Name: "idle", Image: deployment.Spec.Template.Spec.Containers[0].Image, Command: []string{"sleep", "3600"}}},
		},
	}
	cluster.Until(t, settle, "pod "+name, func(ctx context.Context) error {
		// The namespace's ServiceAccount may not be there yet.
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		return err
	})
	t.Cleanup(func() { _ = pods.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	cluster.Until(t, settle, "the address of pod "+name, func(ctx context.Context) error {
		found, err := pods.Get(ctx, name, metav1.GetOptions{})
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
