package nodeca

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// Facts are what one sync has seen.
type Facts struct {
	// Live is the DaemonSet as it is now, nil when there is none.
	Live *appsv1.DaemonSet
	// Unreadable is why it is not known whether there is one.
	Unreadable error
	// Applied is why this sync could not make Live what it should be, and Confirmed tells that Live is that.
	Applied   error
	Confirmed bool
	// Stored is the status of Config before.
	Stored imageregistryv1.ImageRegistryStatus
	Now    time.Time
}

// Status is the complete set of status fields of this controller, and after how long it has to be looked at again.
func Status(f Facts) (operatorclient.Status, time.Duration) {
	available, back := available(f)
	status := operatorclient.Status{
		Conditions:  []operatorv1.OperatorCondition{available, progressing(f), applied(f)},
		Generations: generations(f),
	}
	degraded, again := degraded(f)
	if degraded != nil {
		status.Conditions = append(status.Conditions, *degraded)
	}
	if back > 0 {
		// Since when there is none, for the next sync and the next process.
		status.Conditions = append(status.Conditions, noPod(names.NodeCAServing))
		if again == 0 || back < again {
			again = back
		}
	}
	return status, again
}

func noPod(conditionType string) operatorv1.OperatorCondition {
	return condition(conditionType, operatorv1.ConditionFalse, names.ReasonNoAvailableReplicas, "DaemonSet node-ca has no available pod")
}

// available also returns after how long the answer changes by itself. The messages have no counts: on a large cluster each
// would be a write of its own.
func available(f Facts) (operatorv1.OperatorCondition, time.Duration) {
	switch {
	case f.Unreadable != nil:
		return condition(names.NodeCAAvailable, operatorv1.ConditionUnknown, names.ReasonUnknown, "DaemonSet node-ca cannot be read: "+f.Unreadable.Error()), 0
	case f.Live == nil:
		return condition(names.NodeCAAvailable, operatorv1.ConditionFalse, names.ReasonNotFound, "DaemonSet node-ca does not exist"), 0
	case f.Live.Status.NumberAvailable > 0:
		return condition(names.NodeCAAvailable, operatorv1.ConditionTrue, names.ReasonAsExpected, "DaemonSet node-ca has available pods"), 0
	}
	// On the way to its first pod nothing is held back: there is no better news to keep.
	before := conditions.Find(f.Stored.Conditions, names.NodeCAAvailable)
	if wait := f.wait(names.NodeCAServing, names.NodeCAAvailable, names.ReasonNoAvailableReplicas); wait > 0 && before != nil && before.Status == operatorv1.ConditionTrue {
		return *before, wait
	}
	return noPod(names.NodeCAAvailable), 0
}

// wait says how much longer a fault stays out of a condition. It is as old as the outcome that tells of it is stored False.
func (f Facts) wait(outcome, conditionType, reason string) time.Duration {
	return conditions.Wait(f.Stored.Conditions, outcome, conditionType, reason, f.Now)
}

func progressing(f Facts) operatorv1.OperatorCondition {
	switch {
	case f.Unreadable != nil:
		return condition(names.NodeCAProgressing, operatorv1.ConditionUnknown, names.ReasonUnknown, "DaemonSet node-ca cannot be read: "+f.Unreadable.Error())
	case f.Live == nil:
		return condition(names.NodeCAProgressing, operatorv1.ConditionTrue, names.ReasonNotFound, "DaemonSet node-ca does not exist")
	case rollingOut(f.Live):
		return condition(names.NodeCAProgressing, operatorv1.ConditionTrue, names.ReasonProgressing, "DaemonSet node-ca is being rolled out")
	}
	return condition(names.NodeCAProgressing, operatorv1.ConditionFalse, names.ReasonAsExpected, "DaemonSet node-ca is rolled out")
}

// rollingOut tells whether a node lacks a pod of the current template. Until the DaemonSet controller has seen our write
// its counts are those of the template before.
func rollingOut(daemonSet *appsv1.DaemonSet) bool {
	status := daemonSet.Status
	return status.ObservedGeneration < daemonSet.Generation ||
		status.UpdatedNumberScheduled < status.DesiredNumberScheduled || status.NumberMisscheduled > 0
}

func applied(f Facts) operatorv1.OperatorCondition {
	if err := failure(f); err != nil {
		return condition(names.NodeCAApplied, operatorv1.ConditionFalse, names.ReasonError, conditions.OneLine(err))
	}
	return condition(names.NodeCAApplied, operatorv1.ConditionTrue, names.ReasonAsExpected, "")
}

// degraded leaves the condition as it is while a streak of failures is young: most end by themselves.
func degraded(f Facts) (*operatorv1.OperatorCondition, time.Duration) {
	err := failure(f)
	if err == nil {
		fine := condition(names.NodeCADegraded, operatorv1.ConditionFalse, names.ReasonAsExpected, "")
		return &fine, 0
	}
	if wait := f.wait(names.NodeCAApplied, names.NodeCADegraded, names.ReasonError); wait > 0 {
		return conditions.Find(f.Stored.Conditions, names.NodeCADegraded), wait
	}
	bad := condition(names.NodeCADegraded, operatorv1.ConditionTrue, names.ReasonError, conditions.OneLine(err))
	return &bad, 0
}

// failure is why the DaemonSet may not be what it should be.
func failure(f Facts) error {
	if f.Unreadable != nil {
		return f.Unreadable
	}
	return f.Applied
}

// generations is our entry in status.generations: operators of earlier releases write the DaemonSet again when its
// generation differs from the recorded one. It does not depend on whether this sync wrote the DaemonSet: the status may have
// been refused in the one that did.
func generations(f Facts) []operatorv1.GenerationStatus {
	entry := operatorv1.GenerationStatus{Group: appsv1.GroupName, Resource: "daemonsets", Namespace: names.OperatorNamespace, Name: names.NodeCA}
	if f.Confirmed && f.Live != nil {
		entry.LastGeneration = f.Live.Generation
		return []operatorv1.GenerationStatus{entry}
	}
	for _, stored := range f.Stored.Generations {
		if stored.Group == entry.Group && stored.Resource == entry.Resource && stored.Namespace == entry.Namespace && stored.Name == entry.Name {
			return []operatorv1.GenerationStatus{stored}
		}
	}
	return nil
}

func condition(conditionType string, status operatorv1.ConditionStatus, reason, message string) operatorv1.OperatorCondition {
	return operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}
