package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

var createAll = []string{
	"create services/image-registry", "create secrets/installation-pull-secrets",
	"create secrets/image-registry-private-configuration", "create secrets/image-registry-http-secret",
	"create serviceaccounts/registry", "create deployments/image-registry",
	"create clusterroles/system:registry", "create clusterrolebindings/registry-registry-role",
	"create poddisruptionbudgets/image-registry", "create networkpolicies/image-registry-networkpolicy",
}

// createFirst is what does not wait for the Deployment.
var createFirst = createAll[:5]

func applied(conditions string) string {
	return "status " + names.RegistryController + " " + conditions
}

// running is a harness whose registry is deployed, rolled out and silent.
func running(t *testing.T, edits ...func(*world)) *harness {
	t.Helper()
	h := newHarness(t, newWorld(edits...))
	h.mustSync()
	h.rollOut(*h.deployment().Spec.Replicas)
	h.mustSync()
	if writes := h.mustSync(); len(writes) > 0 {
		t.Fatalf("not silent: %v", writes)
	}
	return h
}

func TestInstall(t *testing.T) {
	h := newHarness(t, newWorld())
	want := append(slices.Clone(createAll), applied("Available=False/NoReplicasAvailable Progressing=True/DeploymentNotCompleted Degraded=False/ Removed=False/ ResourcesApplied=True/AsExpected"))
	if diff := cmp.Diff(want, h.mustSync()); diff != "" {
		t.Errorf("first sync (-want +got):\n%s", diff)
	}
	for _, order := range [][2]string{
		{"create deployments/image-registry", "create clusterroles/system:registry"},
		{"create services/image-registry", "create secrets/image-registry-private-configuration"},
		{"create clusterroles/system:registry", "create clusterrolebindings/registry-registry-role"},
		{"create serviceaccounts/registry", "create deployments/image-registry"},
		{"create secrets/installation-pull-secrets", "create deployments/image-registry"},
		{"create secrets/image-registry-private-configuration", "create deployments/image-registry"},
		{"create secrets/image-registry-http-secret", "create deployments/image-registry"},
		{"create deployments/image-registry", "create poddisruptionbudgets/image-registry"},
		{"create deployments/image-registry", "create networkpolicies/image-registry-networkpolicy"},
	} {
		if slices.Index(h.sent, order[0]) > slices.Index(h.sent, order[1]) {
			t.Errorf("%s comes before %s", order[1], order[0])
		}
	}
	if h.again != 5*time.Minute {
		t.Errorf("looks again in %s, want when it would degrade", h.again)
	}
	if writes := h.mustSync(); len(writes) > 0 {
		t.Errorf("second sync writes %v", writes)
	}
	h.rollOut(2)
	if diff := cmp.Diff([]string{applied("Available=True/Ready Progressing=False/Ready Degraded=False/ Removed=False/ ResourcesApplied=True/AsExpected")}, h.mustSync()); diff != "" {
		t.Errorf("after the rollout (-want +got):\n%s", diff)
	}
	if writes := h.mustSync(); len(writes) > 0 || h.again > 0 {
		t.Errorf("not silent: %v, again in %s", writes, h.again)
	}
	config, _ := h.config.Config()
	if config.Status.ReadyReplicas != 2 || config.Status.ObservedGeneration != config.Generation {
		t.Errorf("ready %d, observed %d of %d", config.Status.ReadyReplicas, config.Status.ObservedGeneration, config.Generation)
	}
	want1 := operatorv1.GenerationStatus{Group: "apps", Resource: "deployments", Namespace: names.OperatorNamespace, Name: names.Registry, LastGeneration: h.deployment().Generation}
	if !slices.Contains(config.Status.Generations, want1) {
		t.Errorf("generations %v", config.Status.Generations)
	}
}

func TestNoConfig(t *testing.T) {
	h := newHarness(t, newWorld())
	h.config.Delete()
	if writes := h.mustSync(); len(writes) > 0 {
		t.Errorf("writes %v", writes)
	}
}

