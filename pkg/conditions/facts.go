package conditions

import (
	"errors"
	"fmt"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Facts are everything the core conditions depend on.
type Facts struct {
	// State is spec.managementState, or Removed for a Config that is being deleted.
	State operatorv1.ManagementState
	// Deployment is the registry's, nil if there is none.
	Deployment *appsv1.Deployment
	// RollingOut tells that this sync has changed the pod template, which the status of Deployment cannot know yet.
	RollingOut bool

	// Invalid is the permanent error found in spec before anything was done.
	Invalid error
	// StorageAcknowledged tells that the storage controller has dealt with the current spec.storage; until then its
	// condition speaks of an older one.
	StorageAcknowledged bool
	// StorageMoving tells that spec.storage names another place than status.storage, on which the registry runs.
	StorageMoving bool
	// Applied is the outcome of this sync's own writes.
	Applied error
	// Waiting says what this sync waits for before it can go on; empty for nothing.
	Waiting string

	// Stored are the conditions on Config as read: StorageReady and RoutesReady, and our own for the start of streaks.
	Stored []operatorv1.OperatorCondition
	// Advice says how a registry without storage could get some; empty when that is not the question.
	Advice string
	// Topology is that of the control plane.
	Topology configv1.TopologyMode
	// Now is the time of the evaluation.
	Now time.Time
}

// fault is something that stands between spec and cluster.
type fault struct {
	reason    string
	message   string
	permanent bool
	// since is the start of the streak.
	since time.Time
}

// unsupported tells that spec.managementState is none of the three that mean something.
func (f Facts) unsupported() bool {
	return f.State != operatorv1.Managed && f.State != operatorv1.Unmanaged && f.State != operatorv1.Removed
}

func (f Facts) absent() bool { return f.Deployment == nil }

func (f Facts) deleting() bool { return f.Deployment != nil && f.Deployment.DeletionTimestamp != nil }

// running tells that somebody is served: only then may a fault of ours stay hidden.
func (f Facts) running() bool {
	return !f.absent() && !f.deleting() && f.Deployment.Status.AvailableReplicas > 0
}

// complete tells that the last rollout is over. Between our write and the moment the Deployment controller sees it, the
// status still speaks of the rollout before; a scale-up alone does not count as a rollout.
func (f Facts) complete() bool {
	progress := deploymentProgress(f.Deployment)
	if progress == nil || progress.Status != corev1.ConditionTrue || progress.Reason != "NewReplicaSetAvailable" {
		return false
	}
	if f.Deployment.Status.ObservedGeneration >= f.Deployment.Generation {
		return !f.replacing()
	}
	stored := Find(f.Stored, names.Progressing)
	return !f.RollingOut && (stored == nil || stored.Reason != names.ReasonDeploymentNotCompleted)
}

// replacing tells that pods of a former template are still there, or none of the current one yet. With strategy Recreate
// the Deployment's own condition speaks of the rollout before until the last old pod has drained.
func (f Facts) replacing() bool {
	status := f.Deployment.Status
	return status.UpdatedReplicas < status.Replicas || status.UpdatedReplicas == 0 && ptr.Deref(f.Deployment.Spec.Replicas, 1) > 0
}

func deploymentProgress(deployment *appsv1.Deployment) *appsv1.DeploymentCondition {
	if deployment == nil {
		return nil
	}
	for i := range deployment.Status.Conditions {
		if deployment.Status.Conditions[i].Type == appsv1.DeploymentProgressing {
			return &deployment.Status.Conditions[i]
		}
	}
	return nil
}

// Begun tells whether the core conditions have been written. On a new cluster there is nothing to say before that: other
// controllers keep the news that all is well until then, because the installation is watched by everybody who waits for
// a Config, and each write wakes them all.
func Begun(stored []operatorv1.OperatorCondition) bool { return Find(stored, names.Available) != nil }

// faults lists what stands in the way, in the order of the stages: spec, storage, resources, routes.
func (f Facts) faults() []fault {
	if f.State == operatorv1.Unmanaged || f.unsupported() {
		return nil
	}
	var found []fault
	if f.Invalid != nil {
		found = append(found, f.own(f.Invalid))
	}
	if f.StorageAcknowledged || f.State == operatorv1.Removed {
		found = append(found, f.stage(names.StorageReady)...)
	}
	if f.Applied != nil {
		found = append(found, f.own(f.Applied))
	}
	return append(found, f.stage(names.RoutesReady)...)
}

// own is an error of this sync; its streak began when ResourcesApplied became False.
func (f Facts) own(err error) fault {
	result := fault{reason: names.ReasonError, message: err.Error(), since: f.Now}
	var permanent *PermanentError
	if errors.As(err, &permanent) {
		result.reason, result.permanent = permanent.Reason, true
	}
	if stored := Find(f.Stored, names.ResourcesApplied); stored != nil && stored.Status == operatorv1.ConditionFalse {
		result.since = f.transition(stored)
	}
	return result
}

// stage is the fault that another controller reports, if any.
func (f Facts) stage(conditionType string) []fault {
	stored := Find(f.Stored, conditionType)
	if stored == nil || stored.Status != operatorv1.ConditionFalse {
		return nil
	}
	result := fault{reason: stored.Reason, message: stored.Message, since: f.transition(stored)}
	switch {
	case stored.Reason == names.ReasonStorageChanging, stored.Reason == names.ReasonStorageMoving,
		stored.Reason == names.ReasonStorageRemoving, stored.Reason == names.ReasonRouteDegraded:
		// Work in progress, and a row of its own: no faults.
		return nil
	case stored.Reason == names.ReasonWaitingForCredentials:
		if f.State == operatorv1.Removed || !f.running() {
			return nil // shown by the waiting row
		}
	case permanentReasons[stored.Reason]:
		// Nothing of the registry is wanted any more: what is wrong with its spec does not matter, but a medium that
		// we refuse to delete does.
		if f.State == operatorv1.Removed && stored.Reason != names.ReasonStorageNotOwned {
			return nil
		}
		result.permanent = true
	default:
		result.reason = names.ReasonError
	}
	return []fault{result}
}

// waiting is the reason and text of the wait that this generation of storage is in.
func (f Facts) waiting() (reason, message string, waits bool) {
	if f.State != operatorv1.Managed {
		return "", "", false
	}
	stored := Find(f.Stored, names.StorageReady)
	if stored == nil || !f.StorageAcknowledged {
		return names.ReasonStorageChanging, "Waiting for the storage to be set up as spec.storage says", true
	}
	if stored.Status != operatorv1.ConditionFalse {
		return "", "", false
	}
	switch stored.Reason {
	case names.ReasonStorageChanging, names.ReasonStorageMoving, names.ReasonStorageRemoving:
		return stored.Reason, stored.Message, true
	case names.ReasonWaitingForCredentials:
		return stored.Reason, stored.Message, !f.running()
	}
	// An error on the way to a new place is not the fault of a running registry, whose inertia would hide it: the edit
	// has plainly not been carried out yet.
	moving := f.StorageMoving && !permanentReasons[stored.Reason]
	return names.ReasonStorageChanging, stored.Message, moving
}

// StorageSettled tells whether the current spec.storage has been carried out, or found to be wrong for good.
func (f Facts) StorageSettled() bool {
	stored := Find(f.Stored, names.StorageReady)
	if !f.StorageAcknowledged || stored == nil {
		return false
	}
	return stored.Status != operatorv1.ConditionFalse || permanentReasons[stored.Reason] || !f.StorageMoving
}

// visible is the first fault, in stage order, that is old enough for the condition type. A permanent one always is: its
// reason is not in the table.
func (f Facts) visible(conditionType string) *fault {
	for _, candidate := range f.faults() {
		hidden := f.running() && f.Now.Before(f.deadline(conditionType, candidate))
		if !hidden {
			return &candidate
		}
	}
	return nil
}

// permanent is the first permanent fault.
func (f Facts) permanent() *fault {
	for _, candidate := range f.faults() {
		if candidate.permanent {
			return &candidate
		}
	}
	return nil
}

// lasting is the first transient fault that is old enough to degrade.
func (f Facts) lasting() *fault {
	for _, candidate := range f.faults() {
		if !candidate.permanent && !f.Now.Before(f.deadline(names.Degraded, candidate)) {
			return &candidate
		}
	}
	return nil
}

func (f Facts) deadline(conditionType string, of fault) time.Time {
	return of.since.Add(delayIn(Inertias, conditionType, of.reason, f.Topology))
}

// unavailableSince is when Available left True, given that it is not True now.
func (f Facts) unavailableSince() time.Time {
	if stored := Find(f.Stored, names.Available); stored != nil && stored.Status != operatorv1.ConditionTrue {
		return f.transition(stored)
	}
	return f.Now
}

func (f Facts) transition(stored *operatorv1.OperatorCondition) time.Time {
	if stored.LastTransitionTime.IsZero() {
		return f.Now
	}
	return stored.LastTransitionTime.Time
}

// detail explains why there is no Deployment, as far as we know.
func (f Facts) detail() string {
	if seen := f.visible(names.Progressing); seen != nil {
		return ": " + seen.message
	}
	if _, message, waits := f.waiting(); waits {
		return ": " + message
	}
	if f.Waiting != "" {
		return ": " + f.Waiting
	}
	return ""
}

// note is added to what is said in a state that means nothing.
func (f Facts) note() string {
	if !f.unsupported() {
		return ""
	}
	return fmt.Sprintf(" (managementState %q: nothing is applied or removed; set it to Managed, Unmanaged or Removed)", f.State)
}

// Find returns the condition of that type, nil if the list has none. It points into the list.
func Find(list []operatorv1.OperatorCondition, conditionType string) *operatorv1.OperatorCondition {
	for i := range list {
		if list[i].Type == conditionType {
			return &list[i]
		}
	}
	return nil
}
