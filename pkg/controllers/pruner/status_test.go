package pruner

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// situation is a daily pruner that succeeded an hour ago; edits make it another one.
func situation(edits ...func(*facts)) facts {
	f := facts{
		pruner: &imageregistryv1.ImagePruner{ObjectMeta: metav1.ObjectMeta{Name: "cluster", Generation: 7}},
		now:    testNow,
	}
	f.cronJob = cronJobWith("", nil)
	f.cronJob.Spec.Schedule, f.cronJob.Spec.Suspend = "0 0 * * *", ptr.To(false)
	f.past = historyOf([]*batchv1.Job{jobAt(1, "good", succeeded)}, nil)
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

func noCronJob(f *facts) { f.cronJob = nil }
func suspended(f *facts) { f.cronJob.Spec.Suspend = ptr.To(true) }
func invalid(f *facts) {
	f.invalid = conditions.Permanent(names.ReasonVerificationFailed, errors.New("spec.schedule: bad"))
}
func broken(f *facts) { f.applied = errors.Join(errors.New("no role"), errors.New("no account")) }
func runs(jobs ...*batchv1.Job) func(*facts) {
	return func(f *facts) { f.past = historyOf(jobs, f.cronJob) }
}

func stored(conditionType string, status operatorv1.ConditionStatus, hours float64) func(*facts) {
	return func(f *facts) {
		f.pruner.Status.Conditions = append(f.pruner.Status.Conditions, operatorv1.OperatorCondition{
			Type: conditionType, Status: status, LastTransitionTime: metav1.NewTime(hoursAgo(hours)),
		})
	}
}

func scheduledFor(hours float64) func(*facts) {
	return func(f *facts) {
		f.cronJob.Annotations = map[string]string{names.PrunerScheduledSinceAnnotation: hoursAgo(hours).Format(time.RFC3339)}
	}
}

func TestConditions(t *testing.T) {
	three := runs(jobAt(50, "a", failed), jobAt(26, "b", failed), jobAt(2, "c", failed))
	for _, tc := range []struct {
		name string
		f    facts
		// want are conditions as TYPE=STATUS REASON followed by a part of the message.
		want []string
	}{
		{"all is well", situation(), []string{"Available=True AsExpected", "Failed=False Complete", "Scheduled=True Scheduled", "Degraded=False AsExpected", "ResourcesApplied=True AsExpected"}},
		{"no run has ended yet", situation(runs(), scheduledFor(1)), []string{"Failed=False Complete", "Degraded=False AsExpected"}},
		{"no CronJob", situation(noCronJob), []string{"Available=False Error cronjob openshift-image-registry/image-pruner does not exist", "Degraded=False AsExpected"}},
		{"suspended", situation(suspended), []string{"Available=True AsExpected", "Scheduled=False Suspended", "Degraded=False AsExpected"}},
		{
			"the last run failed", situation(runs(jobAt(26, "a", succeeded), jobAt(2, "b", failed))),
			[]string{"Failed=True BackoffLimitExceeded b has failed", "Degraded=False AsExpected"},
		},
		{
			"two runs in a row failed", situation(runs(jobAt(49, "a", succeeded), jobAt(26, "b", failed), jobAt(2, "c", failed))),
			[]string{"Failed=True BackoffLimitExceeded", "Degraded=False AsExpected"},
		},
		{
			"three runs in a row failed", situation(three),
			[]string{"Failed=True BackoffLimitExceeded c has failed", "Degraded=True JobFailed the last 3 runs have failed, the latest is c: c has failed"},
		},
		{"three runs failed, then one succeeded", situation(runs(jobAt(3, "a", failed), jobAt(2, "b", failed), jobAt(1.5, "c", failed), jobAt(1, "d", succeeded))), []string{"Failed=False Complete", "Degraded=False AsExpected"}},

		{"71 hours without a success", situation(runs(), scheduledFor(71)), []string{"Failed=False Complete", "Degraded=False AsExpected"}},
		{"72 hours without a success", situation(runs(), scheduledFor(72)), []string{"Failed=False Complete", "Degraded=True NoRecentSuccess no run has succeeded since 2026-02-26T12:00:00Z although some were due"}},
		{
			"72 hours without a success and a failure", situation(runs(jobAt(2, "c", failed)), scheduledFor(72)),
			[]string{"Failed=True BackoffLimitExceeded", "Degraded=True NoRecentSuccess the latest is c: c has failed"},
		},
		{"73 hours since the last success", situation(runs(jobAt(73, "a", succeeded)), scheduledFor(500)), []string{"Degraded=True NoRecentSuccess"}},
		{"scheduled anew after a long time without a success", situation(runs(jobAt(500, "a", succeeded)), scheduledFor(1)), []string{"Degraded=False AsExpected"}},
		{"72 hours without a success while suspended", situation(runs(), scheduledFor(100), suspended), []string{"Degraded=False AsExpected"}},
		{"an old CronJob without our annotation", situation(runs()), []string{"Degraded=True NoRecentSuccess"}},
		{
			"a monthly schedule", situation(runs(jobAt(200, "a", succeeded)), scheduledFor(1000), func(f *facts) { f.cronJob.Spec.Schedule = "0 0 15 * *" }),
			[]string{"Degraded=False AsExpected"},
		},

		{"an invalid spec", situation(invalid), []string{"Available=True AsExpected", "Scheduled=True Scheduled", "Degraded=True VerificationFailed spec.schedule: bad", "ResourcesApplied=False VerificationFailed spec.schedule: bad"}},
		{"an invalid spec and no CronJob", situation(invalid, noCronJob), []string{"Available=False Error", "Degraded=True VerificationFailed spec.schedule: bad"}},
		{"an invalid spec is said before failed runs", situation(three, invalid), []string{"Failed=True BackoffLimitExceeded", "Degraded=True VerificationFailed"}},
		{"an object fails to be written for a moment", situation(broken), []string{"Degraded=False AsExpected", "ResourcesApplied=False SyncError no role; no account"}},
		{"an object fails to be written for 15 minutes", situation(broken, stored(names.ResourcesApplied, "False", 0.25)), []string{"Degraded=True SyncError Error: no role; no account"}},
		{"an object fails to be written for 14 minutes", situation(broken, stored(names.ResourcesApplied, "False", 0.24)), []string{"Degraded=False AsExpected"}},
		{"an object fails to be written and there is no CronJob", situation(broken, noCronJob), []string{"Available=False Error", "Degraded=True SyncError Error: no role"}},
		{"a streak of failed writes that began anew", situation(broken, stored(names.ResourcesApplied, "True", 5)), []string{"Degraded=False AsExpected"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _ := evaluate(tc.f)
			for _, want := range tc.want {
				if !has(status.Conditions, want) {
					t.Errorf("want %q in\n%s", want, describe(status.Conditions))
				}
			}
			if got := typesOf(status.Conditions); got != "Available Failed Scheduled Degraded ResourcesApplied" {
				t.Errorf("conditions %s", got)
			}
			if status.ObservedGeneration != 7 {
				t.Errorf("observed generation %d", status.ObservedGeneration)
			}
		})
	}
}

func describe(list []operatorv1.OperatorCondition) string {
	text := ""
	for _, c := range list {
		text += c.Type + "=" + string(c.Status) + " " + c.Reason + " " + c.Message + "\n"
	}
	return text
}

func typesOf(list []operatorv1.OperatorCondition) string {
	var types []string
	for _, c := range list {
		types = append(types, c.Type)
	}
	return strings.Join(types, " ")
}

func has(list []operatorv1.OperatorCondition, want string) bool {
	head, rest, _ := strings.Cut(want, " ")
	reason, message, _ := strings.Cut(rest, " ")
	for _, c := range list {
		if c.Type+"="+string(c.Status) == head && c.Reason == reason && strings.Contains(c.Message, message) && !strings.Contains(c.Message, "\n") {
			return true
		}
	}
	return false
}

func TestTransitionTimes(t *testing.T) {
	status, _ := evaluate(situation(stored("Available", "True", 5), stored("Failed", "True", 6), stored("Scheduled", "True", 0)))
	got := map[string]time.Duration{}
	for _, c := range status.Conditions {
		got[c.Type] = testNow.Sub(c.LastTransitionTime.Time)
	}
	want := map[string]time.Duration{"Available": 5 * time.Hour, "Failed": 0, "Scheduled": 0, "Degraded": 0, "ResourcesApplied": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ages (-want +got):\n%s", diff)
	}
}

// The status is exactly what is stored: at rest there is nothing to write, and a restart finds the same.
func TestEvaluationIsStable(t *testing.T) {
	for name, f := range map[string]facts{
		"well": situation(), "broken": situation(broken), "invalid": situation(invalid), "overdue": situation(runs()), "suspended": situation(suspended),
	} {
		first, _ := evaluate(f)
		f.pruner.Status = first
		f.now = f.now.Add(time.Minute)
		second, _ := evaluate(f)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%s (-first +second):\n%s", name, diff)
		}
	}
}

func TestTheNextLook(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    facts
		want time.Duration
	}{
		{"three days after the last success", situation(), 72*time.Hour - 50*time.Minute},
		{"never while suspended", situation(suspended), 0},
		{"never without a CronJob", situation(noCronJob), 0},
		{"never when it is said already", situation(runs()), 0},
		{"never while only an edit helps", situation(invalid), 0},
		{"when a failing write becomes a fault", situation(broken, stored(names.ResourcesApplied, "False", 0.1)), 9 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, next := evaluate(tc.f)
			got := next.Sub(testNow)
			if next.IsZero() {
				got = 0
			}
			if got != tc.want {
				t.Errorf("in %s, want %s", got, tc.want)
			}
		})
	}
}

func TestInstalled(t *testing.T) {
	for want, f := range []facts{situation(noCronJob), situation(suspended), situation()} {
		if got := f.installed(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}
