package clusteroperator

import (
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// prunerPrefix is put before the type of each ImagePruner condition, so that its Degraded cannot be taken for
// Config's.
const prunerPrefix = "ImagePruner"

// separator joins reasons.
const separator = "::"

// target is one condition of the ClusterOperator and the status it has when all is well.
type target struct {
	conditionType configv1.ClusterStatusConditionType
	normal        operatorv1.ConditionStatus
}

var targets = []target{
	{configv1.OperatorAvailable, operatorv1.ConditionTrue},
	{configv1.OperatorProgressing, operatorv1.ConditionFalse},
	{configv1.OperatorDegraded, operatorv1.ConditionFalse},
}

// Union folds the conditions of Config and of ImagePruner, in the order in which they are stored, into the three
// conditions of the ClusterOperator. A condition takes part in every target its type ends with. Transition times are
// not set. There is no inertia here: it belongs to whoever writes a condition.
func Union(config, pruner []operatorv1.OperatorCondition) []configv1.ClusterOperatorStatusCondition {
	all := slices.Clone(config)
	for _, condition := range pruner {
		condition.Type = prunerPrefix + condition.Type
		all = append(all, condition)
	}
	union := make([]configv1.ClusterOperatorStatusCondition, 0, len(targets))
	for _, t := range targets {
		union = append(union, t.fold(all))
	}
	return union
}

func (t target) fold(all []operatorv1.OperatorCondition) configv1.ClusterOperatorStatusCondition {
	participants := []operatorv1.OperatorCondition{}
	for _, condition := range all {
		if strings.HasSuffix(condition.Type, string(t.conditionType)) {
			participants = append(participants, condition)
		}
	}
	status := t.status(participants)
	return configv1.ClusterOperatorStatusCondition{
		Type:    t.conditionType,
		Status:  configv1.ConditionStatus(status),
		Reason:  t.reason(participants, status),
		Message: message(participants),
	}
}

// status is the first participant's that is clearly not normal, else Unknown if somebody does not know.
func (t target) status(participants []operatorv1.OperatorCondition) operatorv1.ConditionStatus {
	status := t.normal
	for _, condition := range participants {
		switch condition.Status {
		case t.normal:
		case operatorv1.ConditionUnknown:
			status = operatorv1.ConditionUnknown
		default:
			return condition.Status
		}
	}
	return status
}

// reason joins the reasons of all participants, the normal ones too, each behind the part of its type that tells it
// from the others. Tools match the result, separator included.
func (t target) reason(participants []operatorv1.OperatorCondition, status operatorv1.ConditionStatus) string {
	reasons := []string{}
	for _, condition := range participants {
		if condition.Reason == "" || condition.Reason == names.ReasonAsExpected {
			continue
		}
		reasons = append(reasons, strings.TrimSuffix(condition.Type, string(t.conditionType))+condition.Reason)
	}
	if len(reasons) == 0 && status == t.normal {
		return names.ReasonAsExpected
	}
	slices.Sort(reasons)
	return strings.Join(reasons, separator)
}

func message(participants []operatorv1.OperatorCondition) string {
	lines := []string{}
	for _, condition := range participants {
		if condition.Message == "" {
			continue
		}
		for line := range strings.SplitSeq(condition.Message, "\n") {
			lines = append(lines, condition.Type+": "+line)
		}
	}
	return strings.Join(lines, "\n")
}
