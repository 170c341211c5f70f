package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
)

func TestTopologySpread(t *testing.T) {
	const hostname, worker, zone = "kubernetes.io/hostname", "node-role.kubernetes.io/worker", "topology.kubernetes.io/zone"
	for _, tc := range []struct {
		name string
		edit func(*world)
		want []string
	}{
		{"nodes with zones", func(*world) {}, []string{hostname, worker, zone}},
		{"nodes without zones", func(w *world) { w.zones = false }, []string{hostname, worker}},
		{"a node selector", spec(func(s *imageRegistrySpec) { s.NodeSelector = map[string]string{"a": "b"} }), nil},
		{"an empty node selector", spec(func(s *imageRegistrySpec) { s.NodeSelector = map[string]string{} }), nil},
		{"an override", spec(func(s *imageRegistrySpec) {
			s.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{TopologyKey: "rack"}}
			s.NodeSelector = map[string]string{"a": "b"}
		}), []string{"rack"}},
		{"an empty override", spec(func(s *imageRegistrySpec) { s.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{} }), nil},
		{"one replica", spec(func(s *imageRegistrySpec) { s.Replicas = 1 }), []string{hostname, worker, zone}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, constraint := range render(t, newWorld(tc.edit)).Deployment.Spec.Template.Spec.TopologySpreadConstraints {
				got = append(got, constraint.TopologyKey)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlacement(t *testing.T) {
	own := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
	for _, tc := range []struct {
		name     string
		edit     func(*world)
		selector map[string]string
		affinity string
	}{
		{"two replicas keep off each other", func(*world) {}, map[string]string{"kubernetes.io/os": "linux"}, "pods"},
		{"one replica", spec(func(s *imageRegistrySpec) { s.Replicas = 1 }), map[string]string{"kubernetes.io/os": "linux"}, "none"},
		{"three replicas", spec(func(s *imageRegistrySpec) { s.Replicas = 3 }), map[string]string{"kubernetes.io/os": "linux"}, "none"},
		{"own affinity replaces the default", spec(func(s *imageRegistrySpec) { s.Affinity = own }), map[string]string{"kubernetes.io/os": "linux"}, "nodes"},
		{"own selector beside the operating system", spec(func(s *imageRegistrySpec) { s.NodeSelector = map[string]string{"a": "b"} }), map[string]string{"kubernetes.io/os": "linux", "a": "b"}, "pods"},
		{"own operating system", spec(func(s *imageRegistrySpec) { s.NodeSelector = map[string]string{"kubernetes.io/os": "x"} }), map[string]string{"kubernetes.io/os": "x"}, "pods"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pod := render(t, newWorld(tc.edit)).Deployment.Spec.Template.Spec
			if diff := cmp.Diff(tc.selector, pod.NodeSelector); diff != "" {
				t.Errorf("node selector (-want +got):\n%s", diff)
			}
			got := "none"
			switch {
			case pod.Affinity == nil:
			case pod.Affinity.PodAntiAffinity != nil:
				got = "pods"
			case pod.Affinity.NodeAffinity != nil:
				got = "nodes"
			}
			if got != tc.affinity {
				t.Errorf("affinity of %s, want %s", got, tc.affinity)
			}
		})
	}
}

// strategy is "<unavailable>/<surge>", or the type.
func strategy(s appsv1.DeploymentStrategy) string {
	if s.RollingUpdate == nil {
		return string(s.Type)
	}
	return s.RollingUpdate.MaxUnavailable.String() + "/" + s.RollingUpdate.MaxSurge.String()
}

func TestStrategy(t *testing.T) {
	for _, tc := range []struct {
		strategy string
		replicas int32
		want     string
	}{
		{"", 0, "0/25%"},
		{"", 1, "0/25%"},
		{"", 2, "1/1"},
		{"RollingUpdate", 3, "1/25%"},
		{"RollingUpdate", 7, "1/25%"},
		{"RollingUpdate", 8, "2/25%"},
		{"Recreate", 2, "Recreate"},
		{"Recreate", 5, "Recreate"},
	} {
		d := render(t, newWorld(spec(func(s *imageRegistrySpec) { s.Replicas, s.RolloutStrategy = tc.replicas, tc.strategy }))).Deployment
		if got := strategy(d.Spec.Strategy); got != tc.want || *d.Spec.Replicas != tc.replicas {
			t.Errorf("%q with %d: %s with %d, want %s", tc.strategy, tc.replicas, got, *d.Spec.Replicas, tc.want)
		}
	}
}

// cluster plays the Deployment controller as far as towards looks at it.
type cluster struct{ live *appsv1.Deployment }

func (c *cluster) write(d *appsv1.Deployment) bool {
	if c.live == nil {
		c.live = d.DeepCopy()
		c.live.Generation = 1
		return true
	}
	merged, changed := apply.MergeDeployment(c.live, d)
	if changed {
		merged.Generation++
		c.live = merged
	}
	return changed
}

func (c *cluster) observe(finished bool) {
	reason := "ReplicaSetUpdated"
	if finished {
		reason = "NewReplicaSetAvailable"
	}
	c.live.Status.ObservedGeneration = c.live.Generation
	c.live.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: reason}}
}

