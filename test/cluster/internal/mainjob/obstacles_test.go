package mainjob

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

// announced is when the release of these tests was announced.
var announced = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return announced.Add(time.Duration(seconds * float64(time.Second)))
}

// theJob waits for the operator's image :2, which uses the registry's :2.
var theJob = Job{Cluster: "dev", Announced: announced, Images: []string{"operator:2", "registry:2"}}

// wellSight is a cluster a minute after a new operator was announced: its pod began after 2 s, led after 3 s, and had the
// registry available after 20.
func wellSight() *sight {
	return &sight{
		version: object(map[string]any{"status": map[string]any{"conditions": conditionFields("Failing", "False", "", at(-60))}}),
		operator: &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](1), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Image: "operator:2", Env: []corev1.EnvVar{{Name: "IMAGE", Value: "registry:2"}}}},
			}}},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
		},
		pods:  []corev1.Pod{pod("new", corev1.ContainerStatus{Ready: true, State: runningSince(at(2))})},
		lease: leaseOf("new_1", at(3)),
		config: object(map[string]any{
			"metadata": map[string]any{"generation": int64(4)},
			"spec":     map[string]any{"managementState": "Managed"},
			"status": map[string]any{
				"observedGeneration": int64(4),
				"conditions":         append(conditionFields("Available", "True", "Ready", at(20)), conditionFields("Progressing", "False", "Ready", at(20))...),
			},
		}),
		registry: &appsv1.Deployment{Status: appsv1.DeploymentStatus{AvailableReplicas: 1}},
	}
}

func object(content map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: content}
}

func conditionFields(kind, status, reason string, since time.Time) []any {
	return []any{map[string]any{
		"type": kind, "status": status, "reason": reason, "message": "words about " + kind + "\nand more",
		"lastTransitionTime": since.Format(time.RFC3339),
	}}
}

func pod(name string, container corev1.ContainerStatus) corev1.Pod {
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{container}}}
}

func runningSince(since time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since.Truncate(time.Second))}}
}

func leaseOf(holder string, since time.Time) *coordinationv1.Lease {
	return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, AcquireTime: ptr.To(metav1.NewMicroTime(since))}}
}

func TestOperatorOfTheRelease(t *testing.T) {
	crashed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Message: "starting\npanic: no clock\n\ngoroutine 1 [running]:\n\tmain.go:5\n"}}
	rolling := func(s *sight) { s.operator.Status.AvailableReplicas = 0 }
	for _, c := range []struct {
		name string
		edit func(*sight)
		want string
	}{
		{"it is at work", func(*sight) {}, ""},
		{"no Deployment yet", func(s *sight) { s.operator = nil }, "has not created the operator's Deployment"},
		{"the Deployment of the release before", func(s *sight) { s.operator.Spec.Template.Spec.Containers[0].Image = "operator:1" }, "does not name operator:2"},
		{"a new registry is not in the Deployment yet", func(s *sight) { s.operator.Spec.Template.Spec.Containers[0].Env[0].Value = "registry:1" }, "does not name registry:2"},
		{"a manifest that cannot be applied, beside an operator that runs", func(s *sight) {
			s.version.Object["status"] = map[string]any{"conditions": conditionFields("Failing", "True", "X", at(1))}
		}, "cannot apply the release: words about Failing"},
		{"a Deployment that its controller has not seen", func(s *sight) { s.operator.Generation = 3 }, "is rolling out"},
		{"the former pod is still counted", func(s *sight) { s.operator.Status.Replicas = 2 }, "is rolling out"},
		{"a pod that has begun", rolling, "is rolling out"},
		{"a pod that crashes again and again", func(s *sight) {
			rolling(s)
			s.pods[0] = pod("new", corev1.ContainerStatus{
				State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s"}},
				LastTerminationState: crashed,
			})
		}, "pod new has ended with exit code 2: panic: no clock"},
		{"a pod that has just crashed", func(s *sight) {
			rolling(s)
			s.pods[0] = pod("new", corev1.ContainerStatus{State: crashed})
		}, "pod new has ended with exit code 2: panic: no clock"},
		{"a pod that gave up", func(s *sight) {
			rolling(s)
			s.pods[0] = pod("new", corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: "starting\nno flag -x\n"}}})
		}, "pod new has ended with exit code 1: no flag -x"},
		{"a pod without an image", func(s *sight) {
			rolling(s)
			s.pods[0] = pod("new", corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "not there"}}})
		}, "pod new waits, ErrImageNeverPull: not there"},
		{"a pod without a node", func(s *sight) {
			rolling(s)
			s.pods[0].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes"}}
		}, "pod new has no node: 0/1 nodes"},
		{"the former pod is ending", func(s *sight) {
			former := pod("old", corev1.ContainerStatus{State: runningSince(at(5))})
			former.DeletionTimestamp = ptr.To(metav1.NewTime(at(6)))
			s.pods = append(s.pods, former)
		}, ""},
		{"a container that has just begun once more and counts as ready", func(s *sight) {
			s.pods[0] = pod("new", corev1.ContainerStatus{Ready: true, State: runningSince(at(30)), LastTerminationState: crashed})
		}, "does not lead yet"},
		{"nobody leads", func(s *sight) { s.lease = leaseOf("", at(3)) }, "does not lead yet"},
		{"nobody has led yet", func(s *sight) { s.lease = nil }, "does not lead yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := wellSight()
			c.edit(s)
			if got := theJob.operatorObstacle(s); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("obstacle %q, want %q", got, c.want)
			}
		})
	}
}

