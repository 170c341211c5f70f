package imageconfig

import (
	"slices"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// health is what there is to say about the outcome, and when it has to be said anew; zero for never. The streak of
// failures began when ImageConfigReady became False, so that a restart of the operator neither ends nor prolongs it.
func health(failure error, stored []operatorv1.OperatorCondition, now time.Time) ([]operatorv1.OperatorCondition, time.Time) {
	ready := operatorv1.OperatorCondition{Type: names.ImageConfigReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected}
	degraded := operatorv1.OperatorCondition{Type: names.ImageConfigDegraded, Status: operatorv1.ConditionFalse, Reason: names.ReasonAsExpected}
	if failure == nil {
		return []operatorv1.OperatorCondition{ready, degraded}, time.Time{}
	}
	message := conditions.OneLine(failure)
	ready.Status, ready.Reason, ready.Message = operatorv1.ConditionFalse, names.ReasonError, message
	deadline := failingSince(stored, now).Add(conditions.Delay(names.ImageConfigDegraded, names.ReasonError))
	if now.Before(deadline) {
		return []operatorv1.OperatorCondition{ready, degraded}, deadline
	}
	degraded.Status, degraded.Reason, degraded.Message = operatorv1.ConditionTrue, names.ReasonError, message
	return []operatorv1.OperatorCondition{ready, degraded}, time.Time{}
}

func failingSince(stored []operatorv1.OperatorCondition, now time.Time) time.Time {
	i := slices.IndexFunc(stored, func(condition operatorv1.OperatorCondition) bool { return condition.Type == names.ImageConfigReady })
	if i < 0 || stored[i].Status != operatorv1.ConditionFalse || stored[i].LastTransitionTime.IsZero() {
		return now
	}
	return stored[i].LastTransitionTime.Time
}
