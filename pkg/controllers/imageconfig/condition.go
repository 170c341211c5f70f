package imageconfig

import (
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// health is what there is to say about the outcome, and after how long it has to be said anew; zero for never. The streak of
// failures began when ImageConfigReady became False, so that a restart of the operator neither ends nor prolongs it.
func health(failure error, stored []operatorv1.OperatorCondition, now time.Time) ([]operatorv1.OperatorCondition, time.Duration) {
	ready := operatorv1.OperatorCondition{Type: names.ImageConfigReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected}
	degraded := operatorv1.OperatorCondition{Type: names.ImageConfigDegraded, Status: operatorv1.ConditionFalse, Reason: names.ReasonAsExpected}
	if failure == nil {
		return []operatorv1.OperatorCondition{ready, degraded}, 0
	}
	message := conditions.OneLine(failure)
	ready.Status, ready.Reason, ready.Message = operatorv1.ConditionFalse, names.ReasonError, message
	if wait := conditions.Wait(stored, names.ImageConfigReady, names.ImageConfigDegraded, names.ReasonError, now); wait > 0 {
		return []operatorv1.OperatorCondition{ready, degraded}, wait
	}
	degraded.Status, degraded.Reason, degraded.Message = operatorv1.ConditionTrue, names.ReasonError, message
	return []operatorv1.OperatorCondition{ready, degraded}, 0
}
