package apply

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// SetDeploymentDefaults fills in what the API server fills in, so that its defaults do not count as drift. It knows the
// fields that a registry Deployment can have. A default that it does not know costs one write per change of the
// Deployment: Applier remembers what the server made of it.
func SetDeploymentDefaults(spec *appsv1.DeploymentSpec) {
	fill(&spec.Replicas, 1)
	fill(&spec.RevisionHistoryLimit, 10)
	fill(&spec.ProgressDeadlineSeconds, 600)
	if spec.Strategy.Type == "" {
		spec.Strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
	}
	if spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if spec.Strategy.RollingUpdate == nil {
			spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		fill(&spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		fill(&spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	setPodDefaults(&spec.Template.Spec)
}

func setPodDefaults(spec *corev1.PodSpec) {
	fillString(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	fillString(&spec.DNSPolicy, corev1.DNSClusterFirst)
	fillString(&spec.SchedulerName, corev1.DefaultSchedulerName)
	fill(&spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	// The older name of the field follows the newer one.
	fillString(&spec.DeprecatedServiceAccount, spec.ServiceAccountName)
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	for i := range spec.InitContainers {
		setContainerDefaults(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		setContainerDefaults(&spec.Containers[i])
	}
	for i := range spec.Volumes {
		setVolumeDefaults(&spec.Volumes[i].VolumeSource)
	}
}

func setContainerDefaults(container *corev1.Container) {
	fillString(&container.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	fillString(&container.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	fillString(&container.ImagePullPolicy, pullPolicy(container.Image))
	for i := range container.Ports {
		fillString(&container.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range container.Env {
		if from := container.Env[i].ValueFrom; from != nil && from.FieldRef != nil {
			fillString(&from.FieldRef.APIVersion, "v1")
		}
	}
	for _, probe := range []*corev1.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		setProbeDefaults(probe)
	}
}

func setProbeDefaults(probe *corev1.Probe) {
	if probe == nil {
		return
	}
	fillNumber(&probe.TimeoutSeconds, 1)
	fillNumber(&probe.PeriodSeconds, 10)
	fillNumber(&probe.SuccessThreshold, 1)
	fillNumber(&probe.FailureThreshold, 3)
	if probe.HTTPGet != nil {
		fillString(&probe.HTTPGet.Path, "/")
		fillString(&probe.HTTPGet.Scheme, corev1.URISchemeHTTP)
	}
}

func setVolumeDefaults(source *corev1.VolumeSource) {
	switch {
	case source.Secret != nil:
		fill(&source.Secret.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	case source.ConfigMap != nil:
		fill(&source.ConfigMap.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	case source.Projected != nil:
		fill(&source.Projected.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		for i := range source.Projected.Sources {
			if token := source.Projected.Sources[i].ServiceAccountToken; token != nil {
				fill(&token.ExpirationSeconds, 60*60)
			}
		}
	case *source == corev1.VolumeSource{}:
		source.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
}

// pullPolicy is Always for images whose tag is latest or missing, unless a digest pins them.
func pullPolicy(image string) corev1.PullPolicy {
	if strings.Contains(image, "@") {
		return corev1.PullIfNotPresent
	}
	_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !tagged || tag == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func fill[V any](field **V, value V) {
	if *field == nil {
		*field = &value
	}
}

func fillString[S ~string](field *S, value S) {
	if *field == "" {
		*field = value
	}
}

func fillNumber(field *int32, value int32) {
	if *field == 0 {
		*field = value
	}
}
