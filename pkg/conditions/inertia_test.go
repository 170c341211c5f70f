package conditions

import (
	"errors"
	"fmt"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestNextLook(t *testing.T) {
	for _, tc := range []struct {
		name  string
		facts Facts
		after time.Duration
	}{
		{"nothing to wait for", facts(), 0},
		{"a first error enters Progressing in a minute", facts(applied(errors.New("boom"))), time.Minute},
		{"an error after an hour without one", facts(applied(errors.New("boom")), stored(names.ResourcesApplied, yes, names.ReasonAsExpected, "", time.Hour)), time.Minute},
		{"then Degraded", facts(failingSince(2 * time.Minute)), 13 * time.Minute},
		{"and after that nothing changes", facts(failingSince(16 * time.Minute)), 0},
		{"just unavailable", facts(replicas(1, 0)), 5 * time.Minute},
		{"unavailable for a while", facts(replicas(1, 0), unavailableFor(4*time.Minute)), time.Minute},
		{"unavailable for long", facts(replicas(1, 0), unavailableFor(6*time.Minute)), 0},
		{"the earlier of two", facts(replicas(1, 0), unavailableFor(290*time.Second), failingSince(30*time.Second)), 10 * time.Second},
		{"a permanent error has no deadline", facts(invalid(names.ReasonVerificationFailed, "x")), 0},
		{"unmanaged", facts(state(operatorv1.Unmanaged), failingSince(0), unavailableFor(time.Minute)), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Evaluate(tc.facts).Next
			if tc.after == 0 {
				if !got.IsZero() {
					t.Fatalf("next look in %s, want none", got.Sub(now))
				}
				return
			}
			if got.Sub(now) != tc.after {
				t.Fatalf("next look in %s, want %s", got.Sub(now), tc.after)
			}
			// What was promised for then is different from now.
			later := tc.facts
			before := Evaluate(tc.facts)
			later.Now, later.Stored = got, append(store(tc.facts.Stored, before.Conditions, now), tc.facts.Stored[0])
			after := Evaluate(later)
			if fmt.Sprint(before.Conditions) == fmt.Sprint(after.Conditions) {
				t.Errorf("nothing changes at the deadline: %v", after.Conditions)
			}
		})
	}
}

// A restart loses everything but what is stored on Config. Replaying a day of an outage with a restart before each
// evaluation must give the same as without.
func TestInertiaSurvivesARestart(t *testing.T) {
	config := []operatorv1.OperatorCondition{{Type: names.StorageReady, Status: yes}}
	var shown []string
	for second := 0; second <= 16*60; second += 5 {
		f := facts(applied(errors.New("boom")))
		f.Stored, f.Now = config, now.Add(time.Duration(second)*time.Second)
		result := Evaluate(f)
		config = append(config[:1:1], store(config, result.Conditions, f.Now)...)
		seen := Find(config, names.Progressing).Reason + "/" + string(Find(config, names.Degraded).Status)
		if len(shown) == 0 || shown[len(shown)-1] != fmt.Sprint(seen) {
			shown = append(shown, seen)
			t.Logf("after %ds: %s", second, seen)
			want := map[int]string{0: "Ready/False", 60: "Error/False", 900: "Error/True"}[second]
			if want != seen {
				t.Errorf("after %d s: %s, want %q", second, seen, want)
			}
		}
	}
	if len(shown) != 3 {
		t.Errorf("%d phases, want 3: %v", len(shown), shown)
	}
}

// store does what the operator client does: a transition time moves with the status only.
func store(old, conditions []operatorv1.OperatorCondition, at time.Time) []operatorv1.OperatorCondition {
	result := make([]operatorv1.OperatorCondition, 0, len(conditions))
	for _, c := range conditions {
		c.LastTransitionTime = metav1.NewTime(at)
		if before := Find(old, c.Type); before != nil && before.Status == c.Status {
			c.LastTransitionTime = before.LastTransitionTime
		}
		result = append(result, c)
	}
	return result
}

