package integration

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// takeOver is a kind that the reference leaves and our operator goes on with.
type takeOver struct {
	managedObject
	// singleton objects are not made anew when they are deleted, or are then different ones.
	singleton bool
	// others are fields that others than the operator decide, so that an object made anew may have them differently.
	others [][]string
}

func rbac(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
}

var theConfig = managedObject{schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "configs"}, "", names.Cluster}

// takeOvers has a row for every object in the fixture that an operator writes. Deployments and DaemonSets come first:
// what they depend on is made anew after they have been compared.
var takeOvers = []takeOver{
	{managedObject: deployment, others: [][]string{{"metadata", "annotations", "deployment.kubernetes.io/revision"}}},
	{managedObject: nodeCA, others: [][]string{{"metadata", "annotations", "deprecated.daemonset.template.generation"}}},
	// Since when it has its schedule goes into the checksum.
	{managedObject: pruneJob, others: [][]string{{"metadata", "annotations", names.PrunerScheduledSinceAnnotation}, {"metadata", "annotations", names.ChecksumAnnotation}}},
	{managedObject: account, others: [][]string{{"imagePullSecrets"}, {"secrets"}}},
	{managedObject: role},
	{managedObject: binding},
	{managedObject: budget},
	{managedObject: policy},
	{managedObject: private},
	{managedObject: pullSecret},
	{managedObject: defaultRoute, others: [][]string{{"spec", "host"}, {"metadata", "annotations", "openshift.io/host.generated"}}},
	{managedObject: managedObject{defaultRoute.resource, names.OperatorNamespace, "public"}},
	{managedObject: managedObject{rbac("clusterroles"), "", names.PrunerClusterRole}},
	{managedObject: managedObject{rbac("clusterrolebindings"), "", names.PrunerClusterRoleBinding}},
	{managedObject: managedObject{account.resource, names.OperatorNamespace, names.PrunerServiceAccount}, others: [][]string{{"imagePullSecrets"}, {"secrets"}}},
	{managedObject: managedObject{policy.resource, names.OperatorNamespace, names.PrunerNetworkPolicy}},
	{managedObject: registryCA},
	{managedObject: certificates},
	{managedObject: serviceCA},
	// A new Service gets another address, and another certificate.
	{managedObject: service, others: [][]string{{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "sessionAffinity"}, {"spec", "sessionAffinityConfig"}}},
	{managedObject: theConfig, singleton: true},
	{managedObject: managedObject{theConfig.resource.GroupVersion().WithResource("imagepruners"), "", names.Cluster}, singleton: true},
	{managedObject: managedObject{schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: "images"}, "", names.Cluster}, singleton: true},
	{managedObject: managedObject{schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: "clusteroperators"}, "", names.ClusterOperator}, singleton: true},
}

// calm is how long the upgraded cluster has to stay as it is.
const calm = 5 * time.Second

// referenceManagers are the field managers of the reference; its name was another one before.
var referenceManagers = []string{"cluster-image-registry-operator", "upstream-operator"}

// TestUpgradeFromTheReference starts our operator on the cluster that the reference left, and looks at what it has made
// of it: at most one rollout, nothing of the administrator's lost, nothing of the reference's left behind, and all that
// the reference would need to go on with it.
func TestUpgradeFromTheReference(t *testing.T) {
	objects := becomeReference(t)
	before := rollouts(t)
	startOperator(t)
	config := cluster.UntilAvailable(t, settle)
	cluster.Until(t, settle, "the new version in the ClusterOperator", reportsRelease)

	t.Cleanup(func() {
		if t.Failed() {
			t.Log("what the operator wrote that may have been a cause:\n", loggedWrites())
		}
	})
	// What comes late, say of a cache that has been behind, is a second one all the same.
	cluster.Always(t, calm, "at most one rollout", func(context.Context) error {
		for what, count := range rollouts(t) {
			if count > before[what]+1 {
				return fmt.Errorf("%s: %d when the operator started, %d now", what, before[what], count)
			}
		}
		return nil
	})
	if reasons := conditionsOfNobody(t); len(reasons) > 0 {
		t.Errorf("nobody keeps up these conditions of config any more: %v", reasons)
	}
	if config.Status.Storage.S3 == nil || !config.Status.StorageManaged || config.Status.Storage.S3.Bucket != config.Spec.Storage.S3.Bucket {
		t.Errorf("status.storage is %+v, managed %t: the bucket is not the reference's", config.Status.Storage, config.Status.StorageManaged)
	}
	t.Run("nothing of the administrator's is lost", func(t *testing.T) {
		for _, o := range objects {
			o.keepsWhatIsTheAdministrators(t)
		}
	})
	t.Run("the metadata of what is not made anew is nobody's to change", func(t *testing.T) {
		for _, o := range objects {
			o.keepsItsMetadata(t)
		}
	})
	t.Run("the reference finds what it reads", func(t *testing.T) { canGoBack(t, objects) })
	// Last, because it deletes.
	for _, row := range takeOvers {
		if !row.singleton {
			t.Run("taken over as made anew: "+row.String(), func(t *testing.T) { row.equalsAnew(t) })
		}
	}
}

