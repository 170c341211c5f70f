package conditions

import (
	"errors"
	"fmt"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is how the tests put a Facts together: a healthy, managed registry, and then what the case says.
type at func(*Facts)

func facts(steps ...at) Facts {
	f := Facts{
		State:               operatorv1.Managed,
		StorageAcknowledged: true,
		Deployment:          deployment(2, 2),
		Stored:              []operatorv1.OperatorCondition{{Type: names.StorageReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected}},
		Now:                 now,
	}
	for _, step := range steps {
		step(&f)
	}
	return f
}

func deployment(total, available int32) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: names.Registry, Generation: 3}}
	d.Status = appsv1.DeploymentStatus{
		Replicas: total, UpdatedReplicas: total, AvailableReplicas: available, ReadyReplicas: available, ObservedGeneration: 3,
		Conditions: []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable",
		}},
	}
	return d
}

func state(s operatorv1.ManagementState) at { return func(f *Facts) { f.State = s } }
func noDeployment(f *Facts)                 { f.Deployment = nil }
func replicas(total, available int32) at {
	return func(f *Facts) { f.Deployment = deployment(total, available) }
}

func going(f *Facts) { f.Deployment.DeletionTimestamp = &metav1.Time{Time: now} }

func rollout(status corev1.ConditionStatus, reason, message string) at {
	return func(f *Facts) {
		f.Deployment.Status.Conditions[0].Status = status
		f.Deployment.Status.Conditions[0].Reason = reason
		f.Deployment.Status.Conditions[0].Message = message
	}
}

func invalid(reason, text string) at {
	return func(f *Facts) { f.Invalid = Permanent(reason, errors.New(text)) }
}
func applied(err error) at { return func(f *Facts) { f.Applied = err } }

// stored adds a condition as it is on Config, with its last transition that long ago.
func stored(conditionType string, status operatorv1.ConditionStatus, reason, message string, ago time.Duration) at {
	return func(f *Facts) {
		kept := f.Stored[:0:0]
		for _, c := range f.Stored {
			if c.Type != conditionType {
				kept = append(kept, c)
			}
		}
		f.Stored = append(kept, operatorv1.OperatorCondition{
			Type: conditionType, Status: status, Reason: reason, Message: message,
			LastTransitionTime: metav1.NewTime(now.Add(-ago)),
		})
	}
}

func storage(reason, message string, ago time.Duration) at {
	return stored(names.StorageReady, operatorv1.ConditionFalse, reason, message, ago)
}

func routes(reason, message string, ago time.Duration) at {
	return stored(names.RoutesReady, operatorv1.ConditionFalse, reason, message, ago)
}

func failingSince(ago time.Duration) at {
	return func(f *Facts) {
		applied(errors.New("boom"))(f)
		stored(names.ResourcesApplied, operatorv1.ConditionFalse, names.ReasonError, "boom", ago)(f)
	}
}

func unavailableFor(ago time.Duration) at {
	return stored(names.Available, operatorv1.ConditionFalse, names.ReasonNoReplicasAvailable, "", ago)
}

type rowCase struct {
	name    string
	facts   Facts
	row     string
	status  operatorv1.ConditionStatus
	reason  string
	message string
}

// checkRows evaluates every case and insists that together they reach every row of the table.
func checkRows(t *testing.T, conditionType string, rows func(Facts) []row, cases []rowCase) {
	t.Helper()
	reached := map[string]bool{}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			matched := ""
			for _, candidate := range rows(tc.facts) {
				if candidate.when {
					matched = candidate.name
					break
				}
			}
			reached[matched] = true
			if matched != tc.row {
				t.Errorf("row %q, want %q", matched, tc.row)
			}
			got := Find(Evaluate(tc.facts).Conditions, conditionType)
			if got == nil {
				t.Fatalf("no condition %s", conditionType)
			}
			if got.Status != tc.status || got.Reason != tc.reason || got.Message != tc.message {
				t.Errorf("got  %s/%s/%q\nwant %s/%s/%q", got.Status, got.Reason, got.Message, tc.status, tc.reason, tc.message)
			}
		})
	}
	for _, candidate := range rows(facts()) {
		if !reached[candidate.name] {
			t.Errorf("no case reaches the row %q", candidate.name)
		}
	}
}

const (
	yes = operatorv1.ConditionTrue
	no  = operatorv1.ConditionFalse
)

