package registry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// told returns reasons and messages of the events since the last call.
func (h *harness) told() []string {
	recorder := h.deps.Recorder.(events.InMemoryRecorder)
	var texts []string
	for _, event := range recorder.Events() {
		texts = append(texts, event.Reason+": "+event.Message)
	}
	fresh := texts[h.read:]
	h.read = len(texts)
	return fresh
}

func TestTheLifeOfARegistryInEvents(t *testing.T) {
	h := newHarness(t, newWorld())
	const path = "deployment openshift-image-registry/image-registry"
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"it is installed", func() {}, []string{"DeploymentCreated: Created Deployment openshift-image-registry/image-registry", "NetworkPolicyCreated: Created NetworkPolicy openshift-image-registry/image-registry-networkpolicy", "RolloutStarted: the rollout of " + path + " started"}},
		{"its pods come up", func() { h.rollOut(*h.deployment().Spec.Replicas) }, []string{"RolloutFinished: the rollout of " + path + " finished"}},
		{"nothing happens", func() {}, nil},
		{"the operator restarts", func() { h.c = newController(h.deps) }, nil},
		{"it is left alone", func() { h.state(operatorv1.Unmanaged) }, []string{`ManagementStateChanged: spec.managementState changed from "Managed" to "Unmanaged": the operator leaves the registry as it is`}},
		{"it is taken up again", func() { h.state(operatorv1.Managed) }, []string{`ManagementStateChanged: spec.managementState changed from "Unmanaged" to "Managed": the operator runs the registry as Config says`}},
		{"it is removed", func() { h.state(operatorv1.Removed) }, []string{`ManagementStateChanged: spec.managementState changed from "Managed" to "Removed": the registry is removed, and with it the storage that the operator manages`}},
		{"it is gone", func() {}, []string{"RegistryRemoved: " + path + " and what belongs to it are removed"}},
		{"it comes back, which is no drift", func() { h.state(operatorv1.Managed) }, []string{
			"DeploymentCreated: Created Deployment openshift-image-registry/image-registry", "NetworkPolicyCreated: Created NetworkPolicy openshift-image-registry/image-registry-networkpolicy",
			`ManagementStateChanged: spec.managementState changed from "Removed" to "Managed": the operator runs the registry as Config says`,
			"RolloutStarted: the rollout of " + path + " started",
		}},
	} {
		step.do()
		h.mustSync()
		if diff := cmp.Diff(step.want, h.told(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestAStateThatChangedWhileTheOperatorWasAwayIsAnEvent(t *testing.T) {
	h := running(t)
	h.told()
	h.c = newController(h.deps)
	h.state(operatorv1.Removed)
	h.mustSync()
	if got := strings.Join(h.told(), "\n"); !strings.Contains(got, `from "Managed" to "Removed"`) {
		t.Errorf("events %q", got)
	}
}

func TestTakeOverAndFailedRolloutAreEvents(t *testing.T) {
	condition := func(kind, reason string) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: kind, Status: operatorv1.ConditionTrue, Reason: reason, Message: kind + " message"}
	}
	ours := condition(names.ResourcesApplied, names.ReasonAsExpected)
	late := condition(names.Degraded, names.ReasonProgressDeadlineExceeded)
	for name, tc := range map[string]struct {
		before, now []operatorv1.OperatorCondition
		want        string
	}{
		"conditions of another release": {
			[]operatorv1.OperatorCondition{condition(names.Available, names.ReasonReady)},
			[]operatorv1.OperatorCondition{ours},
			"OwnershipTakenOver: another release of the operator ran the registry before; its objects and conditions are taken over",
		},
		"our own conditions":                    {[]operatorv1.OperatorCondition{condition(names.Available, names.ReasonReady), ours}, []operatorv1.OperatorCondition{ours}, ""},
		"a rollout that takes too long":         {[]operatorv1.OperatorCondition{ours}, []operatorv1.OperatorCondition{ours, late}, "RolloutFailed: Degraded message"},
		"a rollout that still takes too long":   {[]operatorv1.OperatorCondition{ours, late}, []operatorv1.OperatorCondition{ours, late}, ""},
		"a rollout that starts while late ends": {[]operatorv1.OperatorCondition{ours, late}, []operatorv1.OperatorCondition{ours}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(testNow))
			config := newWorld().config
			config.Status.Conditions = tc.before
			tell(recorder, config, tc.now)
			got := ""
			for _, event := range recorder.Events() {
				got += event.Reason + ": " + event.Message
			}
			if got != tc.want {
				t.Errorf("events %q, want %q", got, tc.want)
			}
		})
	}
}

// The conditions do not tell such a state from Managed.
func TestAStateThatMeansNothingIsNoNewsAfterARestart(t *testing.T) {
	for _, state := range []operatorv1.ManagementState{operatorv1.Force, ""} {
		t.Run("state "+string(state), func(t *testing.T) {
			h := running(t)
			h.told()
			for _, step := range []struct {
				name string
				do   func()
				want string
			}{
				{"the state changes", func() { h.state(state) }, `ManagementStateChanged: spec.managementState changed from "Managed" to "` + string(state) + `": it means nothing to the operator, which leaves the registry as it is`},
				{"the operator restarts", func() { h.c = newController(h.deps) }, ""},
				{"it syncs again", func() {}, ""},
				{"the state changes to one that means something", func() { h.state(operatorv1.Unmanaged) }, `ManagementStateChanged: spec.managementState changed from "` + string(state) + `" to "Unmanaged": the operator leaves the registry as it is`},
			} {
				step.do()
				h.mustSync()
				if got := strings.Join(h.told(), "\n"); got != step.want {
					t.Errorf("%s: events %q, want %q", step.name, got, step.want)
				}
			}
		})
	}
}
