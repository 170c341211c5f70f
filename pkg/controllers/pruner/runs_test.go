package pruner

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func hoursAgo(hours float64) time.Time {
	return testNow.Add(-time.Duration(hours * float64(time.Hour)))
}

// jobAt is a Job of the CronJob that was made hours ago; edits make it another one.
func jobAt(hours float64, name string, edits ...func(*batchv1.Job)) *batchv1.Job {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: names.OperatorNamespace, Name: name, CreationTimestamp: metav1.NewTime(hoursAgo(hours)),
		Labels:          map[string]string{"created-by": "image-pruner"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "image-pruner", UID: "1", Controller: ptr.To(true)}},
	}}
	for _, edit := range edits {
		edit(job)
	}
	return job
}

func with(conditionType batchv1.JobConditionType, status corev1.ConditionStatus) func(*batchv1.Job) {
	return func(job *batchv1.Job) {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: conditionType, Status: status, Reason: "BackoffLimitExceeded", Message: job.Name + " has failed",
			LastTransitionTime: metav1.NewTime(job.CreationTimestamp.Add(10 * time.Minute)),
		})
	}
}

var (
	failed    = with(batchv1.JobFailed, "True")
	succeeded = with(batchv1.JobComplete, "True")
)

func cronJobWith(annotation string, success *time.Time) *batchv1.CronJob {
	job := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(hoursAgo(1000))}}
	if annotation != "" {
		job.Annotations = map[string]string{names.PrunerFailedRunsAnnotation: annotation}
	}
	if success != nil {
		job.Status.LastSuccessfulTime = &metav1.Time{Time: *success}
	}
	return job
}

func failedRun(hours float64, name string) run {
	return run{name: name, at: hoursAgo(hours), failed: true, reason: "BackoffLimitExceeded", message: "as the Job has it"}
}

func remember(hours float64, name string) string {
	return name + "@" + hoursAgo(hours).Format(time.RFC3339)
}