// becomeReference ends our operator and makes the cluster that of the reference, at rest.
func becomeReference(t *testing.T) []*taken {
	t.Helper()
	fresh(t, configv1.NonePlatformType)
	var ca string
	cluster.Until(t, settle, "the CA of the cluster's services", func(ctx context.Context) error {
		published, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(ctx, names.ServiceCA, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ca = published.Data[names.ServiceCAKey]; ca == "" {
			return fmt.Errorf("it has not been injected into configmap %s", names.ServiceCA)
		}
		return nil
	})
	if err := operator.Stop(); err != nil {
		t.Fatalf("the operator ended with %v", err)
	}
	t.Cleanup(func() {
		if ended, _ := operator.Exited(); ended {
			startOperator(t)
		}
	})
	sweep(t)
	objects := loadReference(t, ca)
	addReferred(t, objects)
	known := map[string]bool{}
	for _, row := range takeOvers {
		known[row.String()] = true
	}
	cluster.Until(t, settle, "the reference's registry to run", func(ctx context.Context) error {
		live, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err == nil && (live.Status.ObservedGeneration != live.Generation || live.Status.AvailableReplicas != *live.Spec.Replicas) {
			err = fmt.Errorf("%d of %d replicas are available", live.Status.AvailableReplicas, *live.Spec.Replicas)
		}
		return err
	})
	for _, o := range objects {
		if !known[o.String()] {
			t.Errorf("%s is in the fixture and in no row of takeOvers", o)
		}
		var err error
		if o.before, err = o.client().Get(t.Context(), o.name, metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return objects
}

// startOperator starts another process in place of the one that has ended.
func startOperator(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp(workDir, "operator-")
	if err != nil {
		t.Fatal(err)
	}
	next, err := cluster.StartOperator(context.WithoutCancel(t.Context()), dir, "AZURE_ENVIRONMENT_FILEPATH="+azureEndpoints)
	if err != nil {
		t.Fatal(err)
	}
	operator = next
	operator.PrintOnFailure(t)
}

// rollouts counts, of what runs pods, how often it has been changed, and the pod templates there have been.
func rollouts(t *testing.T) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, o := range []managedObject{deployment, nodeCA} {
		live, err := o.client().Get(t.Context(), o.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		counts["generation of "+o.String()] = live.GetGeneration()
	}
	sets, err := cluster.Kube.AppsV1().ReplicaSets(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: names.RegistryLabel + "=" + names.RegistryLabelValue})
	if err != nil {
		t.Fatal(err)
	}
	counts["replica sets"] = int64(len(sets.Items))
	return counts
}

// loggedWrites are the lines in which the operator says what it has changed of that which may roll the registry.
func loggedWrites() string {
	of := regexp.MustCompile(`"object \w+" kind="(Deployment|DaemonSet|Secret|ConfigMap|Service)"|manager="` + names.StorageController + `"`)
	var lines strings.Builder
	for line := range strings.Lines(operator.Log()) {
		if of.MatchString(line) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func reportsRelease(ctx context.Context) error {
	version, err := cluster.Config.ConfigV1().ClusterVersions().Get(ctx, names.ClusterVersion, metav1.GetOptions{})
	if err != nil {
		return err
	}
	reported, err := cluster.Config.ConfigV1().ClusterOperators().Get(ctx, names.ClusterOperator, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, v := range reported.Status.Versions {
		if v.Name == "operator" && v.Version == version.Status.Desired.Version {
			return nil
		}
	}
	return fmt.Errorf("versions %v, want %s", reported.Status.Versions, version.Status.Desired.Version)
}

// conditionsOfNobody are conditions of Config that none of our controllers has applied.
func conditionsOfNobody(t *testing.T) []string {
	t.Helper()
	live, err := theConfig.client().Get(t.Context(), theConfig.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var applied strings.Builder
	for _, entry := range live.GetManagedFields() {
		if entry.Operation == metav1.ManagedFieldsOperationApply && entry.FieldsV1 != nil {
			applied.Write(entry.FieldsV1.Raw)
		}
	}
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	var left []string
	for _, c := range conditions {
		if kind := fmt.Sprint(c.(map[string]any)["type"]); !strings.Contains(applied.String(), `{\"type\":\"`+kind+`\"}`) {
			left = append(left, kind)
		}
	}
	return left
}

func byReference(entry metav1.ManagedFieldsEntry) bool {
	return slices.Contains(referenceManagers, entry.Manager)
}

// byPeople are neither operators nor the cluster's own controllers. Status is never people's: in the fixture somebody
// played the router.
func byPeople(entry metav1.ManagedFieldsEntry) bool {
	return entry.Subresource == "" && (strings.HasPrefix(entry.Manager, "kubectl") || entry.Manager == "e2e.test")
}

// ownedBy are the fields of the managers that are asked for, as the API server records them.
func ownedBy(o *unstructured.Unstructured, whose func(metav1.ManagedFieldsEntry) bool) map[string]string {
	fields := map[string]string{}
	for _, entry := range o.GetManagedFields() {
		if whose(entry) && entry.FieldsV1 != nil {
			fields[fmt.Sprintf("%s %s %s", entry.Manager, entry.Operation, entry.Subresource)] = string(entry.FieldsV1.Raw)
		}
	}
	return fields
}

// keepsWhatIsTheAdministrators looks at owners: whoever changes the value of a field takes it away from who owned it.
func (o *taken) keepsWhatIsTheAdministrators(t *testing.T) {
	t.Helper()
	live, err := o.client().Get(t.Context(), o.name, metav1.GetOptions{})
	if err != nil {
		t.Errorf("%s: %v", o, err)
		return
	}
	if live.GetUID() != o.before.GetUID() {
		t.Errorf("%s has been made anew", o)
	}
	if live.GetLabels()[mine] != "label" || live.GetAnnotations()[mine] != "annotation" {
		t.Errorf("%s has lost a label or an annotation: %v %v", o, live.GetLabels(), live.GetAnnotations())
	}
	before := ownedBy(o.before, byPeople)
	if len(before) == 0 {
		t.Errorf("%s: nobody but operators owned anything, so nothing could be lost", o)
	}
	if diff := cmp.Diff(before, ownedBy(live, byPeople)); diff != "" {
		t.Errorf("%s: fields of people were changed (-before +now):\n%s", o, diff)
	}
}

// keepsItsMetadata looks at singletons, which are never compared with one made anew. The reference writes no label and no
// annotation there, so that there is none of its to be removed, and whoever else writes with its name, the version operator
// among them, wants to find it again.
func (o *taken) keepsItsMetadata(t *testing.T) {
	t.Helper()
	if !slices.ContainsFunc(takeOvers, func(row takeOver) bool { return row.singleton && row.managedObject == o.managedObject }) {
		return
	}
	live, err := o.client().Get(t.Context(), o.name, metav1.GetOptions{})
	if err != nil {
		t.Errorf("%s: %v", o, err)
		return
	}
	for what, both := range map[string][2]map[string]string{
		"label": {o.before.GetLabels(), live.GetLabels()}, "annotation": {o.before.GetAnnotations(), live.GetAnnotations()},
	} {
		if both[0][stale] != what {
			t.Errorf("%s had no %s under the reference's name: nothing could be lost", o, what)
		}
		for key, value := range both[0] {
			if both[1][key] != value {
				t.Errorf("%s: %s %s was %q and is %q", o, what, key, value, both[1][key])
			}
		}
	}
}

// equalsAnew deletes the object. What comes back is what our operator alone makes: if the one that was taken over had
// anything more, it was the reference's.
func (row takeOver) equalsAnew(t *testing.T) {
	operator.PrintOnFailure(t)
	old, err := row.client().Get(t.Context(), row.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	background := metav1.DeletePropagationBackground
	if err := row.client().Delete(t.Context(), row.name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	want := row.content(old)
	cluster.Until(t, settle, row.String()+" to be made anew, with the same content", func(ctx context.Context) error {
		live, err := row.client().Get(ctx, row.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if live.GetUID() == old.GetUID() {
			return fmt.Errorf("it has not been deleted")
		}
		if diff := cmp.Diff(row.content(live), want); diff != "" {
			return fmt.Errorf("the one that was taken over differs (-made anew +taken over):\n%s", diff)
		}
		return nil
	})
}

// content is what operators decide.
func (row takeOver) content(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	for _, field := range append([][]string{{"metadata", "labels", mine}, {"metadata", "annotations", mine}, {"status"}}, row.others...) {
		unstructured.RemoveNestedField(o.Object, field...)
	}
	content := o.Object
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	content["metadata"] = map[string]any{"labels": labels, "annotations": annotations, "finalizers": o.GetFinalizers(), "ownerReferences": o.GetOwnerReferences()}
	return content
}