func TestTheHTTPSecretIsStoredBeforeItIsUsed(t *testing.T) {
	without := spec(func(s *imageRegistrySpec) { s.HTTPSecret = "" })
	h := newHarness(t, newWorld(without))
	h.config.Fail("patch", errors.New("no"))
	writes, err := h.sync()
	if err == nil || slices.Contains(writes, "create secrets/image-registry-http-secret") || slices.Contains(writes, "create deployments/image-registry") {
		t.Fatalf("used before it was stored: %v, %v", writes, err)
	}
	h.config.Fail("patch", nil)
	writes = h.mustSync()
	if !slices.Contains(writes, "patch "+names.RegistryController+" /spec/httpSecret") {
		t.Errorf("writes %v", writes)
	}
	const told = "HTTPSecretGenerated: spec.httpSecret was empty and got a new value: uploads under way have to begin again"
	if got := h.told(); !slices.Contains(got, told) {
		t.Errorf("events %q", got)
	}
	config, _ := h.config.Config()
	secret, err := h.kube.CoreV1().Secrets(names.OperatorNamespace).Get(context.Background(), names.RegistryHTTPSecret, metav1.GetOptions{})
	if err != nil || string(secret.Data[names.RegistryHTTPSecretKey]) != config.Spec.HTTPSecret || len(config.Spec.HTTPSecret) != 128 {
		t.Errorf("the Secret has %q, Config %q, error %v", secret.Data, config.Spec.HTTPSecret, err)
	}
	if config.Status.ObservedGeneration != config.Generation {
		t.Errorf("observed %d of %d", config.Status.ObservedGeneration, config.Generation)
	}
	first := config.Spec.HTTPSecret
	h.edit(without)
	h.mustSync()
	if config, _ = h.config.Config(); config.Spec.HTTPSecret == first || config.Spec.HTTPSecret == "" {
		t.Errorf("a cleared value is replaced by %q", config.Spec.HTTPSecret)
	}
}

func TestWaiting(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*world)
		writes []string
		want   map[string]string
	}{
		{"for storage", func(w *world) {
			w.config.Status = newWorld().config.Status
			w.config.Status.Storage, w.config.Status.Generations, w.config.Status.Conditions = storage.Coordinates{}, nil, nil
		}, nil, map[string]string{
			names.Available: "False/DeploymentNotFound", names.Progressing: "True/StorageChanging", names.Degraded: "False/",
			names.ResourcesApplied: "Unknown/WaitingForDeployment: Waiting for storage that is set up",
		}},
		{"for credentials", func(w *world) {
			w.config.Status.Storage = storage.Coordinates{}
			w.config.Status.Conditions[0] = operatorv1.OperatorCondition{Type: names.StorageReady, Status: operatorv1.ConditionFalse, Reason: names.ReasonWaitingForCredentials, Message: "create Secret x"}
		}, nil, map[string]string{
			names.Available: "False/DeploymentNotFound: The deployment does not exist: create Secret x", names.Progressing: "True/WaitingForCredentials: create Secret x",
		}},
		{"for the serving certificate", func(w *world) { delete(w.secrets, names.RegistryTLSSecret) }, createFirst, map[string]string{
			names.Available:   "False/DeploymentNotFound: The deployment does not exist: Waiting for Secret image-registry-tls",
			names.Progressing: "True/WaitingForDeployment: The deployment does not exist yet: Waiting for Secret image-registry-tls",
		}},
		{"for the CA", func(w *world) { delete(w.configMaps, names.Certificates) }, createFirst, map[string]string{
			names.Progressing: "True/WaitingForDeployment: The deployment does not exist yet: Waiting for ConfigMap image-registry-certificates",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, newWorld(tc.edit))
			writes := h.mustSync()
			if diff := cmp.Diff(tc.writes, withoutStatus(writes)); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if h.again > 0 && h.condition(names.Available) == "none" {
				// The first conditions of all are held back for a moment.
				h.clock.SetTime(h.clock.Now().Add(h.again))
				if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
					t.Errorf("held back and yet: %v", writes)
				}
			}
			h.expect(tc.want)
			if writes := h.mustSync(); len(writes) > 0 {
				t.Errorf("waiting is not silent: %v", writes)
			}
		})
	}
}

