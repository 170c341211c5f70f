package integration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestHostedRelease takes the release as a cluster with a hosted control plane gets it: all of its manifests are accepted,
// its Deployment fits the nodes there are and the strictest pod security, and the operator that is started as that
// Deployment says, but outside, with the rights that these manifests give, brings the registry up.
func TestHostedRelease(t *testing.T) {
	const profile = "hypershift"
	inAnotherCluster(t, "hosted", "--simulated", "2")
	// The CRDs do not include this profile: they come with the hosted control plane itself.
	for _, crd := range []string{"00_configs.crd.yaml", "01_imagepruners.crd.yaml"} {
		if out, err := cluster.Driver(t.Context(), "kubectl", "--", "apply", "--server-side", "-f", "../../manifests/"+crd); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	controlPlane(t, configv1.ExternalTopologyMode)
	if err := cluster.SetTopology(t.Context(), configv1.HighlyAvailableTopologyMode); err != nil {
		t.Fatal(err)
	}
	release(t, profile)
	objects := manifestsFor(t, profile)
	untilApplied(t, len(objects))

	deployment := hostedDeployment(t)
	t.Run("the Deployment runs where no node is of the control plane", func(t *testing.T) { requirePlaced(t) })
	t.Run("its pod is admitted under the strictest pod security", func(t *testing.T) { requireRestricted(t, deployment) })
	t.Run("what is for clusters that manage themselves is not there", func(t *testing.T) {
		_, err := cluster.Kube.NetworkingV1().NetworkPolicies(names.OperatorNamespace).Get(t.Context(), "default-deny-all", metav1.GetOptions{})
		requireAbsent(t, "NetworkPolicy default-deny-all", err)
	})

	outside, err := cluster.StartOutside(t.Context(), t.TempDir(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	operator = outside
	outside.PrintOnFailure(t)
	config := cluster.UntilAvailable(t, settle)
	if config.Spec.Replicas != 2 {
		t.Errorf("%d replicas, want 2: the workers are highly available, whatever the control plane is", config.Spec.Replicas)
	}
	untilCompleted(t)
	freshPruner(t)
	requireRelatedObjects(t)
	requireReports(t, deployment)

	t.Run("the other profile of hosted control planes has the CRDs, too, and is accepted", func(t *testing.T) {
		const other = "ibm-cloud-managed"
		crds := []string{"CustomResourceDefinition configs.imageregistry.operator.openshift.io", "CustomResourceDefinition imagepruners.imageregistry.operator.openshift.io"}
		more := slices.DeleteFunc(manifestsFor(t, other), func(object string) bool { return slices.Contains(objects, object) })
		if slices.Sort(more); !slices.Equal(more, crds) {
			t.Errorf("it has %v, too, want %v", more, crds)
		}
		release(t, other)
		untilOfProfile(t, crds, other)
		if live := hostedDeployment(t); live.Generation != deployment.Generation {
			t.Errorf("the Deployment has changed from %+v to %+v", deployment.Spec, live.Spec)
		}
	})
	library.RequireNothingDenied(t, cluster, time.Time{})
	library.RequireSpareEvents(t, cluster, secretValues()...)
}

func hostedDeployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(t.Context(), names.OperatorDeployment, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if deployment.Annotations["include.release.openshift.io/hypershift"] != "true" || !maps.Equal(deployment.Spec.Template.Spec.NodeSelector, map[string]string{corev1.LabelOSStable: "linux"}) {
		t.Fatalf("not the hosted variant: annotations %v, node selector %v", deployment.Annotations, deployment.Spec.Template.Spec.NodeSelector)
	}
	return deployment
}

// requirePlaced waits for a pod of the operator's own Deployment on one of the nodes, which are all workers.
func requirePlaced(t *testing.T) {
	t.Helper()
	cluster.Until(t, settle, "a pod of the operator on a worker", func(ctx context.Context) error {
		live, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.OperatorDeployment, metav1.GetOptions{})
		if err == nil && live.Status.AvailableReplicas != 1 {
			err = fmt.Errorf("status %+v", live.Status)
		}
		return err
	})
}

// requireRestricted asks the API server whether it would take the Deployment's pod into a namespace that enforces the
// restricted profile, and makes sure that it would refuse others there.
func requireRestricted(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	const namespace = "restricted"
	meta := metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}
	if _, err := cluster.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: meta}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: deployment.Spec.Template.Spec.ServiceAccountName}}
	if _, err := cluster.Kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	try := func(edit func(*corev1.Pod)) error {
		pod := &corev1.Pod{ObjectMeta: *deployment.Spec.Template.ObjectMeta.DeepCopy(), Spec: *deployment.Spec.Template.Spec.DeepCopy()}
		pod.Name = "operator"
		edit(pod)
		_, err := cluster.Kube.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	if err := try(func(*corev1.Pod) {}); err != nil {
		t.Errorf("the pod is refused: %v", err)
	}
	err := try(func(pod *corev1.Pod) { pod.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = ptr.To(true) })
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "PodSecurity") {
		t.Errorf("a pod that may do more is not refused, so this test sees nothing: %v", err)
	}
}

// requireReports checks what the process has from the Deployment: version and images.
func requireReports(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	variables := map[string]string{}
	for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
		variables[variable.Name] = variable.Value
	}
	live, err := cluster.Config.ConfigV1().ClusterOperators().Get(t.Context(), names.ClusterOperator, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (configv1.OperandVersion{Name: "operator", Version: variables["RELEASE_VERSION"]}); !slices.Contains(live.Status.Versions, want) || want.Version != otherVersion {
		t.Errorf("versions %v, want %v", live.Status.Versions, want)
	}
	untilDeployment(t, "the image of the release", func(registry *appsv1.Deployment) error {
		if image := registry.Spec.Template.Spec.Containers[0].Image; image != variables["IMAGE"] || image == "" {
			return fmt.Errorf("image %q, want %q", image, variables["IMAGE"])
		}
		return nil
	})
}

// untilOfProfile waits until the CRDs carry the annotation of the profile.
func untilOfProfile(t *testing.T, crds []string, profile string) {
	t.Helper()
	cluster.Until(t, settle, "the CRDs of profile "+profile, func(ctx context.Context) error {
		for _, crd := range crds {
			_, name, _ := strings.Cut(crd, " ")
			out, err := cluster.Driver(ctx, "kubectl", "--", "get", "crd", name, "-o", "jsonpath={.metadata.annotations}")
			if err != nil || !strings.Contains(out, "include.release.openshift.io/"+profile) {
				return fmt.Errorf("%s: %s (%w)", name, out, err)
			}
		}
		return nil
	})
	untilCompleted(t)
}
