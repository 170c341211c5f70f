package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func wantedDaemonSet() *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "d"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"name": "d"}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "c", Image: "i:1"}},
				Volumes:    []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}}}},
			}},
		},
	}
}

func TestMergeDaemonSet(t *testing.T) {
	for _, tc := range []struct {
		name    string
		drift   func(*appsv1.DaemonSet)
		changed bool
	}{
		{"what the API server fills in is no drift", func(d *appsv1.DaemonSet) {
			d.Spec.UpdateStrategy.Type = "RollingUpdate"
			d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: ptr.To(intstr.FromInt32(1)), MaxSurge: ptr.To(intstr.FromInt32(0))}
			d.Spec.RevisionHistoryLimit = ptr.To[int32](10)
			d.Spec.Template.Spec.Volumes[0].HostPath.Type = ptr.To(corev1.HostPathUnset)
		}, false},
		{"nor is its count of templates, though it is owned by who wrote the spec", func(d *appsv1.DaemonSet) {
			d.Annotations = map[string]string{"deprecated.daemonset.template.generation": "7"}
			d.ManagedFields = []metav1.ManagedFieldsEntry{{
				Manager: referenceManager, Operation: metav1.ManagedFieldsOperationUpdate,
				FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:annotations":{"f:deprecated.daemonset.template.generation":{}}}}`)},
			}}
		}, false},
		{"labels of others stay", func(d *appsv1.DaemonSet) { d.Labels = map[string]string{"mine": "1"} }, false},
		{"tolerations are ours", func(d *appsv1.DaemonSet) {
			d.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "x"}}
		}, true},
		{"so is a volume", func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Volumes[0].HostPath.Path = "/" }, true},
		{"so is the update strategy", func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType }, true},
		{"and what was not asked for", func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 9 }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live := wantedDaemonSet()
			SetDaemonSetDefaults(&live.Spec)
			tc.drift(live)
			before := live.DeepCopy()
			merged, changed := MergeDaemonSet(live, wantedDaemonSet())
			if changed != tc.changed {
				t.Errorf("changed: %v, want %v (%s)", changed, tc.changed, cmp.Diff(live, merged))
			}
			if diff := cmp.Diff(before, live); diff != "" {
				t.Errorf("the cached object was modified:\n%s", diff)
			}
			want := wantedDaemonSet()
			SetDaemonSetDefaults(&want.Spec)
			if diff := cmp.Diff(want.Spec, merged.Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if _, again := MergeDaemonSet(merged, wantedDaemonSet()); again {
				t.Error("merging once more is a change")
			}
		})
	}
}
