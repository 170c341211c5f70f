package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// drift is an edit by somebody else: reverted when it is in a field we own, kept when it is not.
type drift[T Object] struct {
	name string
	edit func(T)
	keep bool
}

// checkDrift merges desired over an edited copy of it.
func checkDrift[T Object](t *testing.T, kind Kind[T], desired T, cases []drift[T]) {
	t.Helper()
	required, err := stamped(kind, desired)
	if err != nil {
		t.Fatal(err)
	}
	if merged, changed := kind.Merge(required, required); changed {
		t.Errorf("an object differs from itself: %v", changedPaths(required, merged))
	}
	metadata := []drift[T]{
		{name: "a foreign label", edit: func(o T) { o.SetLabels(with(o.GetLabels(), "team", "a")) }, keep: true},
		{name: "a foreign annotation", edit: func(o T) { o.SetAnnotations(with(o.GetAnnotations(), "note", "a")) }, keep: true},
		{name: "a foreign finalizer", edit: func(o T) { o.SetFinalizers([]string{"a/b"}) }, keep: true},
		{name: "a foreign owner", edit: func(o T) { o.SetOwnerReferences([]metav1.OwnerReference{{Name: "a"}}) }, keep: true},
		{name: "our label overwritten", edit: func(o T) { o.SetLabels(with(o.GetLabels(), "ours", "theirs")) }},
		{name: "our label removed", edit: func(o T) { o.SetLabels(nil) }},
		{name: "the checksum overwritten", edit: func(o T) { o.SetAnnotations(with(o.GetAnnotations(), names.ChecksumAnnotation, "x")) }},
	}
	for _, tc := range append(metadata, cases...) {
		t.Run(tc.name, func(t *testing.T) {
			live := required.DeepCopyObject().(T)
			tc.edit(live)
			edited := live.DeepCopyObject().(T)
			merged, changed := kind.Merge(live, required)
			if changed == tc.keep {
				t.Errorf("changed = %v", changed)
			}
			want := required
			if tc.keep {
				want = edited
			}
			if diff := cmp.Diff(want, merged); diff != "" {
				t.Errorf("after the merge (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(edited, live); diff != "" {
				t.Errorf("the merge has modified the live object:\n%s", diff)
			}
		})
	}
}

func with(original map[string]string, key, value string) map[string]string {
	result := map[string]string{key: value}
	for k, v := range original {
		if k != key {
			result[k] = v
		}
	}
	return result
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "ns", Labels: map[string]string{"ours": "yes"}}
}

func TestMergeServiceAccount(t *testing.T) {
	checkDrift(t, ServiceAccount, &corev1.ServiceAccount{ObjectMeta: meta("sa")}, []drift[*corev1.ServiceAccount]{
		{name: "secrets of the platform", keep: true, edit: func(s *corev1.ServiceAccount) { s.Secrets = []corev1.ObjectReference{{Name: "a"}} }},
		{name: "pull secrets of the platform", keep: true, edit: func(s *corev1.ServiceAccount) {
			s.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "a"}}
		}},
		{name: "no token for the registry", edit: func(s *corev1.ServiceAccount) { s.AutomountServiceAccountToken = ptr.To(false) }},
	})
}

func TestMergeClusterRole(t *testing.T) {
	role := &rbacv1.ClusterRole{ObjectMeta: meta("role"), Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, Resources: []string{"images"}}}}
	checkDrift(t, ClusterRole, role, []drift[*rbacv1.ClusterRole]{
		{name: "a rule removed", edit: func(r *rbacv1.ClusterRole) { r.Rules = nil }},
		{name: "a verb added", edit: func(r *rbacv1.ClusterRole) { r.Rules[0].Verbs = []string{"get", "*"} }},
		{name: "aggregation", edit: func(r *rbacv1.ClusterRole) { r.AggregationRule = &rbacv1.AggregationRule{} }},
	})
}

func TestMergeClusterRoleBinding(t *testing.T) {
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: meta("binding"), RoleRef: rbacv1.RoleRef{Name: "role"}, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "a"}}}
	checkDrift(t, ClusterRoleBinding, binding, []drift[*rbacv1.ClusterRoleBinding]{
		{name: "a subject added", edit: func(b *rbacv1.ClusterRoleBinding) {
			b.Subjects = append(b.Subjects, rbacv1.Subject{Kind: "User", Name: "eve"})
		}},
		{name: "the subject removed", edit: func(b *rbacv1.ClusterRoleBinding) { b.Subjects = nil }},
	})
}