func TestAvailable(t *testing.T) {
	checkRows(t, names.Available, Facts.availableRows, []rowCase{
		{"unmanaged, whatever else", facts(state(operatorv1.Unmanaged), noDeployment, invalid(names.ReasonVerificationFailed, "x")), "unmanaged", yes, "Unmanaged", "The registry is not managed by the operator"},
		{"no Deployment and the spec is wrong", facts(noDeployment, invalid(names.ReasonVerificationFailed, "replicas is -1")), "no Deployment, permanent error", no, "VerificationFailed", "Error: replicas is -1"},
		{"no Deployment and no storage configured", facts(noDeployment, storage(names.ReasonStorageNotConfigured, "set one", time.Hour)), "no Deployment, permanent error", no, "StorageNotConfigured", "Error: set one"},
		{"the first failing stage names the reason, storage before routes", facts(noDeployment, storage(names.ReasonError, "cloud down", time.Second), routes(names.ReasonRouteConflict, "taken", time.Hour)), "no Deployment", no, "DeploymentNotFound", "The deployment does not exist: cloud down"},
		{"removed", facts(state(operatorv1.Removed), noDeployment), "no Deployment, removed", yes, "Removed", "The registry is removed"},
		{"removed because there is no storage, which advice can change", facts(state(operatorv1.Removed), noDeployment, func(f *Facts) { f.Advice = "Candidates: x" }), "no Deployment, removed", yes, "Removed", "The registry is removed. Candidates: x"},
		{"removed, and the medium is not ours to delete", facts(state(operatorv1.Removed), noDeployment, storage(names.ReasonStorageNotOwned, "not ours", time.Hour)), "no Deployment, removed", yes, "Removed", "The registry is removed"},
		{"no Deployment", facts(noDeployment), "no Deployment", no, "DeploymentNotFound", "The deployment does not exist"},
		{"no Deployment because of an error of ours", facts(noDeployment, applied(errors.New("boom"))), "no Deployment", no, "DeploymentNotFound", "The deployment does not exist: boom"},
		{"no Deployment because credentials are missing", facts(noDeployment, storage(names.ReasonWaitingForCredentials, "create Secret x", time.Hour)), "no Deployment", no, "DeploymentNotFound", "The deployment does not exist: create Secret x"},
		{"no Deployment because something is awaited", facts(noDeployment, func(f *Facts) { f.Waiting = "Waiting for Secret a" }), "no Deployment", no, "DeploymentNotFound", "The deployment does not exist: Waiting for Secret a"},
		{"Force without a Deployment", facts(state(operatorv1.Force), noDeployment, invalid(names.ReasonVerificationFailed, "x")), "no Deployment", no, "DeploymentNotFound", `The deployment does not exist (managementState "Force": nothing is applied or removed; set it to Managed, Unmanaged or Removed)`},
		{"Deployment going", facts(going), "Deployment going", no, "DeploymentDeleted", "The deployment is being deleted"},
		{"no replica available", facts(replicas(2, 0)), "no replica available", no, "NoReplicasAvailable", "The deployment does not have available replicas"},
		{"zero replicas wanted", facts(replicas(0, 0)), "no replica available", no, "NoReplicasAvailable", "The deployment does not have available replicas"},
		{"one of two", facts(replicas(2, 1)), "some replicas available", yes, "MinimumAvailability", "The registry has minimum availability"},
		{"ready", facts(), "ready", yes, "Ready", "The registry is ready"},
		{"an error does not take the registry away", facts(failingSince(time.Hour)), "ready", yes, "Ready", "The registry is ready"},
		{"removed while the Deployment still serves", facts(state(operatorv1.Removed)), "ready", yes, "Ready", "The registry is ready"},
		{"empty state with a Deployment", facts(state("")), "ready", yes, "Ready", `The registry is ready (managementState "": nothing is applied or removed; set it to Managed, Unmanaged or Removed)`},
	})
}

