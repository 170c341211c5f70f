package apply

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// DaemonSet is the kind of what runs on every node.
var DaemonSet = Kind[*appsv1.DaemonSet]{
	Name:  "DaemonSet",
	Merge: MergeDaemonSet,
	Stamp: func(desired *appsv1.DaemonSet) error {
		// The hash is of what was asked for, as earlier releases had it.
		err := setSpecHash(&desired.ObjectMeta, desired.Spec)
		SetDaemonSetDefaults(&desired.Spec)
		return err
	},
	MustReplace: func(live, desired *appsv1.DaemonSet) bool {
		return !sameSelector(live.Spec.Selector, desired.Spec.Selector)
	},
	Events: true,
}

// MergeDaemonSet owns the whole spec, as MergeDeployment does.
func MergeDaemonSet(live, desired *appsv1.DaemonSet) (*appsv1.DaemonSet, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	// The API server counts in this annotation and has it owned by whoever wrote the spec: it would count as stale.
	if count, found := live.Annotations[appsv1.DeprecatedTemplateGeneration]; found {
		metav1.SetMetaDataAnnotation(&required.ObjectMeta, appsv1.DeprecatedTemplateGeneration, count)
	}
	changed := mergeMetadata(merged, required)
	SetDaemonSetDefaults(&required.Spec)
	changed = set(&merged.Spec, required.Spec) || changed
	return merged, changed
}

// SetDaemonSetDefaults fills in what the API server fills in, as SetDeploymentDefaults does.
func SetDaemonSetDefaults(spec *appsv1.DaemonSetSpec) {
	fill(&spec.RevisionHistoryLimit, 10)
	fillString(&spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if spec.UpdateStrategy.RollingUpdate == nil {
			spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		fill(&spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		fill(&spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	setPodDefaults(&spec.Template.Spec)
	for i := range spec.Template.Spec.Volumes {
		if path := spec.Template.Spec.Volumes[i].HostPath; path != nil {
			fill(&path.Type, corev1.HostPathUnset)
		}
	}
}
