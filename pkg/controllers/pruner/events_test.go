package pruner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/utils/ptr"

	operatorv1 "github.com/openshift/api/operator/v1"
)

// What an administrator would want to know of the pruner is one event, each time.
func TestSuspensionAndAnInvalidSpecAreEvents(t *testing.T) {
	h := settled(t)
	for _, step := range []struct {
		name   string
		change func(*spec)
		want   []string
	}{
		{"nothing", func(*spec) {}, nil},
		{"it is suspended", func(s *spec) { s.Suspend = ptr.To(true) }, []string{"Normal Scheduled changed from True to False (Suspended): the pruner is suspended"}},
		{"it runs again", func(s *spec) { s.Suspend = nil }, []string{"Normal Scheduled changed from False to True (Scheduled): the pruner runs on its schedule"}},
		{"it is asked for what cannot be", func(s *spec) { s.KeepTagRevisions = ptr.To(-1) }, []string{
			"Warning Degraded changed from False to True (VerificationFailed): spec.keepTagRevisions: -1 is negative; write 0 or more, or nothing for 3; " +
				"ResourcesApplied changed from True to False (VerificationFailed): spec.keepTagRevisions: -1 is negative; write 0 or more, or nothing for 3",
		}},
		{"no longer", func(s *spec) { s.KeepTagRevisions = nil }, []string{
			"Normal Degraded changed from True to False (AsExpected); ResourcesApplied changed from False to True (AsExpected)",
		}},
	} {
		since := len(h.recorder.Events())
		h.edit(step.change)
		h.mustRun()
		h.mustRun()
		var got []string
		for _, event := range h.recorder.Events()[since:] {
			if _, text, found := strings.Cut(event.Message, ": "); found && event.Reason == "ImagePrunerStatusChanged" {
				got = append(got, event.Type+" "+text)
			}
		}
		if diff := cmp.Diff(step.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestTransitionsOfFailedRuns(t *testing.T) {
	failed := func(status operatorv1.ConditionStatus, reason, message string) []operatorv1.OperatorCondition {
		return []operatorv1.OperatorCondition{condition("Failed", status == operatorv1.ConditionTrue, reason, message)}
	}
	const yes, no = operatorv1.ConditionTrue, operatorv1.ConditionFalse
	for name, test := range map[string]struct {
		before, after []operatorv1.OperatorCondition
		want          []string
	}{
		"a run failed":             {failed(no, "Complete", "fine"), failed(yes, "BackoffLimitExceeded", "exit 1"), []string{"Failed changed from False to True (BackoffLimitExceeded): exit 1"}},
		"another failed the same":  {failed(yes, "BackoffLimitExceeded", "exit 1"), failed(yes, "BackoffLimitExceeded", "exit 1"), nil},
		"another failed otherwise": {failed(yes, "BackoffLimitExceeded", "exit 1"), failed(yes, "DeadlineExceeded", "too late"), []string{"Failed changed from True to True (DeadlineExceeded): too late"}},
		"one succeeded":            {failed(yes, "BackoffLimitExceeded", "exit 1"), failed(no, "Complete", "fine"), []string{"Failed changed from True to False (Complete): fine"}},
		"two succeeded":            {failed(no, "Complete", "none yet"), failed(no, "Complete", "fine"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, transitions(test.before, test.after), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
