package nodeca

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// live is a DaemonSet with that status, rolled out on all of three nodes unless edited.
func live(edit func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	daemonSet := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: "node-ca", Generation: 4},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 4, DesiredNumberScheduled: 3, CurrentNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3, NumberReady: 3,
		},
	}
	if edit != nil {
		edit(daemonSet)
	}
	return daemonSet
}

// said is a condition without its message.
type said struct {
	Type   string
	Status operatorv1.ConditionStatus
	Reason string
}

func TestConditionsOfThePods(t *testing.T) {
	for _, tc := range []struct {
		name                   string
		facts                  Facts
		available, progressing said
	}{
		{
			"there is none",
			Facts{Applied: errors.New("no")},
			said{"NodeCADaemonAvailable", "False", "NotFound"},
			said{"NodeCADaemonProgressing", "True", "NotFound"},
		},
		{
			"it cannot be read",
			Facts{Unreadable: errors.New("no")},
			said{"NodeCADaemonAvailable", "Unknown", "Unknown"},
			said{"NodeCADaemonProgressing", "Unknown", "Unknown"},
		},
		{
			"all nodes have it",
			Facts{Live: live(nil)},
			said{"NodeCADaemonAvailable", "True", "AsExpected"},
			said{"NodeCADaemonProgressing", "False", "AsExpected"},
		},
		{
			"one pod is enough to be available",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 1 })},
			said{"NodeCADaemonAvailable", "True", "AsExpected"},
			said{"NodeCADaemonProgressing", "False", "AsExpected"},
		},
		{
			"no pod is available",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 0 })},
			said{"NodeCADaemonAvailable", "False", "NoAvailableReplicas"},
			said{"NodeCADaemonProgressing", "False", "AsExpected"},
		},
		{
			"a node has the pod of the template before",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Status.UpdatedNumberScheduled = 2 })},
			said{"NodeCADaemonAvailable", "True", "AsExpected"},
			said{"NodeCADaemonProgressing", "True", "Progressing"},
		},
		{
			"a pod is where none should be",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Status.NumberMisscheduled = 1 })},
			said{"NodeCADaemonAvailable", "True", "AsExpected"},
			said{"NodeCADaemonProgressing", "True", "Progressing"},
		},
		{
			"a write has not been seen yet, and the counts are of the template before",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Generation = 5 })},
			said{"NodeCADaemonAvailable", "True", "AsExpected"},
			said{"NodeCADaemonProgressing", "True", "Progressing"},
		},
		{
			"it has just been made",
			Facts{Live: live(func(d *appsv1.DaemonSet) { d.Status = appsv1.DaemonSetStatus{} }), Confirmed: true},
			said{"NodeCADaemonAvailable", "False", "NoAvailableReplicas"},
			said{"NodeCADaemonProgressing", "True", "Progressing"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.facts.Now = now
			status, _ := Status(tc.facts)
			var got []said
			for _, condition := range status.Conditions[:2] {
				got = append(got, said{condition.Type, condition.Status, condition.Reason})
				if condition.Message == "" {
					t.Errorf("%s has no message", condition.Type)
				}
			}
			if diff := cmp.Diff([]said{tc.available, tc.progressing}, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInertia(t *testing.T) {
	failing := func(ago time.Duration) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: "NodeCADaemonApplied", Status: "False", LastTransitionTime: metav1.NewTime(now.Add(-ago))}
	}
	fine := operatorv1.OperatorCondition{Type: "NodeCADaemonControllerDegraded", Status: "False", Reason: "AsExpected"}
	bad := operatorv1.OperatorCondition{Type: "NodeCADaemonControllerDegraded", Status: "True", Reason: "Error", Message: "a; b"}
	for _, tc := range []struct {
		name   string
		facts  Facts
		stored []operatorv1.OperatorCondition
		want   *operatorv1.OperatorCondition
		again  time.Duration
	}{
		{name: "a success", facts: Facts{Live: live(nil)}, want: &fine},
		{name: "a success ends a streak", facts: Facts{Live: live(nil)}, stored: []operatorv1.OperatorCondition{failing(time.Hour), bad}, want: &fine},
		{name: "the first failure of all is held back", facts: Facts{Applied: errors.New("a\nb")}, again: 2 * time.Minute},
		{
			name: "the first failure of a streak", facts: Facts{Applied: errors.New("a\nb")}, want: &fine, again: 2 * time.Minute,
			stored: []operatorv1.OperatorCondition{{Type: "NodeCADaemonApplied", Status: "True", LastTransitionTime: metav1.NewTime(now.Add(-time.Hour))}, fine},
		},
		{
			name: "a young streak, whose start outlives a restart", facts: Facts{Applied: errors.New("a\nb")}, want: &fine, again: time.Second,
			stored: []operatorv1.OperatorCondition{failing(2*time.Minute - time.Second), fine},
		},
		{
			name: "an old streak", facts: Facts{Applied: errors.New("a\nb")}, want: &bad,
			stored: []operatorv1.OperatorCondition{failing(2 * time.Minute), fine},
		},
		{
			name: "not being able to read counts", facts: Facts{Unreadable: errors.New("a\nb")}, want: &bad,
			stored: []operatorv1.OperatorCondition{failing(2 * time.Minute), fine},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.facts.Now, tc.facts.Stored.Conditions = now, tc.stored
			status, again := Status(tc.facts)
			if diff := cmp.Diff(tc.want, conditions.Find(status.Conditions, "NodeCADaemonControllerDegraded")); diff != "" {
				t.Errorf("condition (-want +got):\n%s", diff)
			}
			if again != tc.again {
				t.Errorf("looks again after %s, want %s", again, tc.again)
			}
			applied := conditions.Find(status.Conditions, "NodeCADaemonApplied")
			if failed := tc.facts.Applied != nil || tc.facts.Unreadable != nil; failed != (applied.Status == "False" && applied.Message == "a; b") {
				t.Errorf("the outcome is %+v", applied)
			}
		})
	}
}

