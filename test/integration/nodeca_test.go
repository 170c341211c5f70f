package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

var nodeCA = managedObject{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, names.OperatorNamespace, names.NodeCA}

// nodeCARuns are the conditions of node-ca on a cluster whose nodes all have it.
var nodeCARuns = []library.Want{
	{Type: names.NodeCAAvailable, Status: "True", Reason: names.ReasonAsExpected},
	{Type: names.NodeCAProgressing, Status: "False", Reason: names.ReasonAsExpected},
	{Type: names.NodeCADegraded, Status: "False", Reason: names.ReasonAsExpected},
}

// TestNodeCAIsThereInEveryState: each state keeps the DaemonSet, and an edit of it is reverted in each.
func TestNodeCAIsThereInEveryState(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	for _, state := range []string{"Removed", "Managed", "Unmanaged", "Force"} {
		t.Run(state, func(t *testing.T) {
			operator.PrintOnFailure(t)
			cluster.Patch(t, `{"spec":{"managementState":"`+state+`","replicas":1,"storage":{"emptyDir":{}}}}`)
			cluster.UntilConditions(t, settle, nodeCARuns...)
			revert(t, nodeCA, `{"spec":{"template":{"spec":{"tolerations":null}}}}`, "spec", "template", "spec", "tolerations")
			comesBack(t, nodeCA)
			cluster.UntilConditions(t, settle, nodeCARuns...)
		})
	}
}

// TestNodeCADriftIsReverted edits each field that the operator owns.
func TestNodeCADriftIsReverted(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	cluster.UntilConditions(t, settle, nodeCARuns...)
	pod := []string{"spec", "template", "spec"}
	inPod := func(field ...string) []string { return append(append([]string{}, pod...), field...) }
	containerEdit := func(edit string) string {
		return `{"spec":{"template":{"spec":{"containers":[{"name":"node-ca",` + edit + `}]}}}}`
	}
	for name, test := range map[string]struct {
		edit  string
		field []string
	}{
		"another image":              {containerEdit(`"image":"other:1"`), inPod("containers")},
		"another command":            {containerEdit(`"command":["sh"]`), inPod("containers")},
		"other arguments":            {containerEdit(`"args":["x"]`), inPod("containers")},
		"an env var added":           {containerEdit(`"env":[{"name":"ADDED","value":"1"}]`), inPod("containers")},
		"limits added":               {containerEdit(`"resources":{"limits":{"memory":"100Mi"}}`), inPod("containers")},
		"more privileges":            {containerEdit(`"securityContext":{"privileged":true,"allowPrivilegeEscalation":null}`), inPod("containers")},
		"more capabilities":          {containerEdit(`"securityContext":{"capabilities":{"add":["NET_ADMIN"]}}`), inPod("containers")},
		"a writable root":            {containerEdit(`"securityContext":{"readOnlyRootFilesystem":false}`), inPod("containers")},
		"another user":               {containerEdit(`"securityContext":{"runAsUser":5}`), inPod("containers")},
		"a mount added":              {containerEdit(`"volumeMounts":[{"name":"host","mountPath":"/added"}]`), inPod("containers")},
		"a container added":          {`{"spec":{"template":{"spec":{"containers":[{"name":"added","image":"x"}]}}}}`, inPod("containers")},
		"an init container added":    {`{"spec":{"template":{"spec":{"initContainers":[{"name":"added","image":"x"}]}}}}`, inPod("initContainers")},
		"another folder of the host": {`{"spec":{"template":{"spec":{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}}}}`, inPod("volumes")},
		"another config map":         {`{"spec":{"template":{"spec":{"volumes":[{"name":"serviceca","configMap":{"name":"other"}}]}}}}`, inPod("volumes")},
		"a volume added":             {`{"spec":{"template":{"spec":{"volumes":[{"name":"added","emptyDir":{}}]}}}}`, inPod("volumes")},
		"no tolerations":             {`{"spec":{"template":{"spec":{"tolerations":null}}}}`, inPod("tolerations")},
		"another node selector":      {`{"spec":{"template":{"spec":{"nodeSelector":{"only":"here"}}}}}`, inPod("nodeSelector")},
		"an affinity":                {`{"spec":{"template":{"spec":{"affinity":{"podAntiAffinity":{}}}}}}`, inPod("affinity")},
		"another priority":           {`{"spec":{"template":{"spec":{"priorityClassName":"system-cluster-critical"}}}}`, inPod("priorityClassName")},
		"another service account":    {`{"spec":{"template":{"spec":{"serviceAccountName":"default","serviceAccount":"default"}}}}`, inPod("serviceAccountName")},
		"a token for the pods":       {`{"spec":{"template":{"spec":{"automountServiceAccountToken":true}}}}`, inPod("automountServiceAccountToken")},
		"the network of pods":        {`{"spec":{"template":{"spec":{"hostNetwork":false}}}}`, inPod("hostNetwork")},
		"the processes of the host":  {`{"spec":{"template":{"spec":{"hostPID":true}}}}`, inPod("hostPID")},
		"a pod label added":          {`{"spec":{"template":{"metadata":{"labels":{"added":"1"}}}}}`, []string{"spec", "template", "metadata", "labels"}},
		"a restart annotation":       {`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`, []string{"spec", "template", "metadata", "annotations"}},
		"another update strategy":    {`{"spec":{"updateStrategy":{"$retainKeys":["type"],"type":"OnDelete"}}}`, []string{"spec", "updateStrategy"}},
		"a wider rollout":            {`{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":"100%"}}}}`, []string{"spec", "updateStrategy"}},
		"fewer revisions":            {`{"spec":{"revisionHistoryLimit":1}}`, []string{"spec", "revisionHistoryLimit"}},
		"a delay":                    {`{"spec":{"minReadySeconds":600}}`, []string{"spec", "minReadySeconds"}},
	} {
		t.Run(name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			revert(t, nodeCA, test.edit, test.field...)
		})
	}
	cluster.UntilConditions(t, settle, nodeCARuns...)
}

