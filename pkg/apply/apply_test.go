package apply

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openshift/library-go/pkg/operator/events"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func newApplier() (*Applier, events.InMemoryRecorder) {
	recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(metav1.Now().Time))
	return NewApplier(recorder), recorder
}

func verbs(client *fake.Clientset) string {
	var list []string
	for _, action := range client.Actions() {
		list = append(list, action.GetVerb())
	}
	return strings.Join(list, " ")
}

func secret(value string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: meta("secret"), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"a": []byte(value)}}
}

func TestApplyWritesOnlyADifference(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	a, _ := newApplier()
	secrets := client.CoreV1().Secrets("ns")
	steps := []struct {
		name    string
		desired *corev1.Secret
		outcome Outcome
		verbs   string
	}{
		{"absent: created", secret("1"), Created, "create"},
		{"the same again: nothing", secret("1"), Unchanged, ""},
		{"another value: updated", secret("2"), Updated, "update"},
		{"the same again: nothing", secret("2"), Unchanged, ""},
	}
	var live *corev1.Secret
	for _, step := range steps {
		client.ClearActions()
		stored, outcome, err := Apply(ctx, a, secrets, Secret, live, step.desired)
		if err != nil || outcome != step.outcome || verbs(client) != step.verbs {
			t.Fatalf("%s: %s, requests %q, error %v", step.name, outcome, verbs(client), err)
		}
		if stored.Annotations[names.ChecksumAnnotation] == "" || step.desired.Annotations != nil {
			t.Fatalf("%s: the checksum belongs on the stored object only", step.name)
		}
		live = stored
	}
}

func TestApplyDoesNotCreateAgainWhileTheCacheIsBehind(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	a, _ := newApplier()
	now := clocktesting.NewFakePassiveClock(metav1.Now().Time)
	a.clock = now
	apply := func(live *corev1.Secret) (*corev1.Secret, string, error) {
		client.ClearActions()
		stored, _, err := Apply(ctx, a, client.CoreV1().Secrets("ns"), Secret, live, secret("1"))
		return stored, verbs(client), err
	}
	stored, sent, err := apply(nil)
	if err != nil || sent != "create" {
		t.Fatalf("requests %q, error %v", sent, err)
	}
	if _, sent, err = apply(nil); !apierrors.IsAlreadyExists(err) || sent != "" {
		t.Errorf("not in the cache yet: requests %q, error %v", sent, err)
	}
	if _, sent, err = apply(stored); err != nil || sent != "" {
		t.Errorf("in the cache: requests %q, error %v", sent, err)
	}
	if err := client.CoreV1().Secrets("ns").Delete(ctx, "secret", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, sent, err = apply(nil); err != nil || sent != "create" {
		t.Errorf("seen and deleted: requests %q, error %v", sent, err)
	}
	if err := client.CoreV1().Secrets("ns").Delete(ctx, "secret", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	now.SetTime(now.Now().Add(lag))
	if _, sent, err = apply(nil); err != nil || sent != "create" {
		t.Errorf("deleted before any cache has shown it: requests %q, error %v", sent, err)
	}
}

func TestApplyReplacesWhatCannotBeUpdated(t *testing.T) {
	ctx := context.Background()
	a, _ := newApplier()
	t.Run("the role of a binding", func(t *testing.T) {
		live := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b", UID: "1"}, RoleRef: rbacv1.RoleRef{Name: "cluster-admin"}}
		desired := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}, RoleRef: rbacv1.RoleRef{Name: "mine"}}
		client := fake.NewClientset(live)
		stored, outcome, err := Apply(ctx, a, client.RbacV1().ClusterRoleBindings(), ClusterRoleBinding, live, desired)
		if err != nil || outcome != Replaced || stored.RoleRef.Name != "mine" || verbs(client) != "delete create" {
			t.Fatalf("%s %v, requests %q, error %v", outcome, stored.RoleRef, verbs(client), err)
		}
	})
	for name, edit := range map[string]func(*corev1.Secret){
		"the type of a secret":      func(s *corev1.Secret) { s.Type = corev1.SecretTypeDockercfg },
		"a secret made immutable":   func(s *corev1.Secret) { s.Immutable, s.Data = ptr.To(true), map[string][]byte{"a": []byte("0")} },
		"an immutable empty secret": func(s *corev1.Secret) { s.Immutable, s.Data = ptr.To(true), nil },
	} {
		t.Run(name, func(t *testing.T) {
			live := secret("1")
			edit(live)
			client := fake.NewClientset(live)
			stored, outcome, err := Apply(ctx, a, client.CoreV1().Secrets("ns"), Secret, live, secret("1"))
			if err != nil || outcome != Replaced || string(stored.Data["a"]) != "1" {
				t.Fatalf("%s %v, error %v", outcome, stored.Data, err)
			}
		})
	}
	t.Run("an immutable secret that is right is left alone", func(t *testing.T) {
		live := secret("1")
		live.Immutable = ptr.To(true)
		if Secret.MustReplace(live, secret("1")) {
			t.Error("it is replaced")
		}
	})
}

