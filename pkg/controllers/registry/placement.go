package registry

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// antiAffinityReplicas is the number of replicas that are kept on different nodes by default.
const antiAffinityReplicas = 2

func podLabels() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{names.RegistryLabel: names.RegistryLabelValue}}
}

// setPlacement sets node selector, tolerations and affinity.
func setPlacement(d *appsv1.Deployment, r rendering) error {
	spec, pod := &r.Config.Spec, &d.Spec.Template.Spec
	pod.NodeSelector = map[string]string{names.OSLabel: "linux"}
	for key, value := range spec.NodeSelector {
		pod.NodeSelector[key] = value
	}
	for i := range spec.Tolerations {
		pod.Tolerations = append(pod.Tolerations, *spec.Tolerations[i].DeepCopy())
	}
	switch {
	case spec.Affinity != nil:
		pod.Affinity = spec.Affinity.DeepCopy()
	case spec.Replicas == antiAffinityReplicas:
		pod.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
				TopologyKey:   names.HostnameLabel,
				Namespaces:    []string{names.OperatorNamespace},
				LabelSelector: podLabels(),
			}},
		}}
	}
	return nil
}

// setTopologySpread spreads over nodes, workers and zones, unless the administrator says how (even "not at all", with an
// empty list) or picks the nodes.
func setTopologySpread(d *appsv1.Deployment, r rendering) error {
	spec, pod := &r.Config.Spec, &d.Spec.Template.Spec
	if spec.TopologySpreadConstraints != nil {
		for i := range spec.TopologySpreadConstraints {
			pod.TopologySpreadConstraints = append(pod.TopologySpreadConstraints, *spec.TopologySpreadConstraints[i].DeepCopy())
		}
		return nil
	}
	if spec.NodeSelector != nil {
		return nil
	}
	keys := []string{names.HostnameLabel, names.WorkerLabel}
	if r.Zones {
		// Where no node has the label, no node would do.
		keys = append(keys, names.ZoneLabel)
	}
	for _, key := range keys {
		pod.TopologySpreadConstraints = append(pod.TopologySpreadConstraints, corev1.TopologySpreadConstraint{
			MaxSkew:           1,
			TopologyKey:       key,
			WhenUnsatisfiable: corev1.DoNotSchedule,
			LabelSelector:     podLabels(),
			// Pods of one revision are counted among themselves: counting the old ones would block a rollout.
			MatchLabelKeys: []string{appsv1.DefaultDeploymentUniqueLabelKey},
			// Nodes that the pods may not use must not count as empty domains.
			NodeAffinityPolicy: ptr.To(corev1.NodeInclusionPolicyHonor),
			NodeTaintsPolicy:   ptr.To(corev1.NodeInclusionPolicyHonor),
		})
	}
	return nil
}

// setReplicas sets the number of pods and how they are replaced.
func setReplicas(d *appsv1.Deployment, r rendering) error {
	d.Spec.Replicas = ptr.To(r.Config.Spec.Replicas)
	if r.Config.Spec.RolloutStrategy == string(appsv1.RecreateDeploymentStrategyType) {
		d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		return nil
	}
	d.Spec.Strategy = rollingUpdate(r.Config.Spec.Replicas, 0)
	return nil
}

// rollingUpdate replaces pods a quarter at a time, but at least one: a surplus pod may have no node to go to. Two pods
// keep off each other's node, so one has to go before the next can come. atLeast raises the number that may be
// unavailable.
func rollingUpdate(replicas, atLeast int32) appsv1.DeploymentStrategy {
	unavailable, surge := intstr.FromInt32(0), intstr.FromString("25%")
	switch {
	case replicas == antiAffinityReplicas:
		unavailable, surge = intstr.FromInt32(1), intstr.FromInt32(1)
	case replicas > antiAffinityReplicas:
		unavailable = intstr.FromInt32(max(1, replicas/4, atLeast))
	}
	return appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &unavailable, MaxSurge: &surge},
	}
}

// towards is what to write now on the way from live to desired. It differs from desired only while the registry grows
// out of two pods that keep off each other's node.
//
// The new pods must come without that rule, but the old ones go on enforcing it, also against the new ones. So the
// template changes first, at the old number of replicas, with everything else that is desired: one rollout, no
// intermediate one. The number grows when the Deployment controller has seen that. If the rollout is still under way
// then, all pods but one may be unavailable: on two nodes the old pods must leave before new ones fit.
func towards(live, desired *appsv1.Deployment) *appsv1.Deployment {
	if live == nil || replicasOf(desired) <= replicasOf(live) || desired.Spec.Template.Spec.Affinity != nil {
		return keepPace(live, desired)
	}
	dropsAffinity := live.Spec.Template.Spec.Affinity != nil
	// An observed generation of zero means that no Deployment controller is at work: nothing to wait for.
	observed := live.Status.ObservedGeneration
	unseen := replicasOf(live) == antiAffinityReplicas && observed != 0 && observed < live.Generation
	if !dropsAffinity && !unseen {
		return keepPace(live, desired)
	}
	step := desired.DeepCopy()
	step.Spec.Replicas = ptr.To(replicasOf(live))
	if step.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		step.Spec.Strategy = rollingUpdate(replicasOf(live), 0)
	}
	return step
}

// keepPace lets a rollout that must be able to take down all pods but one do so until it is over.
func keepPace(live, desired *appsv1.Deployment) *appsv1.Deployment {
	replicas := replicasOf(desired)
	if live == nil || replicas <= antiAffinityReplicas || rolledOut(live) ||
		desired.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		return desired
	}
	growing := replicasOf(live) == antiAffinityReplicas && live.Spec.Template.Spec.Affinity == nil
	update := live.Spec.Strategy.RollingUpdate
	already := update != nil && update.MaxUnavailable != nil && *update.MaxUnavailable == intstr.FromInt32(replicas-1)
	if !growing && !already {
		return desired
	}
	step := desired.DeepCopy()
	step.Spec.Strategy = rollingUpdate(replicas, replicas-1)
	return step
}

func rolledOut(d *appsv1.Deployment) bool {
	if d.Status.ObservedGeneration < d.Generation {
		return false
	}
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing {
			return condition.Status == corev1.ConditionTrue && condition.Reason == "NewReplicaSetAvailable"
		}
	}
	return false
}
