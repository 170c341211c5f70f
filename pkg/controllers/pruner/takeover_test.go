package pruner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// reference decodes an object as an operator of an earlier release left it on a real API server.
func reference[T any](t *testing.T, file string) *T {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "test", "fixtures", "reference-cluster", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := json.Unmarshal(content, object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

func TestTakeOverChangesWhatItMeansTo(t *testing.T) {
	live := reference[batchv1.CronJob](t, "cronjobs-image-pruner")
	pruner := reference[imageregistryv1.ImagePruner](t, "imagepruners-cluster")
	desired := CronJob(Inputs{Spec: pruner.Spec, Image: live.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image, RegistryHost: host})
	merged, _ := apply.MergeCronJob(live, desired)

	// The intended differences are taken back: what is left must be what the API server made of the reference's CronJob.
	was, is := live.Spec.JobTemplate.Spec.Template.Spec, &merged.Spec.JobTemplate.Spec.Template.Spec
	merged.Spec.JobTemplate.Spec.ActiveDeadlineSeconds = nil
	is.NodeSelector, is.Volumes = nil, is.Volumes[:1]
	container := &is.Containers[0]
	container.Args[1], container.SecurityContext, container.Env = was.Containers[0].Args[1], was.Containers[0].SecurityContext, nil
	container.VolumeMounts = container.VolumeMounts[:1]
	if !equality.Semantic.DeepEqual(live.Spec, merged.Spec) {
		t.Errorf("differs beyond what is meant (-reference +ours):\n%s", cmp.Diff(live.Spec, merged.Spec))
	}
	if merged.Labels["app.kubernetes.io/managed-by"] == "" {
		t.Error("the common labels are missing")
	}
}

func TestTakeOverIsOneWriteOfEach(t *testing.T) {
	account := reference[corev1.ServiceAccount](t, "serviceaccounts-pruner")
	account.Secrets, account.Labels = []corev1.ObjectReference{{Name: "dockercfg"}}, map[string]string{"mine": "kept"}
	pruner := reference[imageregistryv1.ImagePruner](t, "imagepruners-cluster")
	h := newHarness(
		t, account, pruner,
		reference[rbacv1.ClusterRole](t, "clusterroles-system-image-pruner"),
		reference[rbacv1.ClusterRoleBinding](t, "clusterrolebindings-openshift-image-registry-pruner"),
		reference[networkingv1.NetworkPolicy](t, "networkpolicies-image-pruner-networkpolicy"),
		reference[batchv1.CronJob](t, "cronjobs-image-pruner"),
	)
	if got := h.mustRun(); got != "update clusterrolebindings, update clusterroles, update cronjobs, update imagepruners/status, update networkpolicies, update serviceaccounts" {
		t.Errorf("wrote %s", got)
	}
	for range 2 {
		if got := h.mustRun(); got != "" {
			t.Errorf("not at rest: %s", got)
		}
	}
	if diff := cmp.Diff(pruner.Spec, h.pruner().Spec); diff != "" {
		t.Errorf("the spec is the administrator's (-before +after):\n%s", diff)
	}
	for _, old := range pruner.Status.Conditions {
		now := conditions.Find(h.pruner().Status.Conditions, old.Type)
		if now == nil || now.Status == old.Status && !now.LastTransitionTime.Equal(&old.LastTransitionTime) {
			t.Errorf("condition %+v became %+v", old, now)
		}
	}
	h.refresh()
	kept, err := h.ServiceAccounts.Get(names.PrunerServiceAccount)
	if err != nil || len(kept.Secrets) != 1 || kept.Labels["mine"] != "kept" {
		t.Errorf("the ServiceAccount lost something foreign: %+v, %v", kept, err)
	}
	if rules := load[rbacv1.ClusterRole]("clusterrole").Rules; !equality.Semantic.DeepEqual(rules, reference[rbacv1.ClusterRole](t, "clusterroles-system-image-pruner").Rules) {
		t.Error("the role differs from the reference's")
	}
	policy := reference[networkingv1.NetworkPolicy](t, "networkpolicies-image-pruner-networkpolicy").Spec
	policy.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if spec := load[networkingv1.NetworkPolicy]("networkpolicy").Spec; !equality.Semantic.DeepEqual(spec, policy) {
		t.Error("the network policy differs from the reference's in more than being closed to everybody")
	}
}