func TestOperatorThatIsAProcessOfTheMachine(t *testing.T) {
	job := theJob
	job.OperatorLog = "operator.log"
	s := wellSight()
	s.operator.Status = appsv1.DeploymentStatus{} // its pod has no node
	if got := job.operatorObstacle(s); got != "" {
		t.Errorf("it leads since the release was announced, and yet: %s", got)
	}
	s.lease = leaseOf("host_1", at(-30))
	if got := job.operatorObstacle(s); !strings.Contains(got, "does not lead yet, see operator.log") {
		t.Errorf("the process of the release before leads: obstacle %q", got)
	}
}

func TestRegistryServes(t *testing.T) {
	state := func(fields ...any) func(*sight) {
		return func(s *sight) { s.config.Object["status"].(map[string]any)["conditions"] = fields }
	}
	old := append(conditionFields("Available", "True", "Ready", at(-600)), conditionFields("Progressing", "False", "Ready", at(-600))...)
	for _, c := range []struct {
		name string
		edit func(*sight)
		now  float64
		want string
	}{
		{"it serves", func(*sight) {}, 20, ""},
		{"no config yet", func(s *sight) { s.config = nil }, 20, "has not created"},
		{"no condition yet", state(), 20, "nothing about Available"},
		{"not available", state(conditionFields("Available", "False", "NoReplicasAvailable", at(5))...), 20, "Available=False NoReplicasAvailable: words about Available"},
		{"progressing", state(append(conditionFields("Available", "True", "Ready", at(5)), conditionFields("Progressing", "True", "Rolling", at(5))...)...), 20, "Progressing=True Rolling"},
		{"an edit that the operator has not seen", func(s *sight) { s.config.SetGeneration(5) }, 20, "generation 4"},
		{"conditions that are well without a registry", func(s *sight) { s.registry = nil }, 20, "no pod that is available"},
		{"a registry without a pod", func(s *sight) { s.registry.Status.AvailableReplicas = 0 }, 20, "no pod that is available"},
		{"conditions of the operator before, soon after this one leads", state(old...), 4, "may not have looked"},
		{"conditions that this operator has left as they were", state(old...), 9, ""},
		{"conditions in the second in which it began to lead", state(append(conditionFields("Available", "True", "Ready", at(3)), conditionFields("Progressing", "False", "Ready", at(3))...)...), 4, ""},
		{"the same operator, soon after a release that may bring other manifests", func(s *sight) {
			s.lease = leaseOf("new_1", at(-300))
			state(old...)(s)
		}, 2, "may not have looked"},
		{"the same operator, when there was time", func(s *sight) {
			s.lease = leaseOf("new_1", at(-300))
			state(old...)(s)
		}, 6, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := wellSight()
			c.edit(s)
			if got := theJob.registryObstacle(s, at(c.now)); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("obstacle %q, want %q", got, c.want)
			}
		})
	}
}

func TestRegistryThatIsNotManaged(t *testing.T) {
	for state, want := range map[string]string{
		"": "", "Managed": "",
		"Removed":   "the registry is Removed by spec.managementState",
		"Unmanaged": "the registry is Unmanaged by spec.managementState",
	} {
		s := wellSight()
		s.config.Object["spec"] = map[string]any{"managementState": state}
		err := notManaged(s.config)
		if want == "" && err != nil {
			t.Errorf("state %q: %v", state, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(lifecycle.CureOf(err), `'{"spec":{"managementState":"Managed"}}'`)) {
			t.Errorf("state %q: error %v with cure %q", state, err, lifecycle.CureOf(err))
		}
	}
	if err := notManaged(nil); err != nil {
		t.Errorf("without a config: %v", err)
	}
}