func TestHistory(t *testing.T) {
	for _, tc := range []struct {
		name       string
		jobs       []*batchv1.Job
		annotation string
		success    float64 // of the CronJob's status, hours ago; 0 for none
		notKept    bool    // failed Jobs are deleted at once
		sighted    []run   // failed runs that only events have shown
		wantLast   string
		wantFailed bool
		wantStreak string
	}{
		{name: "no Job at all"},
		{name: "a Job that runs", jobs: []*batchv1.Job{jobAt(1, "a")}},
		{name: "a success", jobs: []*batchv1.Job{jobAt(1, "a", succeeded)}, wantLast: "a"},
		{name: "a failure", jobs: []*batchv1.Job{jobAt(1, "a", failed)}, wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "a failure before a success", jobs: []*batchv1.Job{jobAt(2, "a", failed), jobAt(1, "b", succeeded)}, wantLast: "b"},
		{name: "a failure after a success", jobs: []*batchv1.Job{jobAt(1, "b", failed), jobAt(2, "a", succeeded)}, wantLast: "b", wantFailed: true, wantStreak: "b"},
		{name: "a run in progress after a failure", jobs: []*batchv1.Job{jobAt(2, "a", failed), jobAt(1, "b")}, wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "a success in between ends the streak", jobs: []*batchv1.Job{jobAt(4, "a", failed), jobAt(3, "b", succeeded), jobAt(2, "c", failed), jobAt(1, "d", failed)}, wantLast: "d", wantFailed: true, wantStreak: "c d"},
		{name: "four failures count as three", jobs: []*batchv1.Job{jobAt(4, "a", failed), jobAt(3, "b", failed), jobAt(2, "c", failed), jobAt(1, "d", failed)}, wantLast: "d", wantFailed: true, wantStreak: "b c d"},

		{name: "another Job of the namespace", jobs: []*batchv1.Job{jobAt(1, "a", failed, func(j *batchv1.Job) { j.Labels, j.OwnerReferences = nil, nil })}},
		{name: "a Job with our label and no owner", jobs: []*batchv1.Job{jobAt(1, "a", failed, func(j *batchv1.Job) { j.OwnerReferences = nil })}},
		{name: "a Job of another CronJob", jobs: []*batchv1.Job{jobAt(1, "a", failed, func(j *batchv1.Job) { j.OwnerReferences[0].Name = "other" })}},
		{name: "a Job of ours without the label", jobs: []*batchv1.Job{jobAt(1, "a", failed, func(j *batchv1.Job) { j.Labels = nil })}},

		{name: "a Job that is about to fail", jobs: []*batchv1.Job{jobAt(1, "a", with(batchv1.JobFailureTarget, "True"))}},
		{name: "a failure that is not true", jobs: []*batchv1.Job{jobAt(1, "a", with(batchv1.JobFailed, "False"))}},
		{name: "a suspended Job", jobs: []*batchv1.Job{jobAt(1, "a", with(batchv1.JobSuspended, "True"))}},
		{name: "a failure after a target", jobs: []*batchv1.Job{jobAt(1, "a", with(batchv1.JobFailureTarget, "True"), failed)}, wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "a success that was suspended once", jobs: []*batchv1.Job{jobAt(1, "a", with(batchv1.JobSuspended, "False"), succeeded)}, wantLast: "a"},

		{name: "failures whose Jobs are gone", jobs: []*batchv1.Job{jobAt(1, "c", failed)}, annotation: remember(3, "a") + "," + remember(2, "b"), wantLast: "c", wantFailed: true, wantStreak: "a b c"},
		{name: "failures that are there and remembered", jobs: []*batchv1.Job{jobAt(2, "b", failed), jobAt(1, "c", failed)}, annotation: remember(2, "b") + "," + remember(1, "c"), wantLast: "c", wantFailed: true, wantStreak: "b c"},
		{name: "failed Jobs that somebody deleted", annotation: remember(2, "b") + "," + remember(1, "c")},
		{name: "the latest failed Job was deleted", jobs: []*batchv1.Job{jobAt(3, "a", failed)}, annotation: remember(3, "a") + "," + remember(2, "b"), wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "a success after remembered failures", jobs: []*batchv1.Job{jobAt(1, "c", succeeded)}, annotation: remember(2, "b"), wantLast: "c"},
		{name: "a record that is not one", jobs: []*batchv1.Job{jobAt(1, "c", failed)}, annotation: "nonsense,x@y,@", wantLast: "c", wantFailed: true, wantStreak: "c"},

		{name: "a success whose Job is gone", success: 1, jobs: []*batchv1.Job{jobAt(2, "a", failed)}, wantLast: ""},
		{name: "a failure after a success whose Job is gone", success: 3, jobs: []*batchv1.Job{jobAt(2, "a", failed)}, wantLast: "a", wantFailed: true, wantStreak: "a"},

		{name: "not kept, nothing is known", notKept: true},
		{name: "not kept, but sighted", notKept: true, sighted: []run{failedRun(1, "a")}, wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "not kept, recorded", notKept: true, annotation: remember(1, "a"), wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "not kept, one sighted after two that are recorded", notKept: true, sighted: []run{failedRun(1, "c")}, annotation: remember(3, "a") + "," + remember(2, "b"), wantLast: "c", wantFailed: true, wantStreak: "a b c"},
		{name: "not kept, sighted and recorded", notKept: true, sighted: []run{failedRun(1, "a")}, annotation: remember(1, "a"), wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "not kept, sighted and still there", notKept: true, sighted: []run{failedRun(1, "a")}, jobs: []*batchv1.Job{jobAt(1, "a", failed)}, wantLast: "a", wantFailed: true, wantStreak: "a"},
		{name: "not kept, a success after that", notKept: true, sighted: []run{failedRun(2, "b")}, annotation: remember(3, "a"), jobs: []*batchv1.Job{jobAt(1, "c", succeeded)}, wantLast: "c"},
		{name: "not kept, a success after that whose Job is gone", notKept: true, annotation: remember(3, "a"), success: 1},
		{name: "not kept, a run in progress after that", notKept: true, annotation: remember(3, "a"), jobs: []*batchv1.Job{jobAt(1, "b")}, wantLast: "a", wantFailed: true, wantStreak: "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var success *time.Time
			if tc.success > 0 {
				success = ptr.To(hoursAgo(tc.success))
			}
			live := cronJobWith(tc.annotation, success)
			if tc.notKept {
				live.Spec.FailedJobsHistoryLimit = ptr.To[int32](0)
			}
			past := historyOf(tc.jobs, live, tc.sighted...)
			last, streak := "", []string{}
			if past.last != nil {
				last = past.last.name
			}
			for _, r := range past.streak {
				streak = append(streak, r.name)
			}
			if last != tc.wantLast || past.failed() != tc.wantFailed || strings.Join(streak, " ") != tc.wantStreak {
				t.Errorf("last %q failed %t streak %v, want %q %t %q", last, past.failed(), streak, tc.wantLast, tc.wantFailed, tc.wantStreak)
			}
			// What is recorded leads to the same answer after a restart.
			live.Annotations = map[string]string{names.PrunerFailedRunsAnnotation: past.record()}
			again := historyOf(tc.jobs, live)
			if again.record() != past.record() {
				t.Errorf("the record %q becomes %q", past.record(), again.record())
			}
			if tc.notKept && past.failed() && (*again.last != *past.last || past.last.reason == "" || past.last.message == "") {
				t.Errorf("the last run %+v becomes %+v", *past.last, *again.last)
			}
		})
	}
}

// With a short history the Jobs of a streak are never there together.
func TestAStreakIsLongerThanTheHistory(t *testing.T) {
	record := ""
	for i, name := range []string{"a", "b", "c", "d"} {
		past := historyOf([]*batchv1.Job{jobAt(float64(10-i), name, failed)}, cronJobWith(record, nil))
		if want := min(i+1, streakLimit); len(past.streak) != want {
			t.Fatalf("after %s the streak is %d, want %d (record %q)", name, len(past.streak), want, record)
		}
		record = past.record()
	}
}

func TestHistoryKnowsTheLatestSuccess(t *testing.T) {
	jobs := []*batchv1.Job{jobAt(5, "a", succeeded), jobAt(3, "b", succeeded)}
	ended := hoursAgo(3).Add(10 * time.Minute)
	if got := historyOf(jobs, cronJobWith("", nil)).success; !got.Equal(ended) {
		t.Errorf("got %s, want %s", got, ended)
	}
	later := hoursAgo(1)
	if got := historyOf(jobs, cronJobWith("", &later)).success; !got.Equal(later) {
		t.Errorf("got %s, want %s", got, later)
	}
	if got := historyOf(nil, nil); !got.success.IsZero() || got.last != nil {
		t.Errorf("nothing is known, but %+v", got)
	}
}
