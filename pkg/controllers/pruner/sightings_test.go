package pruner

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
)

// vanished shows the controller what the watch does when a Job that is not kept has failed: that it has, and that it is
// gone. The caches never have it at the time of a sync.
func (h *harness) vanished(job *batchv1.Job) {
	for _, key := range append(h.sighted.note(jobAt(0, "other", failed, func(j *batchv1.Job) { j.OwnerReferences = nil })), h.sighted.note(job)...) {
		if key == "" {
			h.t.Error("no sync follows")
		}
	}
}

func TestARunThatVanishesIsCounted(t *testing.T) {
	h := settled(t)
	h.edit(func(s *spec) { s.FailedJobsHistoryLimit = ptr.To[int32](0) })
	h.mustRun()
	for i, name := range []string{"a", "b", "c", "d"} {
		h.vanished(jobAt(float64(9-i), name, failed))
		h.mustRun()
		if i%2 == 1 {
			h.sighted.runs = nil // the operator restarts
		}
		if writes := h.mustRun(); writes != "" {
			t.Errorf("after %s it is not at rest: %s", name, writes)
		}
		status := h.pruner().Status.Conditions
		if c := conditions.Find(status, "Failed"); c.Status != "True" || c.Reason != "JobFailed" || !strings.Contains(c.Message, "failedJobsHistoryLimit") {
			t.Errorf("after %s: %+v", name, c)
		}
		if c := conditions.Find(status, "Degraded"); (c.Status == "True") != (i >= 2) || h.metrics.failedRuns != min(i+1, streakLimit) {
			t.Errorf("after %s: %+v, %d failed runs", name, c, h.metrics.failedRuns)
		}
	}
	h.add(jobAt(1, "e", succeeded))
	h.mustRun()
	if c := conditions.Find(h.pruner().Status.Conditions, "Failed"); c.Status != "False" || h.metrics.failedRuns != 0 {
		t.Errorf("after a success: %+v, %d failed runs", c, h.metrics.failedRuns)
	}
}

// Where failed Jobs are kept, whoever deletes one says that it has been dealt with.
func TestADeletedRunIsForgottenWhereRunsAreKept(t *testing.T) {
	h := settled(t)
	h.vanished(jobAt(1, "a", failed))
	h.mustRun()
	if c := conditions.Find(h.pruner().Status.Conditions, "Failed"); c.Status != "False" || h.metrics.failedRuns != 0 || len(h.sighted.runs) != 0 {
		t.Errorf("%+v, %d failed runs, sighted %v", c, h.metrics.failedRuns, h.sighted.runs)
	}
}

func TestSightingsAreBounded(t *testing.T) {
	var s sightings
	for i, name := range []string{"d", "a", "c", "b", "e"} {
		for range 2 {
			s.note(jobAt(float64(9-i), name, failed))
		}
		s.note(jobAt(float64(9-i), "ok-"+name, succeeded))
	}
	live := cronJobWith(remember(5, "e"), nil)
	live.Spec.FailedJobsHistoryLimit = ptr.To[int32](0)
	var left []string
	for _, r := range s.unrecorded(live) {
		left = append(left, r.name)
	}
	if strings.Join(left, " ") != "c b" {
		t.Errorf("left are %v, want the latest that are not recorded", left)
	}
}