func TestInertiaTable(t *testing.T) {
	table := []Inertia{
		{Type: "Degraded", Reason: "Slow", After: time.Minute},
		{Type: "Degraded", Reason: "Slow", After: time.Hour, Topology: "SingleReplica"},
		{Type: "Degraded", Reason: "Slow", After: 2 * time.Hour, Topology: "External"},
	}
	for _, tc := range []struct {
		name, conditionType, reason, topology string
		want                                  time.Duration
	}{
		{"no row: at once", "Degraded", "Fast", "", 0},
		{"of another condition: at once", "Progressing", "Slow", "", 0},
		{"every topology", "Degraded", "Slow", "HighlyAvailable", time.Minute},
		{"unknown topology", "Degraded", "Slow", "", time.Minute},
		{"its own row wins", "Degraded", "Slow", "SingleReplica", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := delayIn(table, tc.conditionType, tc.reason, configv1.TopologyMode(tc.topology)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// A fault beside a running registry is held back longer where there is only one API server to write to.
func TestInertiaByTopology(t *testing.T) {
	for _, tc := range []struct {
		topology configv1.TopologyMode
		age      time.Duration
		want     string
	}{
		{"", time.Minute, "Error"},
		{configv1.HighlyAvailableTopologyMode, time.Minute, "Error"},
		{configv1.HighlyAvailableArbiterMode, time.Minute, "Error"},
		{configv1.DualReplicaTopologyMode, time.Minute, "Error"},
		{configv1.ExternalTopologyMode, time.Minute, "Error"},
		{configv1.SingleReplicaTopologyMode, time.Minute, "Ready"},
		{configv1.SingleReplicaTopologyMode, 5*time.Minute - time.Second, "Ready"},
		{configv1.SingleReplicaTopologyMode, 5 * time.Minute, "Error"},
	} {
		f := facts(failingSince(tc.age), func(f *Facts) { f.Topology = tc.topology })
		result := Evaluate(f)
		if got := Find(result.Conditions, names.Progressing).Reason; got != tc.want {
			t.Errorf("%q after %s: Progressing has reason %s, want %s", tc.topology, tc.age, got, tc.want)
		}
		if got := Find(result.Conditions, names.Degraded).Status; got != no {
			t.Errorf("%q after %s: Degraded is %s", tc.topology, tc.age, got)
		}
	}
	// A real outage is the same everywhere: nobody is served.
	for _, topology := range []configv1.TopologyMode{configv1.HighlyAvailableTopologyMode, configv1.SingleReplicaTopologyMode, configv1.ExternalTopologyMode} {
		f := facts(replicas(1, 0), unavailableFor(5*time.Minute), func(f *Facts) { f.Topology = topology })
		if got := Find(Evaluate(f).Conditions, names.Degraded).Reason; got != names.ReasonUnavailable {
			t.Errorf("%s: Degraded has reason %q after five minutes without a pod", topology, got)
		}
	}
}

func TestInertiaRowsAreComplete(t *testing.T) {
	for _, row := range Inertias {
		if permanentReasons[row.Reason] {
			t.Errorf("a permanent reason shows at once: %s", row.Reason)
		}
		if row.Why == "" || row.After <= 0 || row.Type == "" || row.Reason == "" {
			t.Errorf("incomplete row: %+v", row)
		}
	}
}

func TestWait(t *testing.T) {
	outcome := func(status operatorv1.ConditionStatus, ago time.Duration) []operatorv1.OperatorCondition {
		return []operatorv1.OperatorCondition{{Type: names.NodeCAApplied, Status: status, LastTransitionTime: metav1.NewTime(now.Add(-ago))}}
	}
	for _, tc := range []struct {
		name   string
		stored []operatorv1.OperatorCondition
		want   time.Duration
	}{
		{"nothing is stored", nil, 2 * time.Minute},
		{"all was well until now", outcome(yes, time.Hour), 2 * time.Minute},
		{"a streak that has just begun", outcome(operatorv1.ConditionFalse, 0), 2 * time.Minute},
		{"a young streak", outcome(operatorv1.ConditionFalse, 90*time.Second), 30 * time.Second},
		{"its time has come", outcome(operatorv1.ConditionFalse, 2*time.Minute), 0},
		{"an old streak", outcome(operatorv1.ConditionFalse, 3*time.Minute), -time.Minute},
		{"no time is stored", []operatorv1.OperatorCondition{{Type: names.NodeCAApplied, Status: operatorv1.ConditionFalse}}, 2 * time.Minute},
	} {
		if got := Wait(tc.stored, names.NodeCAApplied, names.NodeCADegraded, names.ReasonError, now); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	if got := Wait(nil, names.NodeCAApplied, names.NodeCADegraded, "AnotherReason", now); got != 0 {
		t.Errorf("a reason that is not in the table waits %s", got)
	}
}