func TestProgressing(t *testing.T) {
	checkRows(t, names.Progressing, Facts.progressingRows, []rowCase{
		{"unmanaged", facts(state(operatorv1.Unmanaged), failingSince(time.Hour)), "unmanaged", no, "Unmanaged", "The registry is not managed by the operator"},
		{"removed, Deployment there", facts(state(operatorv1.Removed)), "removed, Deployment there", yes, "DeletingDeployment", "The deployment is being removed"},
		{"removed, Deployment going", facts(state(operatorv1.Removed), going), "removed, Deployment there", yes, "DeletingDeployment", "The deployment is being removed"},
		{"removed, Deployment gone", facts(state(operatorv1.Removed), noDeployment), "removed, Deployment gone", no, "Removed", "All registry resources are removed"},
		{"wrong spec", facts(invalid(names.ReasonInvalidTLSSettings, "bad suite")), "permanent error", no, "Error", "Unable to apply resources: bad suite"},
		{"two storages", facts(storage(names.ReasonMultipleStoragesConfigured, "two", time.Hour)), "permanent error", no, "Error", "Unable to apply resources: two"},
		{"a young storage error on the way to a new place does not look like rest", facts(storage(names.ReasonError, "no answer from the cloud", time.Second), func(f *Facts) { f.StorageMoving = true }), "storage at work", yes, "StorageChanging", "no answer from the cloud"},
		{"an old storage error on the way to a new place is an error", facts(storage(names.ReasonError, "no answer from the cloud", time.Hour), func(f *Facts) { f.StorageMoving = true }), "transient error", yes, "Error", "Unable to apply resources: no answer from the cloud"},
		{"a storage error of an older spec does not count", facts(storage(names.ReasonMultipleStoragesConfigured, "two", time.Hour), func(f *Facts) { f.StorageAcknowledged = false }), "storage at work", yes, "StorageChanging", "Waiting for the storage to be set up as spec.storage says"},
		{"an error of ours, no Deployment: at once", facts(noDeployment, applied(errors.New("boom"))), "transient error", yes, "Error", "Unable to apply resources: boom"},
		{"an error of ours, no replica available: at once", facts(replicas(1, 0), applied(errors.New("boom"))), "transient error", yes, "Error", "Unable to apply resources: boom"},
		{"an error of ours, running: a second before the deadline", facts(failingSince(59 * time.Second)), "ready", no, "Ready", "The registry is ready"},
		{"an error of ours, running: at the deadline", facts(failingSince(60 * time.Second)), "transient error", yes, "Error", "Unable to apply resources: boom"},
		{"a storage error, running: before the deadline", facts(storage(names.ReasonError, "cloud down", 59*time.Second)), "ready", no, "Ready", "The registry is ready"},
		{"a storage error, running: at the deadline", facts(storage(names.ReasonError, "cloud down", 60*time.Second)), "transient error", yes, "Error", "Unable to apply resources: cloud down"},
		{"a route error, running: at the deadline", facts(routes(names.ReasonError, "no API", 60*time.Second)), "transient error", yes, "Error", "Unable to apply resources: no API"},
		{"credentials gone, running: before the deadline", facts(storage(names.ReasonWaitingForCredentials, "create x", 59*time.Second)), "ready", no, "Ready", "The registry is ready"},
		{"credentials gone, running: at the deadline", facts(storage(names.ReasonWaitingForCredentials, "create x", 60*time.Second)), "transient error", yes, "WaitingForCredentials", "Unable to apply resources: create x"},
		{"credentials missing from the start", facts(noDeployment, storage(names.ReasonWaitingForCredentials, "create x", time.Second)), "storage at work", yes, "WaitingForCredentials", "create x"},
		{"storage changing", facts(storage(names.ReasonStorageChanging, "moving", time.Second)), "storage at work", yes, "StorageChanging", "moving"},
		{"storage never heard of", facts(func(f *Facts) { f.Stored = nil }), "storage at work", yes, "StorageChanging", "Waiting for the storage to be set up as spec.storage says"},
		{"no Deployment", facts(noDeployment), "no Deployment", yes, "WaitingForDeployment", "The deployment does not exist yet"},
		{"no Deployment, and why", facts(noDeployment, func(f *Facts) { f.Waiting = "Waiting for Secret a" }), "no Deployment", yes, "WaitingForDeployment", "The deployment does not exist yet: Waiting for Secret a"},
		{"Force without a Deployment", facts(state(operatorv1.Force), noDeployment), "no Deployment", yes, "WaitingForDeployment", `The deployment does not exist yet (managementState "Force": nothing is applied or removed; set it to Managed, Unmanaged or Removed)`},
		{"Deployment going", facts(going), "Deployment going", yes, "FinalizingDeployment", "The deployment is being deleted"},
		{"rollout under way", facts(rollout(corev1.ConditionTrue, "ReplicaSetUpdated", "")), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"rollout never begun", facts(func(f *Facts) { f.Deployment.Status.Conditions = nil }), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"status True is part of complete", facts(rollout(corev1.ConditionFalse, "NewReplicaSetAvailable", "")), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"template just written, status still of the old one", facts(func(f *Facts) { f.Deployment.Generation++; f.RollingOut = true }), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"the sync after that, still unseen", facts(func(f *Facts) { f.Deployment.Generation++ }, stored(names.Progressing, yes, names.ReasonDeploymentNotCompleted, "", time.Second)), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"scaled only, unseen", facts(func(f *Facts) { f.Deployment.Generation++ }, stored(names.Progressing, no, names.ReasonReady, "", time.Second)), "ready", no, "Ready", "The registry is ready"},
		{"old pods of a Recreate rollout drain", facts(func(f *Facts) { f.Deployment.Status.UpdatedReplicas, f.Deployment.Status.Replicas = 0, 0 }), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"a pod of the former template is left", facts(func(f *Facts) { f.Deployment.Status.UpdatedReplicas-- }), "rollout under way", yes, "DeploymentNotCompleted", "The rollout of the deployment has not completed"},
		{"lagging replicas of a finished rollout", facts(replicas(4, 2)), "ready", no, "Ready", "The registry is ready"},
		{"ready", facts(), "ready", no, "Ready", "The registry is ready"},
	})
}

