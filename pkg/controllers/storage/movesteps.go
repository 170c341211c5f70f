package storage

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// moveRetry is how long a Job that has failed for a reason that may pass stays, before the next one.
const moveRetry = 15 * time.Minute

// moveStep is what a move needs next.
type moveStep string

const (
	// stepNone: there is nothing to move.
	stepNone moveStep = "none"
	// stepRecord: both places have to be written down before a Job reads them.
	stepRecord moveStep = "record"
	// stepDiscard: the Job is of another pass, of other places, or has had its time.
	stepDiscard moveStep = "discard"
	// stepStart: the Job is to be made.
	stepStart moveStep = "start"
	// stepWait: it is at work.
	stepWait moveStep = "wait"
	// stepFailed: it has failed.
	stepFailed moveStep = "failed"
	// stepSwitch: the first pass is done, the registry can go to the target.
	stepSwitch moveStep = "switch"
	// stepRollout: pods of the registry are still on the source.
	stepRollout moveStep = "rollout"
	// stepFinish: the second pass is done.
	stepFinish moveStep = "finish"
)

// situation is what the next step depends on. Places are location hashes, empty for none.
type situation struct {
	// asked tells that the administrator wants images to be moved.
	asked bool
	// used is where the registry stores, wanted where it is to store.
	used, wanted string
	// same tells that these are one medium, of which nothing has to be copied.
	same bool
	// from and to are the places of the record; recorded tells that it is complete and up to date.
	from, to string
	recorded bool
	// input identifies the record, for Jobs made of it.
	input string
	job   *batchv1.Job
	// switched tells that every pod of the registry is on the storage in use.
	switched bool
	now      time.Time
}

// second tells that the registry has been switched and what was pushed meanwhile is still to be copied.
func (s situation) second() bool {
	return s.asked && s.to != "" && s.to == s.used && s.from != "" && s.from != s.used
}

// first tells that the registry is to be switched when everything has been copied.
func (s situation) first() bool {
	return s.asked && !s.second() && s.used != "" && s.used != s.wanted && !s.same
}

// pass names the pass, for the annotation of its Job.
func (s situation) pass() string {
	switch {
	case s.second():
		return fmt.Sprintf("second %.12s %.12s", s.from, s.to)
	case s.first():
		return fmt.Sprintf("first %.12s %.12s", s.used, s.wanted)
	}
	return ""
}

// next decides.
func (s situation) next() moveStep {
	pass := s.pass()
	switch {
	case pass == "":
		return stepNone
	case s.first() && !s.recorded:
		return stepRecord
	case s.job != nil && (s.job.DeletionTimestamp != nil || s.job.Annotations[names.MovePassAnnotation] != pass):
		return stepDiscard
	case s.job == nil && s.second() && !s.switched:
		return stepRollout
	case s.job == nil:
		return stepStart
	}
	return s.afterJob()
}

// afterJob decides when there is the Job of the pass.
func (s situation) afterJob() moveStep {
	ended, at := ending(s.job)
	switch ended {
	case batchv1.JobComplete:
		if s.second() {
			return stepFinish
		}
		return stepSwitch
	case batchv1.JobFailed:
		if s.job.Annotations[names.MoveInputAnnotation] != s.input || !corrupt(s.job) && !s.now.Before(at.Add(moveRetry)) {
			return stepDiscard
		}
		return stepFailed
	default:
		return stepWait
	}
}

// ending is how and when the Job has ended; empty while it has not.
func ending(job *batchv1.Job) (batchv1.JobConditionType, time.Time) {
	for _, condition := range job.Status.Conditions {
		if condition.Status == corev1.ConditionTrue && (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) {
			return condition.Type, condition.LastTransitionTime.Time
		}
	}
	return "", time.Time{}
}

// corrupt tells that files of the source are: trying again finds the same.
func corrupt(job *batchv1.Job) bool { return len(progressOf(job).Corrupt) > 0 }

func progressOf(job *batchv1.Job) move.Progress {
	return move.ParseProgress(job.Annotations[names.MoveProgressAnnotation])
}