// TestNoPodIsHeldBackForAWhile: the one pod of a single node is replaced, and comes back or does not.
func TestNoPodIsHeldBackForAWhile(t *testing.T) {
	const text = "DaemonSet node-ca has available pods"
	good := operatorv1.OperatorCondition{Type: "NodeCADaemonAvailable", Status: "True", Reason: "AsExpected", Message: text, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour))}
	bad := operatorv1.OperatorCondition{Type: "NodeCADaemonAvailable", Status: "False", Reason: "NoAvailableReplicas"}
	idle := func(ago time.Duration) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: "NodeCADaemonServing", Status: "False", Reason: "NoAvailableReplicas", LastTransitionTime: metav1.NewTime(now.Add(-ago))}
	}
	none := live(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 0 })
	type want struct {
		available said
		idle      bool // the condition that remembers since when there is none is there
		again     time.Duration
	}
	held, shown := said{"NodeCADaemonAvailable", "True", "AsExpected"}, said{"NodeCADaemonAvailable", "False", "NoAvailableReplicas"}
	for _, tc := range []struct {
		name   string
		facts  Facts
		stored []operatorv1.OperatorCondition
		want   want
	}{
		{"the pod has just gone", Facts{Live: none}, []operatorv1.OperatorCondition{good}, want{held, true, 2 * time.Minute}},
		{"it has been gone for a while, before and after a restart", Facts{Live: none}, []operatorv1.OperatorCondition{good, idle(90 * time.Second)}, want{held, true, 30 * time.Second}},
		{"it does not come back", Facts{Live: none}, []operatorv1.OperatorCondition{good, idle(2 * time.Minute)}, want{shown, false, 0}},
		{"it stays away", Facts{Live: none}, []operatorv1.OperatorCondition{bad}, want{shown, false, 0}},
		{"it is back", Facts{Live: live(nil)}, []operatorv1.OperatorCondition{good, idle(time.Minute)}, want{held, false, 0}},
		{"it is back after all", Facts{Live: live(nil)}, []operatorv1.OperatorCondition{bad}, want{held, false, 0}},
		{"there has never been one", Facts{Live: none}, nil, want{shown, false, 0}},
		{"the earlier of two deadlines", Facts{Live: none, Applied: errors.New("no")}, []operatorv1.OperatorCondition{good, idle(90 * time.Second)}, want{held, true, 30 * time.Second}},
		{"a DaemonSet that is gone is no rollout", Facts{}, []operatorv1.OperatorCondition{good}, want{said{"NodeCADaemonAvailable", "False", "NotFound"}, false, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.facts.Now, tc.facts.Stored.Conditions = now, tc.stored
			status, again := Status(tc.facts)
			available := conditions.Find(status.Conditions, "NodeCADaemonAvailable")
			got := want{said{available.Type, available.Status, available.Reason}, conditions.Find(status.Conditions, "NodeCADaemonServing") != nil, again}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if (available.Message == text) != (available.Status == "True") {
				t.Errorf("%s says %q", available.Status, available.Message)
			}
		})
	}
}