func TestDegraded(t *testing.T) {
	rows := func(f Facts) []row { return f.degradedRows(first(names.Available, f.availableRows())) }
	checkRows(t, names.Degraded, rows, []rowCase{
		{"unmanaged", facts(state(operatorv1.Unmanaged), noDeployment, unavailableFor(time.Hour)), "unmanaged", no, "Unmanaged", "The registry is not managed by the operator"},
		{"wrong spec beside a running registry: at once", facts(invalid(names.ReasonInvalidRequestLimits, "negative")), "permanent error", yes, "InvalidRequestLimits", "Error: negative"},
		{"route taken, beside a transient error: at once", facts(storage(names.ReasonError, "cloud down", time.Second), routes(names.ReasonRouteConflict, "taken", time.Second)), "permanent error", yes, "RouteConflict", "Error: taken"},
		{"not ours to delete", facts(state(operatorv1.Removed), noDeployment, storage(names.ReasonStorageNotOwned, "not ours", time.Second)), "permanent error", yes, "StorageNotOwned", "Error: not ours"},
		{"removed: what was wrong with the spec is over", facts(state(operatorv1.Removed), noDeployment, storage(names.ReasonStorageNotConfigured, "none", time.Hour), routes(names.ReasonRouteConflict, "taken", time.Hour)), "removed", no, "Removed", "The registry is removed"},
		{"removal failing for a while", facts(state(operatorv1.Removed), noDeployment, storage(names.ReasonError, "cloud down", 15*time.Minute-time.Second)), "removed", no, "Removed", "The registry is removed"},
		{"removal failing for long", facts(state(operatorv1.Removed), noDeployment, storage(names.ReasonError, "cloud down", 15*time.Minute)), "removed, but removal keeps failing", yes, "Error", "Removing the registry: cloud down"},
		{"removed with the Deployment still there", facts(state(operatorv1.Removed)), "removed", no, "Removed", "The registry is removed"},
		{"unavailable: a second before the deadline", facts(replicas(2, 0), unavailableFor(5*time.Minute-time.Second)), "unavailable", no, "", ""},
		{"unavailable: at the deadline", facts(replicas(2, 0), unavailableFor(5*time.Minute)), "unavailable for long", yes, "Unavailable", "The deployment does not have available replicas"},
		{"unavailable since this sync", facts(replicas(2, 0)), "unavailable", no, "", ""},
		{"was available for an hour, is not now", facts(replicas(2, 0), stored(names.Available, yes, names.ReasonReady, "", time.Hour)), "unavailable", no, "", ""},
		{"no Deployment for five minutes says why", facts(noDeployment, storage(names.ReasonError, "cloud down", 6*time.Minute), unavailableFor(5*time.Minute)), "unavailable for long", yes, "Unavailable", "The deployment does not exist: cloud down"},
		{"failing beside a running registry: a second before the deadline", facts(failingSince(15*time.Minute - time.Second)), "fine", no, "", ""},
		{"failing beside a running registry: at the deadline", facts(failingSince(15 * time.Minute)), "failing for long", yes, "Error", "Unable to apply resources: boom"},
		{"storage failing: at the deadline", facts(storage(names.ReasonError, "cloud down", 15*time.Minute)), "failing for long", yes, "Error", "Unable to apply resources: cloud down"},
		{"credentials gone: before the deadline", facts(storage(names.ReasonWaitingForCredentials, "create x", 15*time.Minute-time.Second)), "fine", no, "", ""},
		{"credentials gone: at the deadline", facts(storage(names.ReasonWaitingForCredentials, "create x", 15*time.Minute)), "failing for long", yes, "WaitingForCredentials", "Unable to apply resources: create x"},
		{"failing for long, and now also unavailable: no flip", facts(replicas(2, 0), failingSince(20*time.Minute)), "failing for long", yes, "Error", "Unable to apply resources: boom"},
		{"rollout timed out", facts(rollout(corev1.ConditionFalse, "ProgressDeadlineExceeded", "replica set x has timed out")), "rollout timed out", yes, "ProgressDeadlineExceeded", "The rollout of the deployment timed out: replica set x has timed out"},
		{"rollout under way hides a bad route", facts(rollout(corev1.ConditionTrue, "ReplicaSetUpdated", ""), routes(names.ReasonRouteDegraded, "r", time.Hour)), "rollout under way", no, "", ""},
		{"route not admitted", facts(routes(names.ReasonRouteDegraded, "route public, host a: HostAlreadyClaimed", time.Second)), "route not admitted", yes, "RouteDegraded", "route public, host a: HostAlreadyClaimed"},
		{"fine", facts(), "fine", no, "", ""},
		{"Force ignores errors", facts(state(operatorv1.Force), invalid(names.ReasonVerificationFailed, "x"), failingSince(time.Hour)), "fine", no, "", ""},
	})
}

