package integration

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// These tests need rules of manifests/ that no other one does: see TestEveryRuleIsNeeded.

func TestClusterOperatorComesBack(t *testing.T) {
	onEmptyDir(t)
	operators := cluster.Config.ConfigV1().ClusterOperators()
	if err := operators.Delete(t.Context(), names.ClusterOperator, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the ClusterOperator to come back", func(ctx context.Context) error {
		got, err := operators.Get(ctx, names.ClusterOperator, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == configv1.OperatorAvailable && condition.Status == configv1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("conditions %v", got.Status.Conditions)
	})
}

func TestLabelsOfTheServiceAccountAreRestored(t *testing.T) {
	onEmptyDir(t)
	const label = "app.kubernetes.io/part-of"
	if _, err := account.client().Patch(t.Context(), account.name, types.MergePatchType, []byte(`{"metadata":{"labels":{"`+label+`":"other"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the label to be restored", func(ctx context.Context) error {
		got, err := account.client().Get(ctx, account.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if value := got.GetLabels()[label]; value == "other" {
			return fmt.Errorf("%s is still %q", label, value)
		}
		return nil
	})
}

// What cannot be changed has to be deleted and made anew.
func TestImmutableFieldsAreReplaced(t *testing.T) {
	onEmptyDir(t)
	daemonSet := managedObject{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, names.OperatorNamespace, names.NodeCA}
	prunerBinding := managedObject{binding.resource, "", names.PrunerClusterRoleBinding}
	for name, test := range map[string]struct {
		object managedObject
		field  []string
		spoil  func(*unstructured.Unstructured) error
	}{
		"the role of the registry's binding": {binding, []string{"roleRef", "name"}, spoilRole},
		"the role of the pruner's binding":   {prunerBinding, []string{"roleRef", "name"}, spoilRole},
		"the selector of node-ca": {daemonSet, []string{"spec", "selector", "matchLabels"}, func(o *unstructured.Unstructured) error {
			labels := map[string]string{"spoilt": "true"}
			return errors.Join(unstructured.SetNestedStringMap(o.Object, labels, "spec", "selector", "matchLabels"),
				unstructured.SetNestedStringMap(o.Object, labels, "spec", "template", "metadata", "labels"))
		}},
		"the certificates in an immutable map":  {certificates, []string{"data"}, spoilMap},
		"the registry's CA in an immutable map": {registryCA, []string{"data"}, spoilMap},
	} {
		t.Run(name, func(t *testing.T) {
			// Not in a race with the operator: a DaemonSet that is replaced twice within a second is forgotten by its controller.
			resume := operator.Pause(t)
			live, err := test.object.client().Get(t.Context(), test.object.name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want, _, _ := unstructured.NestedFieldCopy(live.Object, test.field...)
			spoilt := live.DeepCopy()
			spoilt.SetResourceVersion("")
			spoilt.SetUID("")
			if err := test.spoil(spoilt); err != nil {
				t.Fatal(err)
			}
			replace(t, test.object, spoilt)
			resume()
			cluster.Until(t, settle, test.object.String()+" to be as it was", func(ctx context.Context) error {
				live, err := test.object.client().Get(ctx, test.object.name, metav1.GetOptions{})
				if err != nil {
					return err
				}
				if got, _, _ := unstructured.NestedFieldCopy(live.Object, test.field...); !reflect.DeepEqual(got, want) {
					return fmt.Errorf("%v is %v, want %v", test.field, got, want)
				}
				return nil
			})
		})
	}
	cluster.UntilConditions(t, settle, nodeCARuns...)
}

// replace puts another object in the place of one, when that is gone with all it made, and waits until its controller, if it has
// one, has seen it.
func replace(t *testing.T, object managedObject, by *unstructured.Unstructured) {
	t.Helper()
	foreground := metav1.DeletePropagationForeground
	if err := object.client().Delete(t.Context(), object.name, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, object.String()+" to be gone", func(ctx context.Context) error {
		_, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
		if err == nil {
			return errors.New("it is there")
		}
		return library.IgnoreNotFound(err)
	})
	if _, err := object.client().Create(t.Context(), by, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	untilRolledOut(t, object)
}

// untilRolledOut waits until the pods of a DaemonSet are as it says. One that is deleted while its controller is replacing a
// pod leaves that pod's count behind, under its name: its successor gets no pods for five minutes.
func untilRolledOut(t *testing.T, object managedObject) {
	t.Helper()
	if object.resource.Resource != "daemonsets" {
		return
	}
	cluster.Until(t, settle, "the pods of "+object.String(), func(ctx context.Context) error {
		live, err := cluster.Kube.AppsV1().DaemonSets(object.namespace).Get(ctx, object.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		have, wanted := live.Status, live.Status.DesiredNumberScheduled
		if have.ObservedGeneration != live.Generation || wanted == 0 || have.UpdatedNumberScheduled != wanted || have.NumberAvailable != wanted {
			return fmt.Errorf("generation %d, status %+v", live.Generation, have)
		}
		return nil
	})
}

func spoilRole(o *unstructured.Unstructured) error {
	return unstructured.SetNestedField(o.Object, "view", "roleRef", "name")
}

// spoilMap leaves a map of certificates that no update can mend: without the operator the service CA's next one would never
// reach anybody.
func spoilMap(o *unstructured.Unstructured) error {
	return errors.Join(unstructured.SetNestedField(o.Object, true, "immutable"),
		unstructured.SetNestedStringMap(o.Object, map[string]string{"spoilt": "true"}, "data"))
}

// A claim that the operator made because none was named goes with the registry.
func TestOwnClaimIsRemoved(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	gone := func(ctx context.Context) error {
		claim, err := claims.Get(ctx, names.DefaultClaim, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("it is there, deleted %v, in phase %s", claim.DeletionTimestamp, claim.Status.Phase)
	}
	// Another test may have left one.
	if err := claims.Delete(t.Context(), names.DefaultClaim, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "no claim to be there", gone)
	cluster.Patch(t, `{"spec":{"managementState":"Managed","replicas":1,"rolloutStrategy":"Recreate","storage":{"pvc":{"claim":""}}}}`)
	cluster.Until(t, settle, "the claim to be made and recorded", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		if pvc := config.Status.Storage.PVC; pvc == nil || pvc.Claim != names.DefaultClaim {
			return fmt.Errorf("status.storage.pvc is %v", pvc)
		}
		return nil
	})
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.Until(t, settle, "the claim to be deleted", gone)
}
