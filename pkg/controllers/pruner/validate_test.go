package pruner

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec spec
		// want are parts of the error, which is one line; empty for a valid spec.
		want []string
	}{
		{"nothing set", spec{}, nil},
		{"five fields", spec{Schedule: "*/5 1-3 * JAN,FEB MON"}, nil},
		{"a word", spec{Schedule: "@weekly"}, nil},
		{"an interval", spec{Schedule: "@every 6h"}, nil},
		{"a day that never comes", spec{Schedule: "0 0 31 2 *"}, nil},
		{"no schedule at all", spec{Schedule: "asdf"}, []string{`spec.schedule: "asdf" is not a schedule`, `such as "0 0 * * *"`}},
		{"six fields", spec{Schedule: "0 0 0 * * *"}, []string{"spec.schedule"}},
		{"a minute that does not exist", spec{Schedule: "60 * * * *"}, []string{"spec.schedule"}},
		{"an unknown word", spec{Schedule: "@reboot"}, []string{"spec.schedule"}},
		{"a time zone", spec{Schedule: "TZ=UTC 0 0 * * *"}, []string{"spec.schedule", "time zone"}},
		{"a time zone of cron", spec{Schedule: "CRON_TZ=UTC 0 0 * * *"}, []string{"spec.schedule", "time zone"}},
		{"a time zone that makes the parser panic", spec{Schedule: "TZ=0"}, []string{"spec.schedule"}},
		{"only blanks", spec{Schedule: "   "}, []string{"spec.schedule"}},
		{"zero everywhere", spec{
			KeepTagRevisions: ptr.To(0), SuccessfulJobsHistoryLimit: ptr.To[int32](0), FailedJobsHistoryLimit: ptr.To[int32](0),
			KeepYoungerThan: ptr.To(time.Duration(0)), KeepYoungerThanDuration: &metav1.Duration{},
		}, nil},
		{"negative revisions", spec{KeepTagRevisions: ptr.To(-1)}, []string{"spec.keepTagRevisions: -1 is negative; write 0 or more, or nothing for 3"}},
		{"a negative age", spec{KeepYoungerThanDuration: &metav1.Duration{Duration: -time.Hour}}, []string{"spec.keepYoungerThanDuration: -1h0m0s is negative"}},
		{"a negative deprecated age", spec{KeepYoungerThan: ptr.To(time.Duration(-5))}, []string{"spec.keepYoungerThan: -5 is negative"}},
		{"negative successes", spec{SuccessfulJobsHistoryLimit: ptr.To[int32](-2)}, []string{"spec.successfulJobsHistoryLimit: -2 is negative"}},
		{"negative failures", spec{FailedJobsHistoryLimit: ptr.To[int32](-3)}, []string{"spec.failedJobsHistoryLimit: -3 is negative"}},
		{"all at once", spec{Schedule: "x", KeepTagRevisions: ptr.To(-1), FailedJobsHistoryLimit: ptr.To[int32](-1)}, []string{"spec.schedule", "spec.keepTagRevisions", "spec.failedJobsHistoryLimit"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Validate(&imageregistryv1.ImagePruner{Spec: tc.spec}, nil)
			if len(tc.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !conditions.IsPermanent(err) || reasonOf(err) != names.ReasonVerificationFailed {
				t.Fatalf("not permanent: %v", err)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
					t.Errorf("want %q in one line, have %q", part, err)
				}
			}
		})
	}
}

// TestATimeZoneThatWasThereBefore: the API server refuses a time zone in a schedule, but not where one has been.
func TestATimeZoneThatWasThereBefore(t *testing.T) {
	for _, tc := range []struct {
		name, live, wanted string
		valid              bool
	}{
		{"the same", "CRON_TZ=Europe/Berlin 0 0 * * *", "CRON_TZ=Europe/Berlin 0 0 * * *", true},
		{"another time", "CRON_TZ=Europe/Berlin 0 0 * * *", "TZ=Asia/Tokyo 0 3 * * *", true},
		{"a zone that there is not", "CRON_TZ=Europe/Berlin 0 0 * * *", "CRON_TZ=Nowhere/Atall 0 0 * * *", false},
		{"one that makes the parser panic", "CRON_TZ=Europe/Berlin 0 0 * * *", "TZ=0", false},
		{"a new one", "0 0 * * *", "CRON_TZ=Europe/Berlin 0 0 * * *", false},
		{"none any more", "CRON_TZ=Europe/Berlin 0 0 * * *", "0 0 * * *", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live := &batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: tc.live}}
			err := Validate(&imageregistryv1.ImagePruner{Spec: spec{Schedule: tc.wanted}}, live)
			if (err == nil) != tc.valid || err != nil && !strings.Contains(err.Error(), "spec.schedule") {
				t.Errorf("got %v, want it valid: %t", err, tc.valid)
			}
		})
	}
}

func TestWhatCannotBeDecodedIsNamed(t *testing.T) {
	pruner, err := lenient.Decode[imageregistryv1.ImagePruner](&unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "cluster"},
		"spec":     map[string]any{"keepYoungerThanDuration": "1d", "resources": map[string]any{"requests": map[string]any{"cpu": "1e1.5"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	if err := Validate(pruner, nil); err != nil {
		text = err.Error()
	}
	for _, part := range []string{"spec.keepYoungerThanDuration: ", `unknown unit "d"`, `such as "24h"`, "spec.resources.requests.cpu: ", `such as "100m"`} {
		if !strings.Contains(text, part) {
			t.Errorf("want %q in %q", part, text)
		}
	}
}

func TestARefusalNamesTheFieldsOfImagePruner(t *testing.T) {
	path := field.NewPath("spec", "jobTemplate", "spec", "template", "spec")
	err := classify(apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "CronJob"}, "image-pruner", field.ErrorList{
		field.Invalid(path.Child("tolerations").Index(0).Child("operator"), "Maybe", "not a toleration operator"),
		field.Invalid(path.Child("containers").Index(0).Child("resources", "requests"), "2", "must be less than or equal to cpu limit"),
	}))
	if !conditions.IsPermanent(err) {
		t.Fatalf("not permanent: %v", err)
	}
	for _, part := range []string{"spec.tolerations[0].operator", "spec.resources.requests", "not a toleration operator"} {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "jobTemplate") {
			t.Errorf("want %q in %q", part, err)
		}
	}
	if err := classify(errors.New("etcd is away")); conditions.IsPermanent(err) {
		t.Error("any error is permanent")
	}
}

func TestOverdueAt(t *testing.T) {
	since := time.Date(2026, 3, 1, 0, 5, 0, 0, time.UTC) // a Sunday
	for _, tc := range []struct {
		name, schedule string
		want           time.Duration
	}{
		{"daily", "0 0 * * *", 72 * time.Hour},
		{"hourly", "@hourly", 72 * time.Hour},
		{"in a time zone: a day after the next run is due, at 23:00 UTC on Saturday", "CRON_TZ=Europe/Berlin 0 0 * * 0", (6*24+23+24)*time.Hour - 5*time.Minute},
		{"weekly: a day after the next run is due", "0 0 * * 0", (7*24+24)*time.Hour - 5*time.Minute},
		{"every four days", "@every 96h", 120 * time.Hour},
		{"never", "0 0 31 2 *", 0},
		{"not a schedule", "nonsense", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := overdueAt(tc.schedule, since)
			if tc.want == 0 {
				if !got.IsZero() {
					t.Errorf("overdue at %s", got)
				}
				return
			}
			if got.Sub(since) != tc.want {
				t.Errorf("overdue after %s, want %s", got.Sub(since), tc.want)
			}
		})
	}
}