func TestRemovedMirrorsTheState(t *testing.T) {
	for _, tc := range []struct {
		state  operatorv1.ManagementState
		status operatorv1.ConditionStatus
		reason string
	}{{operatorv1.Removed, yes, "Removed"}, {operatorv1.Managed, no, ""}, {operatorv1.Unmanaged, no, ""}, {operatorv1.Force, no, ""}} {
		got := Find(Evaluate(facts(state(tc.state))).Conditions, names.Removed)
		if got.Status != tc.status || got.Reason != tc.reason {
			t.Errorf("%s: got %s/%s, want %s/%s", tc.state, got.Status, got.Reason, tc.status, tc.reason)
		}
	}
}

func TestResourcesApplied(t *testing.T) {
	for _, tc := range []struct {
		name            string
		facts           Facts
		status          operatorv1.ConditionStatus
		reason, message string
	}{
		{"applied", facts(), yes, "AsExpected", ""},
		{"transient error", facts(applied(errors.New("boom"))), no, "Error", "boom"},
		{"wrapped permanent error", facts(applied(fmt.Errorf("applying: %w", Permanent(names.ReasonVerificationFailed, errors.New("bad"))))), no, "VerificationFailed", "applying: bad"},
		{"wrong spec", facts(invalid(names.ReasonInvalidTLSSettings, "bad")), no, "InvalidTLSSettings", "bad"},
		{"a wait is not a failure", facts(noDeployment, func(f *Facts) { f.Waiting = "Waiting for x" }), operatorv1.ConditionUnknown, "WaitingForDeployment", "Waiting for x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Find(Evaluate(tc.facts).Conditions, names.ResourcesApplied)
			if got.Status != tc.status || got.Reason != tc.reason || got.Message != tc.message {
				t.Errorf("got %s/%s/%q, want %s/%s/%q", got.Status, got.Reason, got.Message, tc.status, tc.reason, tc.message)
			}
		})
	}
}

func TestStorageSettled(t *testing.T) {
	tests := map[string]struct {
		facts Facts
		want  bool
	}{
		"nothing was said yet":                             {facts(func(f *Facts) { f.Stored = nil }), false},
		"it is about an older spec":                        {facts(storage(names.ReasonAsExpected, "", 0), func(f *Facts) { f.StorageAcknowledged = false }), false},
		"an outage where the registry is":                  {facts(storage(names.ReasonError, "down", 0)), true},
		"an outage on the way to a new place":              {facts(storage(names.ReasonError, "down", 0), func(f *Facts) { f.StorageMoving = true }), false},
		"waiting for credentials of a new place":           {facts(storage(names.ReasonWaitingForCredentials, "no secret", 0), func(f *Facts) { f.StorageMoving = true }), false},
		"a new place that is wrong for good is dealt with": {facts(storage(names.ReasonMultipleStoragesConfigured, "two", 0), func(f *Facts) { f.StorageMoving = true }), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.facts.StorageSettled(); got != test.want {
				t.Errorf("settled %v, want %v", got, test.want)
			}
		})
	}
}