// While all there is to say is that the Deployment is about to come, the first conditions wait for it.
func TestTheFirstConditionsWaitForTheDeployment(t *testing.T) {
	awaiting := func(w *world) { delete(w.secrets, names.RegistryTLSSecret) }
	for _, tc := range []struct {
		name string
		edit func(*world)
		held time.Duration
	}{
		{"held back", awaiting, firstWord},
		{"not when the storage fails", func(w *world) {
			awaiting(w)
			w.config.Status.Conditions = []operatorv1.OperatorCondition{{Type: names.StorageReady, Status: operatorv1.ConditionFalse, Reason: names.ReasonError}}
		}, 0},
		{"not when there were conditions before", func(w *world) {
			awaiting(w)
			w.config.Status.Conditions = append(w.config.Status.Conditions, operatorv1.OperatorCondition{Type: names.Available, Status: operatorv1.ConditionFalse})
		}, 0},
		{"not when spec is wrong", func(w *world) { awaiting(w); w.config.Spec.Replicas = -1 }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, newWorld(tc.edit))
			writes := h.mustSync()
			if held := len(withoutStatus(writes)) == len(writes); held != (tc.held > 0) || held && h.again != tc.held {
				t.Errorf("looks again in %s, after %v", h.again, writes)
			}
		})
	}
	t.Run("with the Deployment there is one write", func(t *testing.T) {
		h := newHarness(t, newWorld(awaiting))
		h.mustSync()
		h.add(newWorld().secrets[names.RegistryTLSSecret])
		writes := h.mustSync()
		if got := len(writes) - len(withoutStatus(writes)); got != 1 || !strings.HasPrefix(h.condition(names.Progressing), "True/DeploymentNotCompleted") {
			t.Errorf("%d status writes in %v, Progressing %s", got, writes, h.condition(names.Progressing))
		}
	})
}

func withoutStatus(writes []string) []string {
	var kept []string
	for _, write := range writes {
		if !strings.HasPrefix(write, "status ") {
			kept = append(kept, write)
		}
	}
	return kept
}

// Once what was awaited is there, one write makes the Deployment, and no second rollout follows.
func TestTheFirstDeploymentIsTheLastWord(t *testing.T) {
	h := newHarness(t, newWorld(func(w *world) { delete(w.secrets, names.RegistryTLSSecret) }))
	h.mustSync()
	h.add(newWorld().secrets[names.RegistryTLSSecret])
	if diff := cmp.Diff(createAll[len(createFirst):], withoutStatus(h.mustSync())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if writes := h.mustSync(); len(writes) > 0 {
		t.Errorf("then %v", writes)
	}
}

func TestUnacknowledgedStorage(t *testing.T) {
	h := running(t)
	before, _ := h.config.Config()
	h.edit(func(w *world) { w.config.Spec.Storage = s3("next"); w.config.Spec.Replicas = 3 })
	writes := withoutStatus(h.mustSync())
	if diff := cmp.Diff([]string{"update deployments/image-registry"}, writes); diff != "" {
		t.Errorf("everything else still rolls out (-want +got):\n%s", diff)
	}
	h.expect(map[string]string{names.Available: "True/", names.Progressing: "True/StorageChanging", names.Degraded: "False/"})
	config, _ := h.config.Config()
	if config.Status.ObservedGeneration != before.Generation {
		t.Errorf("observedGeneration advanced to %d", config.Status.ObservedGeneration)
	}
	if got := environment(h.deployment())[1]; got != "REGISTRY_STORAGE_S3_BUCKET=bucket" {
		t.Errorf("the registry left the storage that is known to be good: %s", got)
	}
}

// Decision 6: the cloud is down, and yet a CA and a replica count get through.
func TestStorageOutageHoldsNothingBack(t *testing.T) {
	h := running(t)
	h.edit(func(w *world) {
		w.config.Status.Conditions[0] = operatorv1.OperatorCondition{
			Type: names.StorageReady, Status: operatorv1.ConditionFalse, Reason: names.ReasonError, Message: "cloud down", LastTransitionTime: metav1.NewTime(testNow),
		}
		w.config.Spec.Replicas = 1
	})
	certificates := namedConfigMap(names.Certificates, map[string]string{serviceCAKey: "new ca"})
	h.change(corev1.SchemeGroupVersion.WithResource("configmaps"), certificates)
	checksum := checksumOf(h.deployment())
	writes := withoutStatus(h.mustSync())
	if diff := cmp.Diff([]string{"update deployments/image-registry", "update poddisruptionbudgets/image-registry"}, writes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := h.deployment(); *d.Spec.Replicas != 1 || checksumOf(d) == checksum {
		t.Errorf("%d replicas, checksum %s", *d.Spec.Replicas, checksumOf(d))
	}
	h.rollOut(1)
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "False/Ready", names.Degraded: "False/"})
	h.clock.SetTime(testNow.Add(time.Minute))
	h.mustSync()
	h.expect(map[string]string{names.Progressing: "True/Error: Unable to apply resources: cloud down", names.Degraded: "False/"})
	h.clock.SetTime(testNow.Add(15 * time.Minute))
	h.mustSync()
	h.expect(map[string]string{names.Available: "True/Ready", names.Degraded: "True/Error: Unable to apply resources: cloud down"})
}

