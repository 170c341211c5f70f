package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// rendering is what a transform may look at.
type rendering struct {
	Inputs
	settings storage.Settings
}

// transforms turn the embedded Deployment into the desired one, in this order. The order of variables, volumes and
// mounts is visible to users: storage comes first.
var transforms = []struct {
	name  string
	apply func(*appsv1.Deployment, rendering) error
}{
	{"version", setVersion},
	{"image", setImage},
	{"replicas and strategy", setReplicas},
	{"placement", setPlacement},
	{"topology spread", setTopologySpread},
	{"fsGroup", setFSGroup},
	{"resources", setResources},
	{"log level", setLogLevel},
	{"features", setFeatures},
	{"proxy", setProxy},
	{"request limits", setRequestLimits},
	{"TLS", setTLS},
	{"storage", setStorage},
}

func setVersion(d *appsv1.Deployment, r rendering) error {
	d.Annotations = map[string]string{names.VersionAnnotation: r.ReleaseVersion}
	return nil
}

func setImage(d *appsv1.Deployment, r rendering) error {
	registry(d).Image = r.RegistryImage
	return nil
}

// setFSGroup takes the group that the cluster has set aside for the namespace, so that volumes are writable.
func setFSGroup(d *appsv1.Deployment, r rendering) error {
	if r.Namespace == nil {
		return fmt.Errorf("namespace %s does not exist", names.OperatorNamespace)
	}
	groups, found := r.Namespace.Annotations[names.SupplementalGroupsAnnotation]
	if !found {
		return fmt.Errorf("namespace %s lacks the annotation %s", r.Namespace.Name, names.SupplementalGroupsAnnotation)
	}
	start, _, isRange := strings.Cut(groups, "/")
	group, err := strconv.ParseInt(start, 10, 64)
	if !isRange || err != nil {
		return fmt.Errorf("annotation %s of namespace %s: %q is not of the form <first group>/<number of groups>",
			names.SupplementalGroupsAnnotation, r.Namespace.Name, groups)
	}
	d.Spec.Template.Spec.SecurityContext.FSGroup = &group
	return nil
}

// setResources replaces the default requests as a whole.
func setResources(d *appsv1.Deployment, r rendering) error {
	if resources := r.Config.Spec.Resources; resources != nil {
		registry(d).Resources = *resources.DeepCopy()
	}
	return nil
}

// setStorage puts the backend's variables, volumes and mounts first. Secret values come from the Secret that
// privateConfiguration renders.
func setStorage(d *appsv1.Deployment, r rendering) error {
	variables := make([]corev1.EnvVar, 0, len(r.settings.Env))
	for _, variable := range r.settings.Env {
		if variable.Secret {
			variables = append(variables, corev1.EnvVar{Name: variable.Name, ValueFrom: &corev1.EnvVarSource{
				SecretKeyRef: &corev1.SecretKeySelector{
					LocalObjectReference: corev1.LocalObjectReference{Name: names.PrivateConfiguration},
					Key:                  variable.Name,
				},
			}})
			continue
		}
		value, err := storage.RenderEnv(variable)
		if err != nil {
			return err
		}
		variables = append(variables, corev1.EnvVar{Name: variable.Name, Value: value})
	}
	pod, container := &d.Spec.Template.Spec, registry(d)
	container.Env = append(variables, container.Env...)
	container.VolumeMounts = slices.Concat(r.settings.Mounts, container.VolumeMounts)
	volumes := make([]corev1.Volume, 0, len(r.settings.Volumes)+len(pod.Volumes))
	for i := range r.settings.Volumes {
		volumes = append(volumes, *r.settings.Volumes[i].DeepCopy())
	}
	pod.Volumes = append(volumes, pod.Volumes...)
	return nil
}

// setOverrides applies spec.unsupportedConfigOverrides, which wins over everything else.
func setOverrides(d *appsv1.Deployment, spec *imageregistryv1.ImageRegistrySpec) error {
	overridden, err := overrides(spec)
	if err != nil || overridden == nil {
		return err
	}
	d.Spec.Template.Spec.RuntimeClassName = overridden.RuntimeClassName
	if len(overridden.Annotations) == 0 {
		return nil
	}
	maps.Copy(d.Annotations, overridden.Annotations)
	maps.Copy(d.Spec.Template.Annotations, overridden.Annotations)
	// Annotations of a Deployment are merged: the list lets the next sync take away what is not overridden any more.
	d.Annotations[names.ManagedAnnotationsAnnotation] = strings.Join(slices.Sorted(maps.Keys(overridden.Annotations)), ",")
	return nil
}

// registry is the one container of the embedded Deployment.
func registry(d *appsv1.Deployment) *corev1.Container {
	return &d.Spec.Template.Spec.Containers[0]
}

// setEnv sets a variable that the embedded Deployment has.
func setEnv(d *appsv1.Deployment, name, value string) error {
	for i := range registry(d).Env {
		if registry(d).Env[i].Name == name {
			registry(d).Env[i].Value = value
			return nil
		}
	}
	return errors.New("the embedded deployment lacks the variable " + name)
}

// insertEnv inserts variables before the certificate, where conditional ones belong.
func insertEnv(d *appsv1.Deployment, variables ...corev1.EnvVar) error {
	const before = "REGISTRY_HTTP_TLS_CERTIFICATE"
	at := slices.IndexFunc(registry(d).Env, func(variable corev1.EnvVar) bool { return variable.Name == before })
	if at < 0 {
		return errors.New("the embedded deployment lacks the variable " + before)
	}
	registry(d).Env = slices.Insert(registry(d).Env, at, variables...)
	return nil
}

func replicasOf(d *appsv1.Deployment) int32 { return ptr.Deref(d.Spec.Replicas, 1) }
