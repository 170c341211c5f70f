package storage

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// registryLike is a Deployment of the registry with what the Job takes from it.
func registryLike() *appsv1.Deployment {
	d := deploymentOn("old")
	pod := &d.Spec.Template.Spec
	pod.NodeSelector = map[string]string{"infra": ""}
	pod.Tolerations = []corev1.Toleration{{Key: "infra", Operator: corev1.TolerationOpExists}}
	pod.SecurityContext = &corev1.PodSecurityContext{FSGroup: ptr.To[int64](1000600000)}
	pod.Containers[0].Env = append(pod.Containers[0].Env, corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://proxy.test"}, corev1.EnvVar{Name: "NO_PROXY", Value: ".test"})
	return d
}

func TestMoveJobGolden(t *testing.T) {
	s3 := storage.Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b"}}
	claim := storage.Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: "images"}}
	for _, tc := range []struct {
		name string
		job  moveJob
	}{
		{"move-s3-pvc-first", moveJob{source: s3, target: claim}},
		{"move-s3-pvc-second", moveJob{source: s3, target: claim, second: true}},
		{"move-pvc-s3-first", moveJob{source: claim, target: s3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.job.image, tc.job.pass, tc.job.input, tc.job.registry = "operator", "a pass", "a digest", registryLike()
			got, err := yaml.Marshal(tc.job.render())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", tc.name+".yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; after a change that is meant: go test -run Golden -update\n%s", file, got)
			}
		})
	}
}

func TestServes(t *testing.T) {
	settings := storage.Settings{
		Env: []storage.EnvVar{
			{Name: "REGISTRY_STORAGE", Value: "s3"}, {Name: "REGISTRY_STORAGE_S3_BUCKET", Value: "new"}, {Name: "REGISTRY_STORAGE_S3_ENCRYPT", Value: true},
		},
	}
	running := func(hash string, edits ...func(*corev1.Pod)) *corev1.Pod {
		pod := registryPod()
		pod.Labels["pod-template-hash"] = hash
		for _, edit := range edits {
			edit(pod)
		}
		return pod
	}
	going := func(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{} }
	evicted := func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed }
	encrypted := corev1.EnvVar{Name: "REGISTRY_STORAGE_S3_ENCRYPT", Value: "true"}
	onVolume := storage.FilesystemSettings(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "images"}})
	for _, tc := range []struct {
		name     string
		edit     func(*appsv1.Deployment)
		pods     []*corev1.Pod
		settings storage.Settings
		want     bool
	}{
		{name: "all pods are of the new template", pods: []*corev1.Pod{running("a"), running("a")}, want: true},
		{name: "one is of another", pods: []*corev1.Pod{running("a"), running("b")}},
		{name: "one is on its way out", pods: []*corev1.Pod{running("a"), running("a", going)}},
		{name: "one has been evicted, and serves nobody", pods: []*corev1.Pod{running("a"), running("b", evicted)}, want: true},
		{name: "the bucket is the former one", edit: func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Env[1].Value = "old" }},
		{name: "the former storage has an endpoint, the new one has none", edit: func(d *appsv1.Deployment) {
			c := &d.Spec.Template.Spec.Containers[0]
			c.Env = append(c.Env, corev1.EnvVar{Name: "REGISTRY_STORAGE_S3_REGIONENDPOINT", Value: "https://x.test"})
		}},
		{name: "the new template has not been looked at", edit: func(d *appsv1.Deployment) { d.Generation = 2 }},
		{name: "not all pods have been replaced", edit: func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 0 }},
		{name: "a volume", settings: onVolume, edit: func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{
				{Name: "REGISTRY_STORAGE", Value: "filesystem"}, {Name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", Value: "/registry"},
			}
			d.Spec.Template.Spec.Volumes = onVolume.Volumes
		}, want: true},
		{name: "another volume", settings: onVolume, edit: func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{
				{Name: "REGISTRY_STORAGE", Value: "filesystem"}, {Name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", Value: "/registry"},
			}
			d.Spec.Template.Spec.Volumes = storage.FilesystemSettings(corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "others"},
			}).Volumes
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := deploymentOn("new")
			d.Name = names.Registry
			d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, encrypted)
			if tc.edit != nil {
				tc.edit(d)
			}
			if len(tc.settings.Env) == 0 {
				tc.settings = settings
			}
			got, err := serves(d, tc.pods, tc.settings)
			if err != nil || got != tc.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