func TestMergeSecret(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: meta("secret"), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"a": []byte("1")}}
	checkDrift(t, Secret, secret, []drift[*corev1.Secret]{
		{name: "a key added", edit: func(s *corev1.Secret) { s.Data["b"] = nil }},
		{name: "a value changed", edit: func(s *corev1.Secret) { s.Data["a"] = []byte("2") }},
		{name: "all data removed", edit: func(s *corev1.Secret) { s.Data = nil }},
	})
}

func TestMergeService(t *testing.T) {
	service := &corev1.Service{ObjectMeta: meta("service"), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"a": "b"},
		Ports: []corev1.ServicePort{{Name: "p", Port: 5000, TargetPort: intstr.FromInt32(5000), Protocol: corev1.ProtocolTCP}},
	}}
	checkDrift(t, Service, service, []drift[*corev1.Service]{
		{name: "addresses of the cluster", keep: true, edit: func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "10.0.0.1", []string{"10.0.0.1"} }},
		{name: "families of the cluster", keep: true, edit: func(s *corev1.Service) { s.Spec.IPFamilyPolicy = ptr.To(corev1.IPFamilyPolicyPreferDualStack) }},
		{name: "session affinity", keep: true, edit: func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }},
		{name: "another selector", edit: func(s *corev1.Service) { s.Spec.Selector = map[string]string{"a": "c"} }},
		{name: "a wider selector", edit: func(s *corev1.Service) { s.Spec.Selector["x"] = "y" }},
		{name: "a port added", edit: func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 80}) }},
		{name: "another target port", edit: func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(80) }},
		{name: "a node port", edit: func(s *corev1.Service) { s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30000 }},
	})
}

func TestMergePodDisruptionBudget(t *testing.T) {
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: meta("budget"), Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: ptr.To(intstr.FromInt32(1)), UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
	}}
	checkDrift(t, PodDisruptionBudget, budget, []drift[*policyv1.PodDisruptionBudget]{
		{name: "minAvailable", edit: func(b *policyv1.PodDisruptionBudget) { b.Spec.MinAvailable = ptr.To(intstr.FromInt32(0)) }},
		{name: "maxUnavailable instead", edit: func(b *policyv1.PodDisruptionBudget) {
			b.Spec.MinAvailable, b.Spec.MaxUnavailable = nil, ptr.To(intstr.FromInt32(1))
		}},
		{name: "eviction policy", edit: func(b *policyv1.PodDisruptionBudget) { b.Spec.UnhealthyPodEvictionPolicy = nil }},
		{name: "selector", edit: func(b *policyv1.PodDisruptionBudget) { b.Spec.Selector.MatchLabels["a"] = "c" }},
		{name: "status of the controller", keep: true, edit: func(b *policyv1.PodDisruptionBudget) { b.Status.CurrentHealthy = 3 }},
	})
}

func TestMergeNetworkPolicy(t *testing.T) {
	policy := &networkingv1.NetworkPolicy{ObjectMeta: meta("policy"), Spec: networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, Ingress: []networkingv1.NetworkPolicyIngressRule{{}},
	}}
	checkDrift(t, NetworkPolicy, policy, []drift[*networkingv1.NetworkPolicy]{
		{name: "ingress closed", edit: func(p *networkingv1.NetworkPolicy) { p.Spec.Ingress = nil }},
		{name: "egress added", edit: func(p *networkingv1.NetworkPolicy) {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}},
		{name: "another pod selector", edit: func(p *networkingv1.NetworkPolicy) { p.Spec.PodSelector.MatchLabels = map[string]string{"a": "b"} }},
	})
}

func testDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta("deployment"), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To[int32](2),
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}},
			Spec: corev1.PodSpec{
				ServiceAccountName: "sa",
				NodeSelector:       map[string]string{"os": "linux"},
				Containers: []corev1.Container{{
					Name: "registry", Image: "registry:1", Command: []string{"run"},
					Env:           []corev1.EnvVar{{Name: "A", Value: "1"}},
					Ports:         []corev1.ContainerPort{{ContainerPort: 5000}},
					LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(5000)}}},
					Resources:     corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")}},
					VolumeMounts:  []corev1.VolumeMount{{Name: "v", MountPath: "/v"}},
				}},
				Volumes: []corev1.Volume{
					{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}}},
					{Name: "w", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}},
					{Name: "x", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
						ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "t"},
					}}}}},
				},
			},
		},
	}}
}

