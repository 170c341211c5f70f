package clusteroperator

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	operatorv1 "github.com/openshift/api/operator/v1"
)

func deployment(version string, edit func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "image-registry", Namespace: "openshift-image-registry", Generation: 3},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1},
	}
	if version != "" {
		d.Annotations = map[string]string{"release.openshift.io/version": version}
	}
	if edit != nil {
		edit(d)
	}
	return d
}

func TestVersion(t *testing.T) {
	for _, tc := range []struct {
		name       string
		state      operatorv1.ManagementState
		deployment *appsv1.Deployment
		release    string
		want       string
	}{
		{"a managed registry takes the version of its rolled-out Deployment", operatorv1.Managed, deployment("4.20", nil), "4.21", "4.20"},
		{"a managed registry without Deployment keeps what is there", operatorv1.Managed, nil, "4.21", ""},
		{"a Deployment without annotation keeps what is there", operatorv1.Managed, deployment("", nil), "4.21", ""},
		{"no available replica keeps what is there", operatorv1.Managed, deployment("4.21", func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }), "4.21", ""},
		{"a generation not yet observed keeps what is there", operatorv1.Managed, deployment("4.21", func(d *appsv1.Deployment) { d.Generation = 4 }), "4.21", ""},
		{"pods of the former template keep what is there", operatorv1.Managed, deployment("4.21", func(d *appsv1.Deployment) { d.Status.Replicas = 3 }), "4.21", ""},
		{"a removed registry takes the release even if a Deployment says otherwise", operatorv1.Removed, deployment("4.20", nil), "4.21", "4.21"},
		{"an unmanaged registry takes the release", operatorv1.Unmanaged, deployment("4.20", nil), "4.21", "4.21"},
		{"a forced registry takes the release", operatorv1.Force, nil, "4.21", "4.21"},
		{"an empty state takes the release", "", nil, "4.21", "4.21"},
		{"an unset release keeps what is there", operatorv1.Removed, nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Version(tc.state, tc.deployment, tc.release); got != tc.want {
				t.Errorf("Version() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRelatedObjectsBeginAsTheReferenceHasThem(t *testing.T) {
	want := []string{
		"imageregistry.operator.openshift.io/configs//cluster",
		"imageregistry.operator.openshift.io/imagepruners//cluster",
		"rbac.authorization.k8s.io/clusterroles//system:registry",
		"rbac.authorization.k8s.io/clusterrolebindings//registry-registry-role",
		"rbac.authorization.k8s.io/clusterrolebindings//openshift-image-registry-pruner",
		"/namespaces//openshift-image-registry",
		"rbac.authorization.k8s.io/clusterroles//system:image-pruner",
		"/configmaps/openshift-image-registry/image-registry-certificates",
		"/configmaps/openshift-config-managed/image-registry-ca",
		"config.openshift.io/images//cluster",
	}
	for i, o := range relatedObjects() {
		if got := o.Group + "/" + o.Resource + "/" + o.Namespace + "/" + o.Name; i >= len(want) || got != want[i] {
			t.Errorf("related object %d is %s", i, got)
		}
	}
	if got := len(relatedObjects()); got != len(want) {
		t.Errorf("%d related objects, want %d", got, len(want))
	}
}
