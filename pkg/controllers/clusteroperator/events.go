package clusteroperator

import (
	"fmt"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// report raises one event for all conditions whose status changed and for a new cause of Degraded, and one for a new version.
// Other reasons, and messages, may change at every step of a rollout: they are in the condition, not in events.
func report(recorder events.Recorder, before, after configv1.ClusterOperatorStatus) {
	var texts []string
	for _, t := range targets {
		if text := transition(t.conditionType, before, after); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) > 0 {
		raise := recorder.Eventf
		if isWorse(before, after) {
			raise = recorder.Warningf
		}
		raise("OperatorStatusChanged", "clusteroperator/%s %s", names.ClusterOperator, strings.Join(texts, "; "))
	}
	if from, to := publishedVersion(before), publishedVersion(after); from != to {
		recorder.Eventf("OperatorVersionChanged", "clusteroperator/%s version changed from %q to %q", names.ClusterOperator, from, to)
	}
}

// isWorse tells that the change is for a human to look at: the registry is not there any more, or something is wrong with it
// that was not before.
func isWorse(before, after configv1.ClusterOperatorStatus) bool {
	const available, degraded = configv1.OperatorAvailable, configv1.OperatorDegraded
	return configv1helpers.IsStatusConditionTrue(before.Conditions, available) && !configv1helpers.IsStatusConditionTrue(after.Conditions, available) ||
		configv1helpers.IsStatusConditionTrue(after.Conditions, degraded) && transition(degraded, before, after) != ""
}

func transition(conditionType configv1.ClusterStatusConditionType, before, after configv1.ClusterOperatorStatus) string {
	now := configv1helpers.FindStatusCondition(after.Conditions, conditionType)
	was := configv1helpers.FindStatusCondition(before.Conditions, conditionType)
	from := configv1.ConditionStatus("unset")
	if was != nil {
		from = was.Status
	}
	if now == nil {
		return ""
	}
	if from == now.Status {
		return anotherCause(*was, *now)
	}
	return fmt.Sprintf("%s changed from %s to %s (%s): %s", conditionType, from, now.Status, now.Reason, now.Message)
}

// anotherCause is news while Degraded stays as it is: who looks into the first cause does not hear of the second otherwise.
func anotherCause(was, now configv1.ClusterOperatorStatusCondition) string {
	if now.Type != configv1.OperatorDegraded || now.Status != configv1.ConditionTrue {
		return ""
	}
	known := strings.Split(was.Reason, separator)
	for cause := range strings.SplitSeq(now.Reason, separator) {
		if !slices.Contains(known, cause) {
			return fmt.Sprintf("%s stays %s, now (%s): %s", now.Type, now.Status, now.Reason, now.Message)
		}
	}
	return ""
}

func publishedVersion(status configv1.ClusterOperatorStatus) string {
	for _, version := range status.Versions {
		if version.Name == operandName {
			return version.Version
		}
	}
	return ""
}
