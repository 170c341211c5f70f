package registry

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestRemoved(t *testing.T) {
	h := running(t)
	h.add(namedSecret(names.PrivateConfigurationUser, nil))
	h.state(operatorv1.Removed)
	writes := withoutStatus(h.mustSync())
	want := []string{
		"delete clusterroles/system:registry", "delete clusterrolebindings/registry-registry-role", "delete serviceaccounts/registry",
		"delete secrets/installation-pull-secrets", "delete secrets/image-registry-private-configuration", "delete secrets/image-registry-http-secret",
		"delete services/image-registry", "delete deployments/image-registry", "delete poddisruptionbudgets/image-registry", "delete networkpolicies/image-registry-networkpolicy",
	}
	if diff := cmp.Diff(want, writes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.expect(map[string]string{names.Available: "True/Ready", names.Progressing: "True/DeletingDeployment", names.Removed: "True/Removed"})
	h.mustSync()
	h.expect(map[string]string{names.Available: "True/Removed", names.Progressing: "False/Removed", names.Degraded: "False/Removed", names.Removed: "True/Removed"})
	if writes := h.mustSync(); len(writes) > 0 {
		t.Errorf("removed is not silent: %v", writes)
	}
	h.state(operatorv1.Managed)
	if diff := cmp.Diff(createAll, withoutStatus(h.mustSync())); diff != "" {
		t.Errorf("managed again (-want +got):\n%s", diff)
	}
}

// An object on its way out is not deleted again, and a failing deletion is shown when it lasts.
func TestRemovalThatTakesTime(t *testing.T) {
	h := running(t)
	h.state(operatorv1.Removed)
	d := h.deployment()
	d.DeletionTimestamp, d.Finalizers = &metav1.Time{Time: testNow}, []string{"foregroundDeletion"}
	h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
	h.kube.PrependReactor("delete", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("webhook says no")
	})
	writes, err := h.sync()
	if err == nil || slices.Contains(writes, "delete deployments/image-registry") {
		t.Fatalf("writes %v, error %v", writes, err)
	}
	h.expect(map[string]string{names.Progressing: "True/DeletingDeployment", names.Degraded: "False/Removed", names.ResourcesApplied: "False/Error: deleting Service openshift-image-registry/image-registry: webhook says no"})
	h.clock.SetTime(testNow.Add(15 * time.Minute))
	if _, err := h.sync(); err == nil {
		t.Fatal("no error")
	}
	h.expect(map[string]string{names.Degraded: "True/Error: Removing the registry: deleting Service"})
}

func TestDeletion(t *testing.T) {
	deleted := func(w *world) {
		w.config.DeletionTimestamp = &metav1.Time{Time: testNow}
		w.config.Spec.ManagementState = operatorv1.Unmanaged
	}
	h := running(t)
	h.edit(deleted)
	if writes := withoutStatus(h.mustSync()); len(writes) != 10 {
		t.Errorf("a deleted Config removes everything, whatever its state: %v", writes)
	}
	h = running(t)
	h.edit(func(w *world) { deleted(w); w.config.Finalizers = []string{"somebody/else"} })
	if writes := withoutStatus(h.mustSync()); len(writes) != 0 {
		t.Errorf("without our finalizer it is not ours to remove: %v", writes)
	}
}

func TestHandsOff(t *testing.T) {
	for state, want := range map[operatorv1.ManagementState]map[string]string{
		operatorv1.Unmanaged: {names.Available: "True/Unmanaged", names.Progressing: "False/Unmanaged", names.Degraded: "False/Unmanaged", names.Removed: "False/"},
		operatorv1.Force:     {names.Available: `True/Ready: The registry is ready (managementState "Force": nothing is applied`, names.Progressing: "False/Ready", names.Degraded: "False/"},
		"":                   {names.Available: `True/Ready: The registry is ready (managementState "": nothing is applied`, names.Progressing: "False/Ready", names.Degraded: "False/"},
	} {
		t.Run(string(state), func(t *testing.T) {
			h := running(t)
			h.edit(func(w *world) {
				w.config.Spec.ManagementState, w.config.Spec.Replicas, w.config.Spec.HTTPSecret = state, -7, ""
				w.config.Spec.Storage = storage.Coordinates{}
			})
			d := h.deployment()
			d.Spec.Replicas = ptr.To[int32](1)
			d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas, d.Status.ReadyReplicas = 1, 1, 1, 1
			h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
			if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
				t.Errorf("writes %v", writes)
			}
			h.expect(want)
			config, _ := h.config.Config()
			if config.Status.ObservedGeneration != config.Generation || config.Status.ReadyReplicas != 1 {
				t.Errorf("observed %d of %d, ready %d", config.Status.ObservedGeneration, config.Generation, config.Status.ReadyReplicas)
			}
			if writes := h.mustSync(); len(writes) > 0 {
				t.Errorf("not silent: %v", writes)
			}
		})
	}
}

