package conditions

import (
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// row is one line of a condition's table.
type row struct {
	// name says in words when the row matches; tests go by it.
	name    string
	when    bool
	status  operatorv1.ConditionStatus
	reason  string
	message string
}

// Result is what follows from the facts.
type Result struct {
	// Conditions are the complete set of the registry controller: the core four and ResourcesApplied.
	Conditions []operatorv1.OperatorCondition
	// Next is when the same facts would give something else; zero for never.
	Next time.Time
}

// Evaluate reads the tables.
func Evaluate(f Facts) Result {
	available := first(names.Available, f.availableRows())
	available.Message += f.note()
	progressing := first(names.Progressing, f.progressingRows())
	progressing.Message += f.note()
	degraded := first(names.Degraded, f.degradedRows(available))
	return Result{
		Conditions: []operatorv1.OperatorCondition{available, progressing, degraded, f.removed(), f.resourcesApplied()},
		Next:       f.next(available),
	}
}

func first(conditionType string, rows []row) operatorv1.OperatorCondition {
	for _, candidate := range rows {
		if candidate.when {
			return operatorv1.OperatorCondition{
				Type: conditionType, Status: candidate.status, Reason: candidate.reason, Message: candidate.message,
			}
		}
	}
	return operatorv1.OperatorCondition{Type: conditionType, Status: operatorv1.ConditionUnknown}
}

func (f Facts) availableRows() []row {
	seen := orNothing(f.visible(names.Progressing))
	replicas := counts{}
	if !f.absent() {
		replicas = counts{total: f.Deployment.Status.Replicas, available: f.Deployment.Status.AvailableReplicas}
	}
	removed := f.State == operatorv1.Removed
	return []row{
		{
			name: "unmanaged", when: f.State == operatorv1.Unmanaged,
			status: operatorv1.ConditionTrue, reason: names.ReasonUnmanaged, message: "The registry is not managed by the operator",
		},
		{
			name: "no Deployment, permanent error", when: f.absent() && seen.permanent && !removed,
			status: operatorv1.ConditionFalse, reason: seen.reason, message: "Error: " + seen.message,
		},
		{
			name: "no Deployment, removed", when: f.absent() && removed,
			status: operatorv1.ConditionTrue, reason: names.ReasonRemoved, message: sentences("The registry is removed", f.Advice),
		},
		{
			name: "no Deployment", when: f.absent(),
			status: operatorv1.ConditionFalse, reason: names.ReasonDeploymentNotFound, message: "The deployment does not exist" + f.detail(),
		},
		{
			name: "Deployment going", when: f.deleting(),
			status: operatorv1.ConditionFalse, reason: names.ReasonDeploymentDeleted, message: "The deployment is being deleted",
		},
		{
			name: "no replica available", when: replicas.available == 0,
			status: operatorv1.ConditionFalse, reason: names.ReasonNoReplicasAvailable, message: "The deployment does not have available replicas",
		},
		{
			name: "some replicas available", when: replicas.available != replicas.total,
			status: operatorv1.ConditionTrue, reason: names.ReasonMinimumAvailability, message: "The registry has minimum availability",
		},
		{
			name: "ready", when: true,
			status: operatorv1.ConditionTrue, reason: names.ReasonReady, message: "The registry is ready",
		},
	}
}

func (f Facts) progressingRows() []row {
	seen := f.visible(names.Progressing)
	problem := orNothing(seen)
	waitReason, waitMessage, waits := f.waiting()
	removed := f.State == operatorv1.Removed
	return []row{
		{
			name: "unmanaged", when: f.State == operatorv1.Unmanaged,
			status: operatorv1.ConditionFalse, reason: names.ReasonUnmanaged, message: "The registry is not managed by the operator",
		},
		{
			name: "removed, Deployment there", when: removed && !f.absent(),
			status: operatorv1.ConditionTrue, reason: names.ReasonDeletingDeployment, message: "The deployment is being removed",
		},
		{
			name: "removed, Deployment gone", when: removed,
			status: operatorv1.ConditionFalse, reason: names.ReasonRemoved, message: "All registry resources are removed",
		},
		{
			name: "permanent error", when: problem.permanent,
			status: operatorv1.ConditionFalse, reason: names.ReasonError, message: "Unable to apply resources: " + problem.message,
		},
		{
			name: "transient error", when: seen != nil,
			status: operatorv1.ConditionTrue, reason: problem.reason, message: "Unable to apply resources: " + problem.message,
		},
		{
			name: "storage at work", when: waits,
			status: operatorv1.ConditionTrue, reason: waitReason, message: waitMessage,
		},
		{
			name: "no Deployment", when: f.absent(),
			status: operatorv1.ConditionTrue, reason: names.ReasonWaitingForDeployment, message: "The deployment does not exist yet" + f.detail(),
		},
		{
			name: "Deployment going", when: f.deleting(),
			status: operatorv1.ConditionTrue, reason: names.ReasonFinalizingDeployment, message: "The deployment is being deleted",
		},
		{
			name: "rollout under way", when: !f.complete(),
			status: operatorv1.ConditionTrue, reason: names.ReasonDeploymentNotCompleted, message: "The rollout of the deployment has not completed",
		},
		{
			name: "ready", when: true,
			status: operatorv1.ConditionFalse, reason: names.ReasonReady, message: "The registry is ready",
		},
	}
}

func (f Facts) degradedRows(available operatorv1.OperatorCondition) []row {
	permanent, lasting := f.permanent(), f.lasting()
	unavailable := available.Status != operatorv1.ConditionTrue
	routes := Find(f.Stored, names.RoutesReady)
	rollout := f.rolloutTimeout()
	return []row{
		{
			name: "unmanaged", when: f.State == operatorv1.Unmanaged,
			status: operatorv1.ConditionFalse, reason: names.ReasonUnmanaged, message: "The registry is not managed by the operator",
		},
		{
			name: "permanent error", when: permanent != nil,
			status: operatorv1.ConditionTrue, reason: orNothing(permanent).reason, message: "Error: " + orNothing(permanent).message,
		},
		{
			name: "removed, but removal keeps failing", when: f.State == operatorv1.Removed && lasting != nil,
			status: operatorv1.ConditionTrue, reason: orNothing(lasting).reason, message: "Removing the registry: " + orNothing(lasting).message,
		},
		{
			name: "removed", when: f.State == operatorv1.Removed,
			status: operatorv1.ConditionFalse, reason: names.ReasonRemoved, message: "The registry is removed",
		},
		{
			name: "unavailable for long", when: unavailable && !f.Now.Before(f.unavailableDeadline()),
			status: operatorv1.ConditionTrue, reason: names.ReasonUnavailable, message: available.Message,
		},
		{
			name: "failing for long", when: lasting != nil,
			status: operatorv1.ConditionTrue, reason: orNothing(lasting).reason, message: "Unable to apply resources: " + orNothing(lasting).message,
		},
		{
			name: "unavailable", when: unavailable, status: operatorv1.ConditionFalse,
		},
		{
			name: "rollout timed out", when: rollout != "",
			status: operatorv1.ConditionTrue, reason: names.ReasonProgressDeadlineExceeded, message: "The rollout of the deployment timed out: " + rollout,
		},
		{
			name: "rollout under way", when: !f.complete(), status: operatorv1.ConditionFalse,
		},
		{
			name:   "route not admitted",
			when:   routes != nil && routes.Status == operatorv1.ConditionFalse && routes.Reason == names.ReasonRouteDegraded,
			status: operatorv1.ConditionTrue, reason: names.ReasonRouteDegraded, message: messageOf(routes),
		},
		{
			name: "fine", when: true, status: operatorv1.ConditionFalse,
		},
	}
}

// rolloutTimeout is the Deployment's own message when its rollout exceeded the deadline.
func (f Facts) rolloutTimeout() string {
	progress := deploymentProgress(f.Deployment)
	if progress == nil || progress.Reason != names.ReasonProgressDeadlineExceeded {
		return ""
	}
	if progress.Message == "" {
		return "the deadline was exceeded"
	}
	return progress.Message
}

func (f Facts) removed() operatorv1.OperatorCondition {
	if f.State == operatorv1.Removed {
		return operatorv1.OperatorCondition{
			Type: names.Removed, Status: operatorv1.ConditionTrue, Reason: names.ReasonRemoved, Message: "The registry is removed",
		}
	}
	return operatorv1.OperatorCondition{Type: names.Removed, Status: operatorv1.ConditionFalse}
}

// resourcesApplied records the outcome of this sync. Its transition is the start of the streak that own reads.
func (f Facts) resourcesApplied() operatorv1.OperatorCondition {
	result := operatorv1.OperatorCondition{
		Type: names.ResourcesApplied, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected,
	}
	err := f.Invalid
	if err == nil {
		err = f.Applied
	}
	switch {
	case err != nil:
		found := f.own(err)
		result.Status, result.Reason, result.Message = operatorv1.ConditionFalse, found.reason, found.message
	case f.Waiting != "":
		// Not False: a wait is no streak of failures.
		result.Status, result.Reason, result.Message = operatorv1.ConditionUnknown, names.ReasonWaitingForDeployment, f.Waiting
	}
	return result
}

func (f Facts) unavailableDeadline() time.Time {
	return f.unavailableSince().Add(delayIn(Inertias, names.Degraded, names.ReasonUnavailable, f.Topology))
}

// next is the first deadline that is still ahead.
func (f Facts) next(available operatorv1.OperatorCondition) time.Time {
	var earliest time.Time
	consider := func(deadline time.Time) {
		if deadline.After(f.Now) && (earliest.IsZero() || deadline.Before(earliest)) {
			earliest = deadline
		}
	}
	for _, found := range f.faults() {
		consider(f.deadline(names.Progressing, found))
		consider(f.deadline(names.Degraded, found))
	}
	if available.Status != operatorv1.ConditionTrue {
		consider(f.unavailableDeadline())
	}
	return earliest
}

// sentences joins a text with what may follow it.
func sentences(text, more string) string {
	if more == "" {
		return text
	}
	return text + ". " + more
}

type counts struct{ total, available int32 }

func orNothing(f *fault) fault {
	if f == nil {
		return fault{}
	}
	return *f
}

func messageOf(condition *operatorv1.OperatorCondition) string {
	if condition == nil {
		return ""
	}
	return condition.Message
}
