package clusteroperator

import (
	"fmt"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// report raises one event for all conditions whose status changed, and one for a new version. Reasons and messages
// may change at every step of a rollout: they are in the condition, not in events.
func report(recorder events.Recorder, before, after configv1.ClusterOperatorStatus) {
	var texts []string
	for _, t := range targets {
		if text := transition(t.conditionType, before, after); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) > 0 {
		recorder.Eventf("OperatorStatusChanged", "clusteroperator/%s %s", names.ClusterOperator, strings.Join(texts, "; "))
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
	return fmt.Sprintf("%s changed from %s to %s (%s): %s", conditionType, from, now.Status, now.Reason, now.Message)
}

func publishedVersion(status configv1.ClusterOperatorStatus) string {
	for _, version := range status.Versions {
		if version.Name == operandName {
			return version.Version
		}
	}
	return ""
}
