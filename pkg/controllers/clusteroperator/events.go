package clusteroperator

import (
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// report raises an event for every condition whose status changed, and one for a new version. Reasons and messages
// may change at every step of a rollout: they are in the condition, not in events.
func report(recorder events.Recorder, before, after configv1.ClusterOperatorStatus) {
	for _, t := range targets {
		if text := transition(t.conditionType, before, after); text != "" {
			recorder.Event("OperatorStatusChanged", text)
		}
	}
	if from, to := publishedVersion(before), publishedVersion(after); from != to {
		recorder.Eventf("OperatorVersionChanged", "clusteroperator/%s version changed from %q to %q", names.ClusterOperator, from, to)
	}
}

func transition(conditionType configv1.ClusterStatusConditionType, before, after configv1.ClusterOperatorStatus) string {
	now := configv1helpers.FindStatusCondition(after.Conditions, conditionType)
	was := configv1helpers.FindStatusCondition(before.Conditions, conditionType)
	from := configv1.ConditionStatus("unset")
	if was != nil {
		from = was.Status
	}
	if now == nil || from == now.Status {
		return ""
	}
	return fmt.Sprintf("clusteroperator/%s %s changed from %s to %s (%s): %s", names.ClusterOperator, conditionType, from, now.Status, now.Reason, now.Message)
}

func publishedVersion(status configv1.ClusterOperatorStatus) string {
	for _, version := range status.Versions {
		if version.Name == operandName {
			return version.Version
		}
	}
	return ""
}
