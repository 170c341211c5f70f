package pruner

import (
	"cmp"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// streakLimit is the number of failed runs in a row that is a fault of the pruner.
const streakLimit = 3

// run is one that has ended.
type run struct {
	name            string
	at              time.Time
	failed          bool
	reason, message string
	// ended is set for successes.
	ended time.Time
}

// history is what past runs say.
type history struct {
	// last is the latest run that has ended, nil if none is known.
	last *run
	// streak are the latest failed runs since the last success, oldest first, streakLimit of them at most.
	streak []run
	// success is the end of the latest success, zero if there was none.
	success time.Time
}

// historyOf reads the Jobs that are still there and what live, the CronJob, remembers. Failed Jobs beyond the history
// limit are remembered by an annotation. It counts only while the latest Job there is one that failed, and only before
// that one: whoever deletes failed Jobs says that they have been dealt with. Where no failed Job is kept, the annotation and
// what was sighted count until the next success.
func historyOf(jobs []*batchv1.Job, live *batchv1.CronJob, sighted ...run) history {
	runs := ended(jobs)
	past := history{success: latestSuccess(runs)}
	switch {
	case vanish(live):
		runs = withMore(runs, append(sighted, remembered(live)...), always)
		notKept(runs)
	case len(runs) > 0 && runs[len(runs)-1].failed:
		runs = withMore(runs, remembered(live), runs[len(runs)-1].after)
	}
	if live != nil && live.Status.LastSuccessfulTime != nil && live.Status.LastSuccessfulTime.After(past.success) {
		// A success whose Job is gone already.
		past.success = live.Status.LastSuccessfulTime.Time
		runs = append(runs, run{at: past.success, ended: past.success})
	}
	inOrder(runs)
	if len(runs) == 0 {
		return past
	}
	past.last = &runs[len(runs)-1]
	for i := len(runs) - 1; i >= 0 && runs[i].failed && len(past.streak) < streakLimit; i-- {
		past.streak = append(past.streak, runs[i])
	}
	slices.Reverse(past.streak)
	return past
}

// latestSuccess is when the last of them that succeeded ended, zero if none did.
func latestSuccess(runs []run) time.Time {
	var latest time.Time
	for _, r := range runs {
		if !r.failed && r.ended.After(latest) {
			latest = r.ended
		}
	}
	return latest
}

func inOrder(runs []run) {
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
}

// ended returns the runs of our Jobs that have ended, the oldest first. A Job that is suspended or about to fail has not.
func ended(jobs []*batchv1.Job) []run {
	var runs []run
	for _, job := range jobs {
		if !ours(job) {
			continue
		}
		for _, condition := range job.Status.Conditions {
			if condition.Status != corev1.ConditionTrue {
				continue
			}
			r := run{name: job.Name, at: job.CreationTimestamp.Time, reason: condition.Reason, message: condition.Message}
			switch condition.Type {
			case batchv1.JobFailed:
				r.failed = true
			case batchv1.JobComplete:
				r.ended = condition.LastTransitionTime.Time
				if job.Status.CompletionTime != nil {
					r.ended = job.Status.CompletionTime.Time
				}
			default:
				continue
			}
			runs = append(runs, r)
			break
		}
	}
	inOrder(runs)
	return runs
}

// ours tells the Jobs of the CronJob, also those made from it by hand, from others that happen to have the label.
func ours(job *batchv1.Job) bool {
	owner := metav1.GetControllerOf(job)
	return job.Labels[names.PrunerJobLabel] == names.Pruner && owner != nil && owner.Kind == "CronJob" && owner.Name == names.Pruner
}

// sameAs tells whether both are one run, as two sources know it.
func (r run) sameAs(other run) bool { return r.name == other.name }

func (r run) after(other run) bool { return other.at.Before(r.at) }

func always(run) bool { return true }

// withMore adds those of more that are not known yet and count.
func withMore(known, more []run, counts func(run) bool) []run {
	for _, r := range more {
		if counts(r) && !slices.ContainsFunc(known, r.sameAs) {
			known = append(known, r)
		}
	}
	return known
}

// remembered are the failed runs in the annotation.
func remembered(live *batchv1.CronJob) []run {
	if live == nil {
		return nil
	}
	var runs []run
	for entry := range strings.SplitSeq(live.Annotations[names.PrunerFailedRunsAnnotation], ",") {
		name, text, _ := strings.Cut(entry, "@")
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			runs = append(runs, run{name: name, at: at, failed: true})
		}
	}
	return runs
}

// record is the annotation's value for the streak.
func (h history) record() string {
	entries := make([]string, 0, len(h.streak))
	for _, r := range h.streak {
		entries = append(entries, r.name+"@"+r.at.UTC().Format(time.RFC3339))
	}
	return strings.Join(entries, ",")
}

// failed tells whether the last run failed.
func (h history) failed() bool { return h.last != nil && h.last.failed }