func TestAWrongSpecIsNotRetried(t *testing.T) {
	h := running(t)
	h.edit(spec(func(s *imageRegistrySpec) { s.Replicas = -1 }))
	writes := withoutStatus(h.mustSync())
	if len(writes) > 0 || h.again > 0 {
		t.Errorf("writes %v, again in %s", writes, h.again)
	}
	h.expect(map[string]string{names.Available: "True/Ready", names.Progressing: "False/Error", names.Degraded: "True/VerificationFailed: Error: spec.replicas: replicas must be greater than or equal to 0"})
	config, _ := h.config.Config()
	if config.Status.ObservedGeneration != config.Generation {
		t.Error("found to be wrong for good is observed")
	}
	h.edit(spec(func(s *imageRegistrySpec) { s.Replicas = 2 }))
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "False/Ready", names.Degraded: "False/"})
}

func TestARefusedObjectIsNotRetried(t *testing.T) {
	h := running(t)
	h.kube.PrependReactor("update", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInvalid(appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind(), "image-registry", nil)
	})
	h.edit(spec(func(s *imageRegistrySpec) { s.Tolerations = []corev1.Toleration{{Operator: "Nonsense"}} }))
	h.mustSync()
	h.expect(map[string]string{names.Degraded: "True/VerificationFailed: Error: updating Deployment openshift-image-registry/image-registry"})
}

func TestATransientErrorIsRetried(t *testing.T) {
	h := running(t)
	before, _ := h.config.Config()
	h.kube.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("etcd is slow")
	})
	h.edit(spec(func(s *imageRegistrySpec) { s.HTTPSecret = "another"; s.Replicas = 1 }))
	writes, err := h.sync()
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff([]string{"update secrets/image-registry-http-secret", "update poddisruptionbudgets/image-registry"}, withoutStatus(writes)); diff != "" {
		t.Errorf("others go on, the Deployment waits for its Secret (-want +got):\n%s", diff)
	}
	if h.again != time.Minute {
		t.Errorf("again in %s, want when the error enters Progressing", h.again)
	}
	h.expect(map[string]string{names.Progressing: "False/Ready", names.ResourcesApplied: "False/Error: updating Secret openshift-image-registry/image-registry-http-secret: etcd is slow"})
	config, _ := h.config.Config()
	if config.Status.ObservedGeneration != before.Generation {
		t.Error("what failed to be applied is not observed")
	}
	for _, later := range []time.Duration{2 * time.Minute, time.Hour} {
		h.clock.SetTime(testNow.Add(later))
		if _, err := h.sync(); err == nil || h.again != longestPause {
			t.Errorf("after %s again in %s, want %s, error %v", later, h.again, longestPause, err)
		}
	}
}

func TestAConflictIsNobodysBusiness(t *testing.T) {
	h := running(t)
	h.kube.PrependReactor("update", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(appsv1.Resource("deployments"), "image-registry", errors.New("behind"))
	})
	h.edit(spec(func(s *imageRegistrySpec) { s.Replicas = 1 }))
	for range apply.MaxBehind {
		writes, err := h.sync()
		if !apierrors.IsConflict(err) || h.again > 0 {
			t.Fatalf("error %v", err)
		}
		if status := len(writes) - len(withoutStatus(writes)); status > 0 {
			t.Fatalf("status written: %v", writes)
		}
	}
	if _, err := h.sync(); err == nil {
		t.Fatal("no error")
	}
	h.expect(map[string]string{names.ResourcesApplied: "False/Error"})
}

