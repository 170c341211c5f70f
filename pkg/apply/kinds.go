package apply

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
)

// The kinds that the registry consists of.
var (
	ServiceAccount = Kind[*corev1.ServiceAccount]{Name: "ServiceAccount", Merge: MergeServiceAccount}

	ClusterRole = Kind[*rbacv1.ClusterRole]{Name: "ClusterRole", Merge: MergeClusterRole}

	ClusterRoleBinding = Kind[*rbacv1.ClusterRoleBinding]{
		Name:  "ClusterRoleBinding",
		Merge: MergeClusterRoleBinding,
		MustReplace: func(live, desired *rbacv1.ClusterRoleBinding) bool {
			return live.RoleRef != desired.RoleRef
		},
	}

	Secret = Kind[*corev1.Secret]{
		Name:  "Secret",
		Merge: MergeSecret,
		MustReplace: func(live, desired *corev1.Secret) bool {
			locked := ptr.Deref(live.Immutable, false)
			return live.Type != desired.Type || locked && !sameData(live.Data, desired.Data)
		},
	}

	Service = Kind[*corev1.Service]{Name: "Service", Merge: MergeService}

	Deployment = Kind[*appsv1.Deployment]{
		Name:  "Deployment",
		Merge: MergeDeployment,
		Stamp: func(desired *appsv1.Deployment) error {
			// The hash is of what was asked for, as earlier releases had it.
			err := setSpecHash(&desired.ObjectMeta, desired.Spec)
			SetDeploymentDefaults(&desired.Spec)
			return err
		},
		MustReplace: func(live, desired *appsv1.Deployment) bool {
			return !sameSelector(live.Spec.Selector, desired.Spec.Selector)
		},
		Events: true,
	}

	PodDisruptionBudget = Kind[*policyv1.PodDisruptionBudget]{Name: "PodDisruptionBudget", Merge: MergePodDisruptionBudget}

	NetworkPolicy = Kind[*networkingv1.NetworkPolicy]{Name: "NetworkPolicy", Merge: MergeNetworkPolicy, Events: true}
)
