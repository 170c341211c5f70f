package pvc_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/pvc"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// claims is a lister without the delay of a cache.
type claims struct {
	corev1client.PersistentVolumeClaimInterface
}

func (c claims) List(labels.Selector) ([]*corev1.PersistentVolumeClaim, error) {
	return nil, errors.New("not used")
}

func (c claims) Get(name string) (*corev1.PersistentVolumeClaim, error) {
	return c.PersistentVolumeClaimInterface.Get(context.Background(), name, metav1.GetOptions{})
}

type cluster struct {
	client corev1client.PersistentVolumeClaimInterface
	kube   *fake.Clientset
}

func newCluster() *cluster {
	kube := fake.NewClientset()
	return &cluster{kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace), kube}
}

func (c *cluster) driver(*testing.T) storage.Driver {
	return pvc.Driver(pvc.Deps{Lister: claims{c.client}, Client: c.client})
}

func (c *cluster) add(t *testing.T, name string, owned bool, modes ...corev1.PersistentVolumeAccessMode) {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: names.OperatorNamespace},
		Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: modes},
	}
	if owned {
		claim.Annotations = map[string]string{names.OwnedAnnotation: ""}
	}
	if _, err := c.client.Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func inputs(_ *testing.T, name string) storage.Inputs {
	return storage.Inputs{
		Coordinates: storage.Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: name}},
		Replicas:    1, RolloutStrategy: storage.RollingUpdate,
	}
}

func TestConformance(t *testing.T) {
	c := newCluster()
	storagetest.Run(t, storagetest.Harness{
		Driver:   c.driver,
		Inputs:   inputs,
		Existing: func(t *testing.T, name string) { c.add(t, name, false, corev1.ReadWriteMany) },
		Exists: func(t *testing.T, name string) bool {
			t.Helper()
			_, err := c.client.Get(t.Context(), name, metav1.GetOptions{})
			return !apierrors.IsNotFound(err)
		},
	})
}

func TestDefaultClaim(t *testing.T) {
	c := newCluster()
	b, err := c.driver(t).New(inputs(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	result, err := b.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claim, err := c.client.Get(t.Context(), names.DefaultClaim, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Gi")}},
	}
	if diff := cmp.Diff(want, claim.Spec); diff != "" || claim.Annotations[names.OwnedAnnotation] != "true" {
		t.Errorf("claim (-want +got):\n%s\nannotations %v", diff, claim.Annotations)
	}
	if result.Conditions[0].Reason != "PVC Created" || result.Coordinates.PVC.Claim != names.DefaultClaim {
		t.Errorf("result is %+v", result)
	}
	if result, err = b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := result.Conditions[0]; c.Reason != "PVC Exists" || !strings.Contains(c.Message, "not bound") {
		t.Errorf("a claim without a volume: %+v", c)
	}
}

func TestPlan(t *testing.T) {
	rwx, rwo := corev1.ReadWriteMany, corev1.ReadWriteOnce
	for _, tt := range []struct {
		name   string
		given  string
		claims func(*testing.T, *cluster)
		edit   func(*storage.Inputs)
		state  string
		reason string
		text   string
	}{
		{name: "nothing given and no claim is Managed", state: "Managed"},
		{name: "nothing given and an owned claim is Managed", claims: func(t *testing.T, c *cluster) { c.add(t, names.DefaultClaim, true, rwx) }, state: "Managed"},
		{
			name: "nothing given and somebody's claim is refused", claims: func(t *testing.T, c *cluster) { c.add(t, names.DefaultClaim, false, rwx) },
			reason: "PVC Already Exists", text: "spec.storage.pvc.claim",
		},
		{name: "a given claim is Unmanaged", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, rwx) }, state: "Unmanaged"},
		{name: "a given claim that is absent is refused", given: "mine", reason: "PVC Issues Found", text: "create it"},
		{name: "the default claim given by name is made when absent", given: names.DefaultClaim, state: "Managed"},
		{
			name: "ReadWriteOnce needs Recreate", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, rwo) },
			reason: "PVC Issues Found", text: "spec.rolloutStrategy",
		},
		{
			name: "ReadWriteOnce needs Recreate and not an empty strategy", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, rwo) },
			edit: func(in *storage.Inputs) { in.RolloutStrategy = "" }, reason: "PVC Issues Found", text: "spec.rolloutStrategy",
		},
		{
			name: "ReadWriteOnce needs one replica", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, rwo) },
			edit: func(in *storage.Inputs) { in.Replicas, in.RolloutStrategy = 2, storage.Recreate }, reason: "PVC Issues Found", text: "spec.replicas",
		},
		{
			name: "ReadWriteOnce with one replica and Recreate is fine", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, rwo) },
			edit: func(in *storage.Inputs) { in.RolloutStrategy = storage.Recreate }, state: "Unmanaged",
		},
		{
			name: "ReadOnlyMany is refused", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, corev1.ReadOnlyMany) },
			reason: "PVC Issues Found", text: "ReadWriteMany",
		},
		{
			name: "ReadWriteOncePod is refused", given: "mine", claims: func(t *testing.T, c *cluster) { c.add(t, "mine", false, corev1.ReadWriteOncePod) },
			reason: "PVC Issues Found", text: "ReadWriteOnce with one replica",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster()
			if tt.claims != nil {
				tt.claims(t, c)
			}
			in := inputs(t, tt.given)
			if tt.edit != nil {
				tt.edit(&in)
			}
			b, err := c.driver(t).New(in)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := b.Plan(t.Context())
			_, ensured := b.Ensure(t.Context())
			if tt.reason != "" {
				expectRefusal(t, err, tt.reason, tt.text)
				return
			}
			if err != nil || ensured != nil || plan.ManagementState != tt.state {
				t.Errorf("plan is %+v, %v, ensure %v", plan, err, ensured)
			}
		})
	}
}

func expectRefusal(t *testing.T, err error, reason, text string) {
	t.Helper()
	var e *storage.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v", err)
	}
	if e.ConditionReason != reason || e.Status != "False" || !strings.Contains(e.Message, text) {
		t.Errorf("error is %+v, want reason %s and a message with %q", e, reason, text)
	}
}

func TestCreationFailure(t *testing.T) {
	c := newCluster()
	c.kube.PrependReactor("create", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("persistentvolumeclaims"), names.DefaultClaim, errors.New("quota"))
	})
	b, err := c.driver(t).New(inputs(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Ensure(t.Context())
	if condition := storage.Condition(err); condition == nil || condition.Reason != "Creation Failed" || condition.Status != "False" ||
		!strings.Contains(condition.Message, "quota; make what refuses it admit the claim") || !strings.Contains(condition.Message, "spec.storage.pvc.claim") {
		t.Errorf("error is %v", err)
	}
}

func TestObserved(t *testing.T) {
	c := newCluster()
	driver, in := c.driver(t), inputs(t, "mine")
	seen := map[string]string{"no claim": driver.Observed(in)}
	c.add(t, "mine", false, corev1.ReadWriteMany)
	seen["a claim"] = driver.Observed(in)
	in.Replicas = 3
	seen["more replicas"] = driver.Observed(in)
	in.RolloutStrategy = storage.Recreate
	seen["another strategy"] = driver.Observed(in)
	claim, err := c.client.Get(t.Context(), "mine", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	claim.Status.Phase = corev1.ClaimBound
	if _, err := c.client.UpdateStatus(t.Context(), claim, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	seen["a volume"] = driver.Observed(in)
	texts := map[string]string{}
	for what, text := range seen {
		if other, found := texts[text]; found {
			t.Errorf("%s and %s look the same", what, other)
		}
		texts[text] = what
	}
}