func TestLostServingCertificate(t *testing.T) {
	h := running(t)
	if err := h.kube.CoreV1().Secrets(names.OperatorNamespace).Delete(context.Background(), names.RegistryTLSSecret, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	writes, err := h.sync()
	if err == nil || len(withoutStatus(writes)) > 0 {
		t.Fatalf("the pods are left alone: %v, error %v", writes, err)
	}
	h.add(newWorld().secrets[names.RegistryTLSSecret])
	if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
		t.Errorf("back with the same content: %v", writes)
	}
	h.expect(map[string]string{names.ResourcesApplied: "True/"})
}

// A change of the template shows as progress at once, a change of scale does not.
func TestProgressOfAWrite(t *testing.T) {
	h := running(t)
	generation := int64(2)
	h.kube.PrependReactor("update", "deployments", func(action clienttesting.Action) (bool, runtime.Object, error) {
		action.(clienttesting.UpdateAction).GetObject().(*appsv1.Deployment).Generation = generation
		generation++
		return false, nil, nil
	})
	h.edit(spec(func(s *imageRegistrySpec) { s.ReadOnly = true }))
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "True/DeploymentNotCompleted"})
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "True/DeploymentNotCompleted"})
	h.rollOut(2)
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "False/Ready"})

	h = running(t, spec(func(s *imageRegistrySpec) { s.Replicas = 3 }))
	h.edit(spec(func(s *imageRegistrySpec) { s.Replicas = 4 }))
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "False/Ready"})
}

func TestOverrideRemoved(t *testing.T) {
	h := running(t, spec(func(s *imageRegistrySpec) {
		s.UnsupportedConfigOverrides = raw(`{"deployment":{"annotations":{"a":"b"}}}`)
	}))
	if h.deployment().Annotations["a"] != "b" {
		t.Fatal("not overridden")
	}
	h.edit(spec(func(s *imageRegistrySpec) { s.UnsupportedConfigOverrides = raw(`null`) }))
	h.mustSync()
	d := h.deployment()
	for _, annotations := range []map[string]string{d.Annotations, d.Spec.Template.Annotations} {
		if _, left := annotations["a"]; left {
			t.Errorf("left behind: %v", annotations)
		}
	}
	if _, left := d.Annotations[names.ManagedAnnotationsAnnotation]; left {
		t.Error("the list of managed annotations is left behind")
	}
}

// Everything that is read is watched: a field of Deps that is an informer is in Informers, or is Nodes.
func TestEveryInputIsWatched(t *testing.T) {
	h := newHarness(t, newWorld())
	c := New(h.deps)
	if c.Name() != names.RegistryController {
		t.Errorf("name %s", c.Name())
	}
	count := 1 // ConfigInformer
	fields := reflect.TypeFor[Deps]()
	for i := range fields.NumField() {
		if _, isInformer := fields.Field(i).Type.MethodByName("Informer"); isInformer && fields.Field(i).Name != "Nodes" {
			count++
		}
	}
	if got := len(Informers(h.deps)); got != count {
		t.Errorf("%d informers are watched, Deps has %d", got, count)
	}
}

func TestNodesMatterOnlyWhenZonesComeOrGo(t *testing.T) {
	h := newHarness(t, newWorld(func(w *world) { w.zones = false }))
	h.mustSync()
	if h.c.zonesChanged(nil) {
		t.Error("nothing has changed")
	}
	h.index(h.deps.Nodes.Informer(), &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"a": "b"}}})
	if h.c.zonesChanged(nil) {
		t.Error("a node without a zone has come")
	}
	h.index(h.deps.Nodes.Informer(), &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{names.ZoneLabel: "a"}}})
	if !h.c.zonesChanged(nil) {
		t.Error("a node has got a zone")
	}
	if diff := cmp.Diff([]string{"update deployments/image-registry"}, withoutStatus(h.mustSync())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if h.c.zonesChanged(nil) {
		t.Error("seen already")
	}
}