// TestNodeCAOtherWriters: what others add to the metadata stays, and makes the operator write nothing; status.generations
// has the generation of our latest write.
func TestNodeCAOtherWriters(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	cluster.UntilConditions(t, settle, nodeCARuns...)
	operator.PrintOnFailure(t)
	patched, err := nodeCA.client().Patch(t.Context(), nodeCA.name, types.MergePatchType, []byte(`{"metadata":{"labels":{"mine":"1"},"annotations":{"mine":"1"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cluster.Always(t, 3*time.Second, "no write of the operator after an edit that does not concern it", func(ctx context.Context) error {
		live, err := nodeCA.client().Get(ctx, nodeCA.name, metav1.GetOptions{})
		if err == nil && live.GetResourceVersion() != patched.GetResourceVersion() {
			err = fmt.Errorf("resourceVersion %s, after the edit it was %s", live.GetResourceVersion(), patched.GetResourceVersion())
		}
		return err
	})
	revert(t, nodeCA, `{"spec":{"minReadySeconds":1}}`, "spec", "minReadySeconds")
	live, err := nodeCA.client().Get(t.Context(), nodeCA.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if live.GetLabels()["mine"] != "1" || live.GetAnnotations()["mine"] != "1" {
		t.Errorf("foreign metadata is gone: labels %v annotations %v", live.GetLabels(), live.GetAnnotations())
	}
	cluster.Until(t, settle, "status.generations to have the generation of node-ca", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		for _, entry := range config.Status.Generations {
			if entry.Resource == "daemonsets" && entry.Name == names.NodeCA && entry.LastGeneration == live.GetGeneration() {
				return nil
			}
		}
		return fmt.Errorf("generation %d, recorded %+v", live.GetGeneration(), config.Status.Generations)
	})
}

// revert edits a field of an object and waits for its old value.
func revert(t *testing.T, object managedObject, edit string, field ...string) {
	t.Helper()
	before := readJSON(t.Context(), t, object, field)
	kind := types.StrategicMergePatchType
	if object.resource.Group == "route.openshift.io" {
		kind = types.MergePatchType // no API server knows the other for custom resources
	}
	patched, err := object.client().Patch(t.Context(), object.name, kind, []byte(edit), metav1.PatchOptions{})
	if err != nil {
		t.Fatalf("editing %s: %v", object, err)
	}
	if encodedField(t, patched, field) == before {
		t.Fatalf("the edit changes nothing: %s", before)
	}
	cluster.Until(t, settle, fmt.Sprintf("%v of %s to be as before", field, object), func(ctx context.Context) error {
		if now := readJSON(ctx, t, object, field); now != before {
			return fmt.Errorf("have %s, want %s", now, before)
		}
		return nil
	})
}

func readJSON(ctx context.Context, t *testing.T, object managedObject, field []string) string {
	t.Helper()
	live, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("reading %s: %v", object, err)
	}
	return encodedField(t, live, field)
}

// encodedField is JSON: other than fmt it shows an empty value that comes and goes.
func encodedField(t *testing.T, live *unstructured.Unstructured, field []string) string {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(live.Object, field...)
	if err != nil {
		t.Fatalf("reading %v: %v", field, err)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// comesBack deletes an object and waits for another one.
func comesBack(t *testing.T, object managedObject) {
	t.Helper()
	untilRolledOut(t, object)
	live, err := object.client().Get(t.Context(), object.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := object.client().Delete(t.Context(), object.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, object.String()+" to come back", func(ctx context.Context) error {
		again, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
		if err == nil && again.GetUID() == live.GetUID() {
			return fmt.Errorf("it has not been deleted")
		}
		return err
	})
}

// TestNodeCAIsNotUnavailableForAMoment: all pods of node-ca go at once, as on a single node when its one is replaced, and
// come back.
func TestNodeCAIsNotUnavailableForAMoment(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	cluster.UntilConditions(t, settle, nodeCARuns...)
	pods := cluster.Kube.CoreV1().Pods(names.OperatorNamespace)
	noticed := func(ctx context.Context) (bool, error) {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return false, err
		}
		if err := library.Matches(config.Status.Conditions, library.Want{Type: names.NodeCAAvailable, Status: "True", Reason: names.ReasonAsExpected}); err != nil {
			t.Fatal(err)
		}
		return library.Matches(config.Status.Conditions, library.Want{Type: names.NodeCAServing, Status: "False", Reason: names.ReasonNoAvailableReplicas}) == nil, nil
	}
	allow := noNewPods(t)
	if err := pods.DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}, metav1.ListOptions{LabelSelector: "name=" + names.NodeCA}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the operator to notice that no pod is available", func(ctx context.Context) error {
		seen, err := noticed(ctx)
		if err == nil && !seen {
			err = errors.New("it says nothing")
		}
		return err
	})
	allow()
	cluster.Until(t, settle, "the pods to be back", func(ctx context.Context) error {
		seen, err := noticed(ctx)
		if err == nil && seen {
			err = errors.New("not yet")
		}
		return err
	})
}

// noNewPods keeps the pods of the namespace from being replaced until the function it returns is called. These nodes run a
// pod at once: without it nobody would see that there was none.
func noNewPods(t *testing.T) (allow func()) {
	t.Helper()
	quotas := cluster.Kube.CoreV1().ResourceQuotas(names.OperatorNamespace)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "no-new-pods"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}
	if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	allow = func() {
		if err := quotas.Delete(context.Background(), quota.Name, metav1.DeleteOptions{}); library.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	}
	t.Cleanup(allow)
	cluster.Until(t, settle, "the quota to be counted", func(ctx context.Context) error {
		live, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
		if err == nil && len(live.Status.Hard) == 0 {
			err = errors.New("not yet")
		}
		return err
	})
	return allow
}
