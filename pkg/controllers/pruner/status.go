package pruner

import (
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// degradedAfter is how long an object may fail to be written beside a CronJob that works. It is the delay that the
// registry's conditions have for the same fault.
const degradedAfter = 15 * time.Minute

// facts are what the status is made from.
type facts struct {
	pruner *imageregistryv1.ImagePruner
	// cronJob is the object as stored, nil when there is none.
	cronJob *batchv1.CronJob
	past    history
	// invalid is what only an edit can cure, applied what trying again may.
	invalid, applied error
	now              time.Time
}

// evaluate returns the whole status, and the time at which it changes by itself, zero for never.
func evaluate(f facts) (imageregistryv1.ImagePrunerStatus, time.Time) {
	applied := f.fill(f.resourcesApplied())
	degraded, next := f.degraded(applied.LastTransitionTime.Time)
	status := imageregistryv1.ImagePrunerStatus{ObservedGeneration: f.pruner.Generation}
	for _, condition := range []operatorv1.OperatorCondition{f.available(), f.failed(), f.scheduled(), degraded, applied} {
		status.Conditions = append(status.Conditions, f.fill(condition))
	}
	return status, next
}

// fill sets the transition time: that of the stored condition while its status is the same.
func (f facts) fill(condition operatorv1.OperatorCondition) operatorv1.OperatorCondition {
	condition.LastTransitionTime = metav1.NewTime(f.now.Truncate(time.Second))
	if old := conditions.Find(f.pruner.Status.Conditions, condition.Type); old != nil && old.Status == condition.Status && !old.LastTransitionTime.IsZero() {
		condition.LastTransitionTime = old.LastTransitionTime
	}
	return condition
}

func condition(conditionType string, is bool, reason, message string) operatorv1.OperatorCondition {
	status := operatorv1.ConditionFalse
	if is {
		status = operatorv1.ConditionTrue
	}
	return operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}

// object is the CronJob as messages name it.
const object = "cronjob " + names.OperatorNamespace + "/" + names.Pruner

func (f facts) available() operatorv1.OperatorCondition {
	if f.cronJob == nil {
		return condition(names.Available, false, names.ReasonError, object+" does not exist")
	}
	return condition(names.Available, true, names.ReasonAsExpected, object+" exists")
}

func (f facts) failed() operatorv1.OperatorCondition {
	switch last := f.past.last; {
	case last == nil:
		return condition(names.Failed, false, names.ReasonComplete, "no run has ended yet")
	case !last.failed:
		return condition(names.Failed, false, names.ReasonComplete, "the last run succeeded")
	default:
		return condition(names.Failed, true, last.reason, last.message)
	}
}

// scheduled tells what the CronJob does, which is not what the spec says while that is invalid.
func (f facts) scheduled() operatorv1.OperatorCondition {
	if f.suspended() {
		return condition(names.Scheduled, false, names.ReasonSuspended, "the pruner is suspended")
	}
	return condition(names.Scheduled, true, names.ReasonScheduled, "the pruner runs on its schedule")
}

func (f facts) suspended() bool {
	suspend := f.pruner.Spec.Suspend
	if f.cronJob != nil {
		suspend = f.cronJob.Spec.Suspend
	}
	return ptr.Deref(suspend, false)
}

func (f facts) resourcesApplied() operatorv1.OperatorCondition {
	switch {
	case f.invalid != nil:
		return condition(names.ResourcesApplied, false, reasonOf(f.invalid), f.invalid.Error())
	case f.applied != nil:
		return condition(names.ResourcesApplied, false, names.ReasonSyncError, conditions.OneLine(f.applied))
	default:
		return condition(names.ResourcesApplied, true, names.ReasonAsExpected, "")
	}
}

func reasonOf(err error) string {
	var permanent *conditions.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Reason
	}
	return names.ReasonSyncError
}

// degraded also returns when the answer changes by itself. The streak of failed writes began at failingSince.
func (f facts) degraded(failingSince time.Time) (operatorv1.OperatorCondition, time.Time) {
	shown := failingSince.Add(degradedAfter)
	overdue := f.overdueAt()
	switch {
	case f.invalid != nil:
		return condition(names.Degraded, true, reasonOf(f.invalid), f.invalid.Error()), time.Time{}
	case f.applied != nil && (f.cronJob == nil || !f.now.Before(shown)):
		return condition(names.Degraded, true, names.ReasonSyncError, "Error: "+conditions.OneLine(f.applied)), time.Time{}
	case len(f.past.streak) >= streakLimit:
		return condition(names.Degraded, true, names.ReasonJobFailed,
			fmt.Sprintf("the last %d runs have failed, the latest is %s: %s", streakLimit, f.past.last.name, f.past.last.message)), time.Time{}
	case !overdue.IsZero() && !f.now.Before(overdue):
		return condition(names.Degraded, true, names.ReasonNoRecentSuccess, f.without()), time.Time{}
	}
	next := overdue
	if f.applied != nil && (next.IsZero() || shown.Before(next)) {
		next = shown
	}
	return condition(names.Degraded, false, names.ReasonAsExpected, ""), next
}

// overdueAt is when the pruner has been without a success for too long; zero while it is not to run.
func (f facts) overdueAt() time.Time {
	if f.cronJob == nil || f.suspended() {
		return time.Time{}
	}
	return overdueAt(f.cronJob.Spec.Schedule, f.waitingSince())
}

// waitingSince is since when a success is waited for.
func (f facts) waitingSince() time.Time {
	since := f.cronJob.CreationTimestamp.Time
	if at, err := time.Parse(time.RFC3339, f.cronJob.Annotations[names.PrunerScheduledSinceAnnotation]); err == nil {
		since = at
	}
	if f.past.success.After(since) {
		since = f.past.success
	}
	return since
}

func (f facts) without() string {
	text := "no run has succeeded since " + f.waitingSince().UTC().Format(time.RFC3339)
	if f.past.failed() {
		return text + ", the latest is " + f.past.last.name + ": " + f.past.last.message
	}
	return text + " although some were due; look at the events and Jobs of " + object
}

// installed is the value of the metric: whether there is a CronJob, and whether it runs.
func (f facts) installed() int {
	switch {
	case f.cronJob == nil:
		return 0
	case f.suspended():
		return 1
	default:
		return 2
	}
}
