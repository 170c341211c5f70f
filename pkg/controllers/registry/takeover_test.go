package registry

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
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

// referenceWorld is the cluster those objects are from.
func referenceWorld(t *testing.T) (*world, *appsv1.Deployment) {
	t.Helper()
	live := reference[appsv1.Deployment](t, "deployments-image-registry")
	config := reference[imageregistryv1.Config](t, "configs-cluster")
	w := newWorld(func(w *world) {
		w.namespace.Annotations[names.SupplementalGroupsAnnotation] = "1000640000/10000"
		w.image = live.Spec.Template.Spec.Containers[0].Image
	})
	pair := storage.EncodePair(config.Status.Storage, s3Facts)
	w.secrets[names.StoragePair] = namedSecret(names.StoragePair, pair)
	config.Status.Generations = append(config.Status.Generations, storage.Acknowledgement(config))
	w.config = config
	return w, live
}

// referenceDriver gives the pod what the live one has for storage.
func referenceDriver(live *appsv1.Deployment) storage.Drivers {
	return storage.Drivers{{
		Kind: storage.S3,
		Settings: func(storage.Coordinates, storage.Facts) (storage.Settings, error) {
			settings := storage.Settings{
				Volumes:    live.Spec.Template.Spec.Volumes[:1],
				Mounts:     registry(live).VolumeMounts[:1],
				SecretData: map[string][]byte{"credentials": []byte("x")},
			}
			for _, variable := range registry(live).Env {
				if strings.HasPrefix(variable.Name, "REGISTRY_STORAGE") && !strings.Contains(variable.Name, "_CACHE_") && !strings.Contains(variable.Name, "_DELETE_") {
					var value any = variable.Value
					if variable.Value == "true" || variable.Value == "false" {
						value = variable.Value == "true"
					}
					settings.Env = append(settings.Env, storage.EnvVar{Name: variable.Name, Value: value})
				}
			}
			return settings, nil
		},
	}}
}

func TestTakeOverChangesWhatItMeansTo(t *testing.T) {
	w, live := referenceWorld(t)
	in := w.inputs()
	in.Drivers, in.Live.Deployment = referenceDriver(live), live
	desired, err := Render(in)
	if err != nil {
		t.Fatal(err)
	}
	merged, changed := apply.MergeDeployment(live, desired.Deployment)
	if !changed {
		t.Fatal("nothing changes")
	}

	undoSecret(t, registry(merged), registry(live))
	undoHardening(t, &merged.Spec.Template.Spec, registry(live))
	setChecksum(merged, checksumOf(live))
	if !equality.Semantic.DeepEqual(live.Spec, merged.Spec) {
		t.Errorf("differs beyond what is meant (-reference +ours):\n%s", cmp.Diff(live.Spec, merged.Spec))
	}
	if merged.Annotations["deployment.kubernetes.io/revision"] != "2" {
		t.Errorf("a foreign annotation is lost: %v", merged.Annotations)
	}
}

// undoSecret and undoHardening check the intended differences and take them back: what is left must be what the API
// server made of the reference's Deployment.
func undoSecret(t *testing.T, container, old *corev1.Container) {
	t.Helper()
	at := slices.IndexFunc(container.Env, func(v corev1.EnvVar) bool { return v.Name == names.RegistryHTTPSecretKey })
	if container.Env[at].Value != "" || container.Env[at].ValueFrom == nil {
		t.Errorf("the http secret is still a literal")
	}
	container.Env[at] = old.Env[at]
}

func undoHardening(t *testing.T, pod *corev1.PodSpec, old *corev1.Container) {
	t.Helper()
	container := &pod.Containers[0]
	if container.StartupProbe == nil {
		t.Error("no startup probe")
	}
	container.StartupProbe = nil
	restricted := &corev1.SecurityContext{
		ReadOnlyRootFilesystem: ptr.To(true), RunAsNonRoot: ptr.To(true), AllowPrivilegeEscalation: ptr.To(false),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(restricted, container.SecurityContext); diff != "" {
		t.Errorf("security context (-want +got):\n%s", diff)
	}
	container.SecurityContext = old.SecurityContext
	for i := range container.VolumeMounts {
		mount := &container.VolumeMounts[i]
		if !mount.ReadOnly && mount.Name != "ca-trust-extracted" {
			t.Errorf("mount %s is writable", mount.Name)
		}
		mount.ReadOnly = old.VolumeMounts[i].ReadOnly
	}
	for i := range pod.Volumes {
		switch volume := &pod.Volumes[i]; volume.Name {
		case "registry-tls":
			volume.Projected.DefaultMode = ptr.To[int32](0o644)
		case "installation-pull-secrets":
			volume.Secret.DefaultMode = ptr.To[int32](0o644)
		case "ca-trust-extracted":
			volume.EmptyDir.SizeLimit = nil
		}
	}
}

func TestTakeOverIsOneRollout(t *testing.T) {
	w, live := referenceWorld(t)
	h := newHarness(t, w)
	h.c.Drivers = referenceDriver(live)
	service := reference[corev1.Service](t, "services-image-registry")
	service.Annotations["foreign"] = "kept"
	account := reference[corev1.ServiceAccount](t, "serviceaccounts-registry")
	account.Secrets = []corev1.ObjectReference{{Name: "dockercfg"}}
	h.add(live)
	h.add(service)
	h.add(account)
	h.add(reference[rbacv1.ClusterRole](t, "clusterroles-system-registry"))
	h.add(reference[rbacv1.ClusterRoleBinding](t, "clusterrolebindings-registry-registry-role"))
	h.add(reference[corev1.Secret](t, "secrets-image-registry-private-configuration"))
	h.add(reference[corev1.Secret](t, "secrets-installation-pull-secrets"))
	h.add(reference[policyv1.PodDisruptionBudget](t, "poddisruptionbudgets-image-registry"))
	h.add(reference[networkingv1.NetworkPolicy](t, "networkpolicies-image-registry-networkpolicy"))

	h.mustSync()
	first := h.deployment()
	if equality.Semantic.DeepEqual(first.Spec.Template, live.Spec.Template) {
		t.Error("the take-over changes nothing")
	}
	for range 3 {
		if writes := withoutStatus(h.mustSync()); len(writes) > 0 {
			t.Errorf("not settled: %v", writes)
		}
	}
	h.refresh()
	kept, err := h.deps.Services.Lister().Services(names.OperatorNamespace).Get(names.Registry)
	if err != nil || kept.Annotations["foreign"] != "kept" || kept.Spec.ClusterIP != service.Spec.ClusterIP {
		t.Errorf("the Service lost something foreign: %+v, %v", kept, err)
	}
	keptAccount, err := h.deps.ServiceAccounts.Lister().ServiceAccounts(names.OperatorNamespace).Get(names.RegistryServiceAccount)
	if err != nil || len(keptAccount.Secrets) != 1 {
		t.Errorf("the ServiceAccount lost its Secrets: %+v, %v", keptAccount, err)
	}
}