func TestGrowingOutOfTwo(t *testing.T) {
	describe := func(d *appsv1.Deployment) string {
		return fmt.Sprintf("%d pods, keep off each other: %v, %s, image %s", *d.Spec.Replicas,
			d.Spec.Template.Spec.Affinity != nil, strategy(d.Spec.Strategy), registry(d).Image)
	}
	two := func(*world) {}
	four := func(w *world) { w.config.Spec.Replicas, w.image = 4, "new" }
	for _, tc := range []struct {
		name string
		// script: s is a sync towards the second wish, o the Deployment controller sees the last write, f it finishes.
		script  string
		recover func(*world)
		want    []string
	}{
		{"template first, everything in one rollout, then the number", "sofs", four, []string{
			"2 pods, keep off each other: false, 1/1, image new",
			"4 pods, keep off each other: false, 1/25%, image new",
		}},
		{"the number waits until the template was seen", "sssofs", four, []string{
			"2 pods, keep off each other: false, 1/1, image new",
			"4 pods, keep off each other: false, 1/25%, image new",
		}},
		{"rollout under way: all pods but one may go, until it is over", "sossofsfs", four, []string{
			"2 pods, keep off each other: false, 1/1, image new",
			"4 pods, keep off each other: false, 3/25%, image new",
			"4 pods, keep off each other: false, 1/25%, image new",
		}},
		{"shrinking is one write", "sss", func(w *world) { w.config.Spec.Replicas = 1 }, []string{
			"1 pods, keep off each other: false, 0/25%, image " + testImage,
		}},
		{"with an affinity of one's own it is one write", "sss", func(w *world) {
			w.config.Spec.Replicas, w.config.Spec.Affinity = 4, &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
		}, []string{
			"4 pods, keep off each other: true, 1/25%, image " + testImage,
		}},
		{"Recreate", "sofsfs", func(w *world) { four(w); w.config.Spec.RolloutStrategy = "Recreate" }, []string{
			"2 pods, keep off each other: false, Recreate, image new",
			"4 pods, keep off each other: false, Recreate, image new",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &cluster{}
			c.write(render(t, newWorld(two)).Deployment)
			c.observe(true)
			var got []string
			for _, step := range strings.Split(tc.script, "") {
				switch step {
				case "s":
					if c.write(render(t, newWorld(tc.recover, func(w *world) { w.live.Deployment = c.live })).Deployment) {
						got = append(got, describe(c.live))
					}
				case "o":
					c.observe(false)
				case "f":
					c.observe(true)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGrowingWithoutADeploymentController(t *testing.T) {
	c := &cluster{}
	c.write(render(t, newWorld()).Deployment)
	four := func(w *world) { w.config.Spec.Replicas, w.live.Deployment = 4, c.live }
	c.write(render(t, newWorld(four)).Deployment)
	c.write(render(t, newWorld(four)).Deployment)
	if got := *c.live.Spec.Replicas; got != 4 {
		t.Errorf("%d replicas: it waits for a controller that is not there", got)
	}
}

// A cluster taken over from the reference has a generous strategy, which goes once no rollout needs it.
func TestTakenOverStrategy(t *testing.T) {
	five := func(w *world) { w.config.Spec.Replicas = 5 }
	live := render(t, newWorld(five)).Deployment
	live.Spec.Strategy.RollingUpdate.MaxUnavailable = ptr.To(intstr.FromInt32(4))
	for reason, want := range map[string]string{"ReplicaSetUpdated": "4/25%", "NewReplicaSetAvailable": "1/25%"} {
		live.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: reason}}
		got := render(t, newWorld(five, func(w *world) { w.live.Deployment = live })).Deployment
		if strategy(got.Spec.Strategy) != want {
			t.Errorf("%s: %s, want %s", reason, strategy(got.Spec.Strategy), want)
		}
	}
}
