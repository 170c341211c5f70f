package storage

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// keepTargetFlag makes the program add only what the target lacks.
const keepTargetFlag = "--keep-target"

// moveJob is what the Job of a pass is made from.
type moveJob struct {
	image    string
	source   storage.Coordinates
	target   storage.Coordinates
	second   bool
	pass     string
	input    string
	registry *appsv1.Deployment
}

// render makes the Job. What lets the registry's pods reach their storage, the Job's pod has too: nodes, proxy, group.
func (m moveJob) render() *batchv1.Job {
	job := bindata.MustDecode[batchv1.Job]("move/job.yaml")
	job.Annotations = map[string]string{names.MovePassAnnotation: m.pass, names.MoveInputAnnotation: m.input}
	pod := &job.Spec.Template.Spec
	container := &pod.Containers[0]
	container.Image = m.image
	if m.second {
		container.Args = append(container.Args, keepTargetFlag)
	}
	like := m.registry.Spec.Template.Spec.DeepCopy()
	pod.NodeSelector, pod.Tolerations = like.NodeSelector, like.Tolerations
	if like.SecurityContext != nil {
		pod.SecurityContext.FSGroup = like.SecurityContext.FSGroup
	}
	for _, variable := range like.Containers[0].Env {
		if slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}, variable.Name) {
			container.Env = append(container.Env, variable)
		}
	}
	mountClaim(pod, "source", m.source, true)
	mountClaim(pod, "target", m.target, false)
	inUse := m.source
	if m.second {
		inUse = m.target
	}
	if inUse.PVC != nil {
		// A volume may be mountable on one node only, and the registry has it.
		pod.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
				TopologyKey:   names.HostnameLabel,
				LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{names.RegistryLabel: names.RegistryLabelValue}},
			}},
		}}
	}
	return job
}

func mountClaim(pod *corev1.PodSpec, side string, coordinates storage.Coordinates, readOnly bool) {
	if coordinates.PVC == nil {
		return
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: side, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: coordinates.PVC.Claim},
	}})
	container := &pod.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: side, MountPath: "/" + side, ReadOnly: readOnly})
}

// serves tells that all of the registry's pods, of which some may be on their way out, are on the storage of settings.
func serves(deployment *appsv1.Deployment, pods []*corev1.Pod, settings storage.Settings) (bool, error) {
	if deployment == nil {
		return false, nil
	}
	want := map[string]string{}
	for _, variable := range settings.Env {
		value := ""
		if !variable.Secret {
			var err error
			if value, err = storage.RenderEnv(variable); err != nil {
				return false, err
			}
		}
		want[variable.Name] = value
	}
	spec := deployment.Spec.Template.Spec
	if !sameVariables(spec.Containers[0].Env, want) || !hasVolumes(spec.Volumes, settings.Volumes) {
		return false, nil
	}
	status := deployment.Status
	if status.ObservedGeneration < deployment.Generation || status.UpdatedReplicas < status.Replicas {
		return false, nil
	}
	return sameTemplate(pods), nil
}

// sameTemplate tells that the pods that serve are of one template, and that none is on its way out.
func sameTemplate(pods []*corev1.Pod) bool {
	templates := map[string]bool{}
	for _, pod := range pods {
		if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		if pod.DeletionTimestamp != nil {
			return false
		}
		templates[pod.Labels["pod-template-hash"]] = true
	}
	return len(templates) <= 1
}

// sameVariables tells that of the variables that say where a registry stores, env has those of want and no others: the
// place that spec.storage named before may have had one more.
func sameVariables(env []corev1.EnvVar, want map[string]string) bool {
	driver := "REGISTRY_STORAGE_" + strings.ToUpper(want["REGISTRY_STORAGE"]) + "_"
	found := 0
	for _, variable := range env {
		value, wanted := want[variable.Name]
		switch {
		case wanted && value == variable.Value:
			found++
		case wanted, strings.HasPrefix(variable.Name, driver):
			return false
		}
	}
	return found == len(want)
}

func hasVolumes(volumes, want []corev1.Volume) bool {
	for _, volume := range want {
		if !slices.ContainsFunc(volumes, func(have corev1.Volume) bool {
			claim := volume.PersistentVolumeClaim
			return have.Name == volume.Name && (claim == nil || have.PersistentVolumeClaim != nil && have.PersistentVolumeClaim.ClaimName == claim.ClaimName)
		}) {
			return false
		}
	}
	return true
}