func TestDriftIsReverted(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name string
		edit func(*testing.T, *harness)
		want string
	}{
		{"a variable", func(_ *testing.T, h *harness) {
			d := h.deployment()
			registry(d).Env = append(registry(d).Env, corev1.EnvVar{Name: "X", Value: "y"})
			h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
		}, "update deployments/image-registry"},
		{"kubectl scale", func(_ *testing.T, h *harness) {
			d := h.deployment()
			d.Spec.Replicas = ptr.To[int32](9)
			h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
		}, "update deployments/image-registry"},
		{"kubectl rollout restart", func(_ *testing.T, h *harness) {
			d := h.deployment()
			d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "now"
			h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
		}, "update deployments/image-registry"},
		{"the Deployment deleted", func(t *testing.T, h *harness) {
			if err := h.kube.AppsV1().Deployments(names.OperatorNamespace).Delete(ctx, names.Registry, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}, "create deployments/image-registry"},
		{"the selector of the Service", func(_ *testing.T, h *harness) {
			s := load[corev1.Service]("service")
			s.Spec.Selector = map[string]string{"a": "b"}
			h.change(corev1.SchemeGroupVersion.WithResource("services"), s)
		}, "update services/image-registry"},
		{"a rule of the role", func(_ *testing.T, h *harness) {
			r := load[rbacv1.ClusterRole]("clusterrole")
			r.Rules = r.Rules[1:]
			h.change(rbacv1.SchemeGroupVersion.WithResource("clusterroles"), r)
		}, "update clusterroles/system:registry"},
		{"the budget", func(_ *testing.T, h *harness) {
			b := load[policyv1.PodDisruptionBudget]("poddisruptionbudget")
			b.Spec.MinAvailable = ptr.To(intstr.FromInt32(2))
			h.change(policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"), b)
		}, "update poddisruptionbudgets/image-registry"},
		{"a key of the credentials", func(_ *testing.T, h *harness) {
			s := load[corev1.Secret]("privateconfiguration")
			s.Data = map[string][]byte{"credentials": []byte("theirs")}
			h.change(corev1.SchemeGroupVersion.WithResource("secrets"), s)
		}, "update secrets/image-registry-private-configuration"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := running(t)
			tc.edit(t, h)
			if diff := cmp.Diff([]string{tc.want}, withoutStatus(h.mustSync())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
				t.Errorf("then %v", writes)
			}
		})
	}
}

// Storage changes: the Secret and the Deployment that reads it are written in one sync, and the pods roll once.
func TestSecretAndDeploymentTogether(t *testing.T) {
	h := running(t)
	h.edit(func(w *world) { w.secrets = map[string]*corev1.Secret{}; w.setStorage(s3("next"), nil) })
	h.change(corev1.SchemeGroupVersion.WithResource("secrets"), namedSecret(names.StoragePair, storage.EncodePair(s3("next"), storage.Facts{"credentials": []byte("next"), "token": []byte("t")})))
	want := []string{"update secrets/image-registry-private-configuration", "update deployments/image-registry"}
	if diff := cmp.Diff(want, withoutStatus(h.mustSync())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
		t.Errorf("the cache catches up, and %v", writes)
	}
}
