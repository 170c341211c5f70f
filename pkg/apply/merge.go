package apply

import (
	"bytes"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// set gives an owned field its desired value and tells whether that is a change. An empty and a nil list are the same.
func set[F any](live *F, desired F) bool {
	if equality.Semantic.DeepEqual(*live, desired) {
		return false
	}
	*live = desired
	return true
}

// MergeServiceAccount owns the metadata and automountServiceAccountToken: secrets and imagePullSecrets are the
// platform's.
func MergeServiceAccount(live, desired *corev1.ServiceAccount) (*corev1.ServiceAccount, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.AutomountServiceAccountToken, required.AutomountServiceAccountToken) || changed
	return merged, changed
}

// MergeClusterRole owns all rules. An aggregation rule would let others fill them, so it is removed.
func MergeClusterRole(live, desired *rbacv1.ClusterRole) (*rbacv1.ClusterRole, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.AggregationRule, required.AggregationRule) || changed
	changed = set(&merged.Rules, required.Rules) || changed
	return merged, changed
}

// MergeClusterRoleBinding owns all subjects; the role cannot be updated.
func MergeClusterRoleBinding(live, desired *rbacv1.ClusterRoleBinding) (*rbacv1.ClusterRoleBinding, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.Subjects, required.Subjects) || changed
	return merged, changed
}

// MergeSecret owns all data; a key we do not want is removed. The type cannot be updated.
func MergeSecret(live, desired *corev1.Secret) (*corev1.Secret, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	if !sameData(merged.Data, required.Data) {
		merged.Data = required.Data
		changed = true
	}
	return merged, changed
}

// MergeService owns type, selector and ports. Addresses, families and affinity are the cluster's or the
// administrator's.
func MergeService(live, desired *corev1.Service) (*corev1.Service, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.Spec.Type, required.Spec.Type) || changed
	changed = set(&merged.Spec.Selector, required.Spec.Selector) || changed
	changed = set(&merged.Spec.Ports, required.Spec.Ports) || changed
	changed = set(&merged.Spec.ExternalName, required.Spec.ExternalName) || changed
	return merged, changed
}

// MergePodDisruptionBudget owns the whole spec.
func MergePodDisruptionBudget(live, desired *policyv1.PodDisruptionBudget) (*policyv1.PodDisruptionBudget, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.Spec, required.Spec) || changed
	return merged, changed
}

// MergeNetworkPolicy owns the whole spec, which must be written out with the API server's defaults.
func MergeNetworkPolicy(live, desired *networkingv1.NetworkPolicy) (*networkingv1.NetworkPolicy, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	changed = set(&merged.Spec, required.Spec) || changed
	return merged, changed
}

// MergeDeployment owns the whole spec: whatever is in the live one and neither desired nor a default of the API server
// was put there by somebody else.
func MergeDeployment(live, desired *appsv1.Deployment) (*appsv1.Deployment, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	SetDeploymentDefaults(&required.Spec)
	changed = set(&merged.Spec, required.Spec) || changed
	return merged, changed
}

func sameData(live, desired map[string][]byte) bool {
	return maps.EqualFunc(live, desired, bytes.Equal)
}

func sameSelector(live, desired *metav1.LabelSelector) bool {
	return equality.Semantic.DeepEqual(live, desired)
}
