package registry

import (
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestDependenciesOfADefaultPod(t *testing.T) {
	pod := render(t, newWorld(onEmptyDir)).Deployment.Spec.Template.Spec
	var volumes []string
	for _, volume := range pod.Volumes {
		volumes = append(volumes, volume.Name)
	}
	if diff := cmp.Diff([]string{"registry-storage", "registry-tls", "ca-trust-extracted", "registry-certificates", "trusted-ca", "installation-pull-secrets", "bound-sa-token"}, volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	want := []dependency{
		{kindConfigMap, names.Certificates, false},
		{kindConfigMap, names.TrustedCA, true},
		{kindSecret, names.RegistryHTTPSecret, false},
		{kindSecret, names.RegistryTLSSecret, false},
		{kindSecret, names.PullSecretCopy, true},
	}
	if diff := cmp.Diff(want, dependenciesOf(&pod), cmp.AllowUnexported(dependency{})); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestDependenciesOfEveryKindOfReference(t *testing.T) {
	pod := &corev1.PodSpec{
		Containers: []corev1.Container{{Env: []corev1.EnvVar{
			{Name: "plain", Value: "x"},
			{Name: "field", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{}}},
			{Name: "s", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "a"}, Optional: ptr.To(true)}}},
			{Name: "m", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "b"}}}},
		}}},
		Volumes: []corev1.Volume{
			{VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "a"}}},
			{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, Optional: ptr.To(true)}}},
			{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "d"}}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "e"}}},
			}}}},
		},
	}
	want := []dependency{
		{kindConfigMap, "b", false},
		{kindConfigMap, "c", true},
		{kindConfigMap, "e", false},
		{kindSecret, "a", false},
		{kindSecret, "d", false},
	}
	if diff := cmp.Diff(want, dependenciesOf(pod), cmp.AllowUnexported(dependency{})); diff != "" {
		t.Errorf("needed in one place is needed (-want +got):\n%s", diff)
	}
}

func TestWhatRollsThePods(t *testing.T) {
	before := checksumOf(render(t, newWorld()).Deployment)
	for _, tc := range []struct {
		name  string
		edit  func(*world)
		rolls bool
	}{
		{"nothing", func(*world) {}, false},
		{"serving certificate", func(w *world) { w.secrets[names.RegistryTLSSecret].Data["tls.crt"] = []byte("new") }, true},
		{"a key moved", func(w *world) {
			w.secrets[names.RegistryTLSSecret].Data = map[string][]byte{"tls.crt": []byte("k"), "tls.key": []byte("c")}
		}, true},
		{"additional CA", func(w *world) { w.configMaps[names.Certificates].Data["host..5000"] = "ca" }, true},
		{"additional CA as bytes", func(w *world) {
			w.configMaps[names.Certificates].BinaryData = map[string][]byte{"host..5000": []byte("ca")}
		}, true},
		{"proxy CA", func(w *world) { w.configMaps[names.TrustedCA].Data[names.TrustedCAKey] = "new" }, true},
		{"proxy CA gone", func(w *world) { delete(w.configMaps, names.TrustedCA) }, true},
		{"pull secret", func(w *world) { w.pullSecret.Data[corev1.DockerConfigJsonKey] = []byte("{}") }, true},
		{"http secret", spec(func(s *imageRegistrySpec) { s.HTTPSecret = "another" }), true},
		{"storage credentials", func(w *world) {
			w.setStorage(s3("bucket"), storage.Facts{"credentials": []byte("new"), "token": []byte("10")})
		}, true},
		{"metadata of a dependency", func(w *world) {
			w.secrets[names.RegistryTLSSecret].Annotations = map[string]string{"a": "b"}
			w.secrets[names.RegistryTLSSecret].ResourceVersion = "77"
		}, false},
		{"a Secret that is not mounted", func(w *world) { w.secrets["other"] = namedSecret("other", map[string][]byte{"a": nil}) }, false},
		// The cache is behind what this sync writes: the checksum is of what is written.
		{"an old private configuration in the cache", func(w *world) {
			w.secrets[names.PrivateConfiguration] = namedSecret(names.PrivateConfiguration, map[string][]byte{"credentials": []byte("old")})
		}, false},
		{"an old http secret in the cache", func(w *world) {
			w.secrets[names.RegistryHTTPSecret] = namedSecret(names.RegistryHTTPSecret, map[string][]byte{"x": nil})
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := checksumOf(render(t, newWorld(tc.edit)).Deployment)
			if (after != before) != tc.rolls {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}

// Without a source the copy stays as it is: it is still mounted, so it still counts.
func TestTheLastPullSecretCounts(t *testing.T) {
	none := func(w *world) { w.pullSecret = nil }
	copied := func(w *world) {
		w.secrets[names.PullSecretCopy] = namedSecret(names.PullSecretCopy, map[string][]byte{corev1.DockerConfigJsonKey: []byte("{}")})
	}
	if checksumOf(render(t, newWorld(none)).Deployment) == checksumOf(render(t, newWorld(none, copied)).Deployment) {
		t.Error("the copy that is mounted is not part of the checksum")
	}
}

func TestFingerprintsKeepPartsApart(t *testing.T) {
	of := func(name string, data map[string][]byte) string {
		f := fingerprint{sha256.New()}
		f.add(dependency{kind: kindSecret, name: name}, data)
		return string(f.Sum(nil))
	}
	one := of("a", map[string][]byte{"key": []byte("value"), "other": nil})
	if again := of("a", map[string][]byte{"other": nil, "key": []byte("value")}); again != one {
		t.Error("the same content has another fingerprint")
	}
	for name, other := range map[string]string{
		"another name":        of("b", map[string][]byte{"key": []byte("value"), "other": nil}),
		"a shifted border":    of("a", map[string][]byte{"keyv": []byte("alue"), "other": nil}),
		"one key less":        of("a", map[string][]byte{"key": []byte("value")}),
		"in the other key":    of("a", map[string][]byte{"key": nil, "other": []byte("value")}),
		"one key, both in it": of("a", map[string][]byte{"key": []byte("valueother")}),
	} {
		if other == one {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}
