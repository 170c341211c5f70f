package registry

import (
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const deploymentPath = "deployment " + names.OperatorNamespace + "/" + names.Registry

// lastState is the management state that was acted on last, and of which Config.
type lastState struct {
	known bool
	uid   types.UID
	state operatorv1.ManagementState
}

func (c *controller) tell(config *imageregistryv1.Config, now []operatorv1.OperatorCondition) {
	c.state.tell(c.Recorder, config)
	tell(c.Recorder, config, now)
}

// tell raises the events for the step from what config shows to the new conditions.
func tell(recorder events.Recorder, config *imageregistryv1.Config, now []operatorv1.OperatorCondition) {
	before := config.Status.Conditions
	if conditions.Begun(before) && conditions.Find(before, names.ResourcesApplied) == nil {
		recorder.Event(names.EventTakenOver, "another release of the operator ran the registry before; its objects and conditions are taken over")
	}
	was, is := reasonOf(before, names.Progressing), reasonOf(now, names.Progressing)
	switch {
	case is == names.ReasonDeploymentNotCompleted && was != is:
		recorder.Eventf(names.EventRolloutStarted, "the rollout of %s started", deploymentPath)
	case is == names.ReasonReady && was == names.ReasonDeploymentNotCompleted:
		recorder.Eventf(names.EventRolloutFinished, "the rollout of %s finished", deploymentPath)
	case is == names.ReasonRemoved && was == names.ReasonDeletingDeployment:
		recorder.Eventf(names.EventRegistryRemoved, "%s and what belongs to it are removed", deploymentPath)
	}
	const late = names.ReasonProgressDeadlineExceeded
	if reasonOf(now, names.Degraded) == late && reasonOf(before, names.Degraded) != late {
		recorder.Warning(names.EventRolloutFailed, conditions.Find(now, names.Degraded).Message)
	}
}

// tell raises an event when Config asks for another state than at the last sync, or before the last start of the
// operator as far as the conditions tell.
func (l *lastState) tell(recorder events.Recorder, config *imageregistryv1.Config) {
	now := lastState{true, config.UID, stateOf(config)}
	before := *l
	*l = now
	if !before.known || before.uid != now.uid {
		if !meaningful(now.state) {
			// The conditions do not tell whether it was this before.
			return
		}
		before.state = stateBefore(config.Status.Conditions)
	}
	if before.state == now.state || before.state == "" && !conditions.Begun(config.Status.Conditions) {
		return
	}
	asked := "spec.managementState"
	if config.DeletionTimestamp != nil {
		asked = "Config is being deleted: the state"
	}
	recorder.Eventf(names.EventManagementStateChanged, "%s changed from %q to %q: %s", asked, before.state, now.state, meaning(now.state))
}

// stateBefore is the state that the conditions speak of. Those of a state that means nothing look like Managed.
func stateBefore(stored []operatorv1.OperatorCondition) operatorv1.ManagementState {
	removed := conditions.Find(stored, names.Removed)
	switch {
	case !conditions.Begun(stored):
		return ""
	case reasonOf(stored, names.Available) == names.ReasonUnmanaged:
		return operatorv1.Unmanaged
	case removed != nil && removed.Status == operatorv1.ConditionTrue:
		return operatorv1.Removed
	}
	return operatorv1.Managed
}

// meaningful tells whether the operator acts on the state.
func meaningful(state operatorv1.ManagementState) bool {
	return state == operatorv1.Managed || state == operatorv1.Unmanaged || state == operatorv1.Removed
}

func meaning(state operatorv1.ManagementState) string {
	switch state {
	case operatorv1.Managed:
		return "the operator runs the registry as Config says"
	case operatorv1.Unmanaged:
		return "the operator leaves the registry as it is"
	case operatorv1.Removed:
		return "the registry is removed, and with it the storage that the operator manages"
	}
	return "it means nothing to the operator, which leaves the registry as it is"
}

func reasonOf(list []operatorv1.OperatorCondition, conditionType string) string {
	if found := conditions.Find(list, conditionType); found != nil {
		return found.Reason
	}
	return ""
}