func TestGenerations(t *testing.T) {
	entry := func(generation int64) operatorv1.GenerationStatus {
		return operatorv1.GenerationStatus{Group: "apps", Resource: "daemonsets", Namespace: "openshift-image-registry", Name: "node-ca", LastGeneration: generation}
	}
	other := operatorv1.GenerationStatus{Group: "apps", Resource: "deployments", Namespace: "openshift-image-registry", Name: "image-registry", LastGeneration: 9}
	for _, tc := range []struct {
		name   string
		facts  Facts
		stored []operatorv1.GenerationStatus
		want   []operatorv1.GenerationStatus
	}{
		{name: "on its way out, nothing recorded", facts: Facts{Live: live(nil)}, stored: []operatorv1.GenerationStatus{other}},
		{name: "what an earlier release recorded stays while nothing is applied", facts: Facts{Live: live(nil)}, stored: []operatorv1.GenerationStatus{other, entry(3)}, want: []operatorv1.GenerationStatus{entry(3)}},
		{name: "what is as it should be is recorded", facts: Facts{Live: live(nil), Confirmed: true}, stored: []operatorv1.GenerationStatus{entry(3)}, want: []operatorv1.GenerationStatus{entry(4)}},
		{name: "the record outlives the DaemonSet", facts: Facts{}, stored: []operatorv1.GenerationStatus{entry(3)}, want: []operatorv1.GenerationStatus{entry(3)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.facts.Now, tc.facts.Stored.Generations = now, tc.stored
			status, _ := Status(tc.facts)
			if diff := cmp.Diff(tc.want, status.Generations, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("generations (-want +got):\n%s", diff)
			}
		})
	}
}

// The status that was to record a write may have been refused, or the operator may have ended before it.
func TestTheGenerationIsRecordedThoughTheStatusWasRefusedAtFirst(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	h.config.Fail("status", errors.New("no"))
	if verbs, err := h.run(t); err == nil || len(verbs) != 1 {
		t.Fatalf("writes %v, error %v", verbs, err)
	}
	h.config.Fail("status", nil)
	h.refresh(t)
	if verbs, err := h.run(t); err != nil || len(verbs) > 0 {
		t.Fatalf("writes %v, error %v", verbs, err)
	}
	config, err := h.config.Config()
	synctest.Must(t, err)
	if len(config.Status.Generations) != 1 || config.Status.Generations[0].Name != "node-ca" {
		t.Errorf("generations %v", config.Status.Generations)
	}
	h.refresh(t)
	if verbs, err := h.run(t); err != nil || len(verbs)+len(h.config.Writes()) > 0 {
		t.Errorf("the next sync wrote %v and %v, error %v", verbs, h.config.Writes(), err)
	}
}