func TestMergeDeployment(t *testing.T) {
	pod := func(d *appsv1.Deployment) *corev1.PodSpec { return &d.Spec.Template.Spec }
	registry := func(d *appsv1.Deployment) *corev1.Container { return &pod(d).Containers[0] }
	checkDrift(t, Deployment, testDeployment(), []drift[*appsv1.Deployment]{
		{name: "the revision of the Deployment controller", keep: true, edit: func(d *appsv1.Deployment) { d.Annotations["deployment.kubernetes.io/revision"] = "7" }},
		{name: "status", keep: true, edit: func(d *appsv1.Deployment) { d.Status.Replicas = 2 }},
		{name: "a quantity written otherwise", keep: true, edit: func(d *appsv1.Deployment) { registry(d).Resources.Requests["cpu"] = resource.MustParse("0.1") }},
		{name: "kubectl scale", edit: func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](5) }},
		{name: "kubectl rollout pause", edit: func(d *appsv1.Deployment) { d.Spec.Paused = true }},
		{name: "kubectl rollout restart", edit: func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "now"
		}},
		{name: "kubectl set image", edit: func(d *appsv1.Deployment) { registry(d).Image = "other:1" }},
		{name: "a variable added", edit: func(d *appsv1.Deployment) {
			registry(d).Env = append(registry(d).Env, corev1.EnvVar{Name: "B", Value: "2"})
		}},
		{name: "a variable removed", edit: func(d *appsv1.Deployment) { registry(d).Env = nil }},
		{name: "a variable changed", edit: func(d *appsv1.Deployment) { registry(d).Env[0].Value = "2" }},
		{name: "envFrom", edit: func(d *appsv1.Deployment) { registry(d).EnvFrom = []corev1.EnvFromSource{{Prefix: "X"}} }},
		{name: "a port added", edit: func(d *appsv1.Deployment) {
			registry(d).Ports = append(registry(d).Ports, corev1.ContainerPort{ContainerPort: 80, Protocol: "TCP"})
		}},
		{name: "a container added", edit: func(d *appsv1.Deployment) {
			pod(d).Containers = append(pod(d).Containers, corev1.Container{Name: "sidecar"})
		}},
		{name: "an init container added", edit: func(d *appsv1.Deployment) { pod(d).InitContainers = []corev1.Container{{Name: "init"}} }},
		{name: "a volume added", edit: func(d *appsv1.Deployment) { pod(d).Volumes = append(pod(d).Volumes, corev1.Volume{Name: "z"}) }},
		{name: "a mount added", edit: func(d *appsv1.Deployment) {
			registry(d).VolumeMounts = append(registry(d).VolumeMounts, corev1.VolumeMount{Name: "v", MountPath: "/w"})
		}},
		{name: "a toleration added", edit: func(d *appsv1.Deployment) { pod(d).Tolerations = []corev1.Toleration{{Operator: "Exists"}} }},
		{name: "affinity added", edit: func(d *appsv1.Deployment) { pod(d).Affinity = &corev1.Affinity{} }},
		{name: "spread added", edit: func(d *appsv1.Deployment) {
			pod(d).TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1}}
		}},
		{name: "node selector widened", edit: func(d *appsv1.Deployment) { pod(d).NodeSelector["a"] = "b" }},
		{name: "host network", edit: func(d *appsv1.Deployment) { pod(d).HostNetwork = true }},
		{name: "a label of the template", edit: func(d *appsv1.Deployment) { d.Spec.Template.Labels["x"] = "y" }},
		{name: "strategy", edit: func(d *appsv1.Deployment) {
			d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		}},
		{name: "limits", edit: func(d *appsv1.Deployment) { registry(d).Resources.Limits = registry(d).Resources.Requests }},
		{name: "a probe removed", edit: func(d *appsv1.Deployment) { registry(d).LivenessProbe = nil }},
		{name: "security context", edit: func(d *appsv1.Deployment) {
			registry(d).SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
		}},
		{name: "pod security context", edit: func(d *appsv1.Deployment) { pod(d).SecurityContext.FSGroup = ptr.To[int64](1) }},
		{name: "service account", edit: func(d *appsv1.Deployment) { pod(d).ServiceAccountName = "other" }},
		{name: "pull policy", edit: func(d *appsv1.Deployment) { registry(d).ImagePullPolicy = corev1.PullAlways }},
	})
}