// An API server that fills in something unknown must not be asked for the same thing again and again; somebody's edit
// must be reverted nevertheless.
func TestApplySettlesWithAnAPIServerThatAddsFields(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	a, _ := newApplier()
	generation := int64(0)
	serve := func(action clienttesting.Action) (bool, runtime.Object, error) {
		object := action.(clienttesting.UpdateAction).GetObject().DeepCopyObject().(*appsv1.Deployment)
		generation++
		object.Generation, object.UID = generation, types.UID("1")
		object.Spec.Template.Spec.HostUsers = ptr.To(true)
		return true, object, nil
	}
	client.PrependReactor("create", "deployments", serve)
	client.PrependReactor("update", "deployments", serve)
	deployments := client.AppsV1().Deployments("ns")

	live, outcome, err := Apply(ctx, a, deployments, Deployment, nil, testDeployment())
	if err != nil || outcome != Created {
		t.Fatal(outcome, err)
	}
	same, edited, other, recreated := live.DeepCopy(), live.DeepCopy(), testDeployment(), live.DeepCopy()
	edited.Generation++
	edited.Spec.Replicas = ptr.To[int32](7)
	other.Spec.Replicas = ptr.To[int32](3)
	recreated.UID = "2"
	settled := a.settled[describe("Deployment", live)]
	for _, tc := range []struct {
		name          string
		live, desired *appsv1.Deployment
		want          Outcome
	}{
		{"the same again", same, testDeployment(), Unchanged},
		{"an edit", edited, testDeployment(), Updated},
		{"a new wish", live, other, Updated},
		{"another object with the same generation", recreated, testDeployment(), Updated},
	} {
		a.settled[describe("Deployment", live)] = settled
		if _, outcome, err := Apply(ctx, a, deployments, Deployment, tc.live, tc.desired); outcome != tc.want || err != nil {
			t.Errorf("%s: %s, want %s, error %v", tc.name, outcome, tc.want, err)
		}
	}
}

func TestApplyReturnsErrorsWithTheObject(t *testing.T) {
	ctx := context.Background()
	conflict := apierrors.NewConflict(corev1.Resource("secrets"), "secret", errors.New("behind"))
	client := fake.NewClientset()
	client.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, conflict })
	a, _ := newApplier()
	_, _, err := Apply(ctx, a, client.CoreV1().Secrets("ns"), Secret, secret("1"), secret("2"))
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "updating Secret ns/secret") {
		t.Errorf("got %v", err)
	}
	if verbs(client) != "update" {
		t.Errorf("a conflict was retried: %q", verbs(client))
	}
}

func TestApplyEvents(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	a, recorder := newApplier()
	live, _, err := Apply(ctx, a, client.AppsV1().Deployments("ns"), Deployment, nil, testDeployment())
	if err != nil {
		t.Fatal(err)
	}
	changed := testDeployment()
	changed.Spec.Replicas = ptr.To[int32](3)
	if _, _, err := Apply(ctx, a, client.AppsV1().Deployments("ns"), Deployment, live, changed); err != nil {
		t.Fatal(err)
	}
	client.PrependReactor("update", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no")
	})
	if _, _, err := Apply(ctx, a, client.AppsV1().Deployments("ns"), Deployment, live, changed); err == nil {
		t.Fatal("no error")
	}
	if _, _, err := Apply(ctx, a, client.CoreV1().Secrets("ns"), Secret, nil, secret("1")); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, event := range recorder.Events() {
		reasons = append(reasons, event.Reason)
	}
	if diff := cmp.Diff([]string{"DeploymentCreated", "DeploymentUpdated", "DeploymentUpdateFailed"}, reasons); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDelete(t *testing.T) {
	ctx := context.Background()
	present := secret("1")
	present.UID = "7"
	going := present.DeepCopy()
	going.DeletionTimestamp = &metav1.Time{}
	for _, tc := range []struct {
		name   string
		live   *corev1.Secret
		err    error
		called bool
		fails  bool
	}{
		{name: "absent: no request"},
		{name: "already going: no request", live: going},
		{name: "present: deleted", live: present, called: true},
		{name: "gone meanwhile: fine", live: present, err: apierrors.NewNotFound(corev1.Resource("secrets"), "secret"), called: true},
		{name: "refused: an error", live: present, err: errors.New("no"), called: true, fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := fake.NewClientset(present)
			if tc.err != nil {
				client.PrependReactor("delete", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tc.err })
			}
			called, err := Delete(ctx, client.CoreV1().Secrets("ns"), Secret, tc.live)
			if called != tc.called || (err != nil) != tc.fails || len(client.Actions()) > 0 != tc.called {
				t.Fatalf("called %v, requests %q, error %v", called, verbs(client), err)
			}
			if !tc.called {
				return
			}
			options := client.Actions()[0].(clienttesting.DeleteActionImpl).DeleteOptions
			if *options.GracePeriodSeconds != 0 || *options.PropagationPolicy != metav1.DeletePropagationForeground || *options.Preconditions.UID != "7" {
				t.Errorf("options %+v", options)
			}
		})
	}
}

func TestChangedPathsShowNoValues(t *testing.T) {
	before, after := secret("hidden-one"), secret("hidden-two")
	after.Labels = map[string]string{"ours": "yes", "new": "hidden-three"}
	after.Finalizers = []string{"hidden/four"}
	got := changedPaths(before, after)
	if diff := cmp.Diff([]string{".data.a", ".metadata.finalizers", ".metadata.labels.new"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	left, right := testDeployment(), testDeployment()
	right.Spec.Template.Spec.Containers[0].Env[0].Value = "2"
	if diff := cmp.Diff([]string{".spec.template.spec.containers[0].env[0].value"}, changedPaths(left, right)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