// What an API server makes of testDeployment, written down by hand from its documentation.
func TestDefaultsAreNoDrift(t *testing.T) {
	live := testDeployment()
	live.Spec.RevisionHistoryLimit = ptr.To[int32](10)
	live.Spec.ProgressDeadlineSeconds = ptr.To[int32](600)
	live.Spec.Strategy = appsv1.DeploymentStrategy{
		Type: "RollingUpdate",
		RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxSurge: ptr.To(intstr.FromString("25%")), MaxUnavailable: ptr.To(intstr.FromString("25%")),
		},
	}
	pod := &live.Spec.Template.Spec
	pod.RestartPolicy, pod.DNSPolicy, pod.SchedulerName = "Always", "ClusterFirst", "default-scheduler"
	pod.TerminationGracePeriodSeconds, pod.DeprecatedServiceAccount = ptr.To[int64](30), "sa"
	pod.SecurityContext = &corev1.PodSecurityContext{}
	container := &pod.Containers[0]
	container.TerminationMessagePath, container.TerminationMessagePolicy = "/dev/termination-log", "File"
	container.ImagePullPolicy = "IfNotPresent"
	container.Ports[0].Protocol = "TCP"
	container.LivenessProbe.TimeoutSeconds, container.LivenessProbe.PeriodSeconds = 1, 10
	container.LivenessProbe.SuccessThreshold, container.LivenessProbe.FailureThreshold = 1, 3
	container.LivenessProbe.HTTPGet.Path, container.LivenessProbe.HTTPGet.Scheme = "/", "HTTP"
	pod.Volumes[0].Secret.DefaultMode = ptr.To[int32](0o644)
	pod.Volumes[1].ConfigMap.DefaultMode = ptr.To[int32](0o644)
	pod.Volumes[2].Projected.DefaultMode = ptr.To[int32](0o644)
	pod.Volumes[2].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds = ptr.To[int64](3600)
	if merged, changed := MergeDeployment(live, testDeployment()); changed {
		t.Errorf("defaults count as drift: %v", changedPaths(live, merged))
	}
}

func TestPullPolicy(t *testing.T) {
	for image, want := range map[string]corev1.PullPolicy{
		"registry":                        corev1.PullAlways,
		"registry:latest":                 corev1.PullAlways,
		"host:5000/registry":              corev1.PullAlways,
		"host:5000/registry:v1":           corev1.PullIfNotPresent,
		"registry@sha256:abc":             corev1.PullIfNotPresent,
		"host/registry:latest@sha256:abc": corev1.PullIfNotPresent,
	} {
		if got := pullPolicy(image); got != want {
			t.Errorf("%s: %s, want %s", image, got, want)
		}
	}
}

func TestWhatAnOperatorSetEarlierGoes(t *testing.T) {
	managed := func(manager, subresource string) []metav1.ManagedFieldsEntry {
		return []metav1.ManagedFieldsEntry{{Manager: manager, Operation: "Update", Subresource: subresource, FieldsV1: &metav1.FieldsV1{
			Raw: []byte(`{"f:metadata":{"f:annotations":{".":{},"f:old":{},"f:kept":{}},"f:labels":{"f:stale":{}}}}`),
		}}}
	}
	for _, tc := range []struct {
		name   string
		live   metav1.ObjectMeta
		want   metav1.ObjectMeta
		change bool
	}{
		{
			"what the earlier operator owned",
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1", "foreign": "1"}, Labels: map[string]string{"stale": "1", "foreign": "1"}, ManagedFields: managed(referenceManager, "")},
			metav1.ObjectMeta{Annotations: map[string]string{"kept": "1", "foreign": "1"}, Labels: map[string]string{"foreign": "1"}},
			true,
		},
		{
			"what somebody else owns stays",
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1"}, ManagedFields: managed("kubectl-annotate", "")},
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1"}},
			false,
		},
		{
			"ownership of a status means nothing",
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1"}, ManagedFields: managed(referenceManager, "status")},
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1"}},
			false,
		},
		{
			"what the list of managed annotations names",
			metav1.ObjectMeta{Annotations: map[string]string{"old": "1", "kept": "1", names.ManagedAnnotationsAnnotation: "old,kept"}},
			metav1.ObjectMeta{Annotations: map[string]string{"kept": "1"}},
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			desired := &metav1.ObjectMeta{Annotations: map[string]string{"kept": "1"}}
			if changed := mergeMetadata(&tc.live, desired); changed != tc.change {
				t.Errorf("changed = %v", changed)
			}
			tc.live.ManagedFields = nil
			if diff := cmp.Diff(tc.want, tc.live); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
