package pruner

import (
	"slices"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// sightings are failed runs as the watch has shown them, until the CronJob has a record of them. Where no failed Job is
// kept, one is deleted as soon as it has failed, mostly before the next sync can look. A run that fails while no operator
// watches is not seen.
type sightings struct {
	mu   sync.Mutex
	runs []run
}

// note sees every event of a Job, and returns the keys to sync for it.
func (s *sightings) note(object runtime.Object) []string {
	if job, is := object.(*batchv1.Job); is {
		for _, r := range ended([]*batchv1.Job{job}) {
			if r.failed {
				s.add(r)
			}
		}
	}
	return []string{factory.DefaultQueueKey}
}

// add keeps no more of the latest than are counted.
func (s *sightings) add(r run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = slices.DeleteFunc(s.runs, r.sameAs)
	s.runs = append(s.runs, r)
	inOrder(s.runs)
	s.runs = s.runs[max(0, len(s.runs)-streakLimit):]
}

// unrecorded forgets what the CronJob has a record of, and all of it where failed Jobs are kept, and returns the rest.
func (s *sightings) unrecorded(live *batchv1.CronJob) []run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !vanish(live) {
		s.runs = nil
	}
	recorded := remembered(live)
	s.runs = slices.DeleteFunc(s.runs, func(r run) bool { return slices.ContainsFunc(recorded, r.sameAs) })
	return slices.Clone(s.runs)
}

// vanish tells that failed Jobs are not kept: that one is missing says nothing about what an administrator has done.
func vanish(live *batchv1.CronJob) bool {
	return live != nil && ptr.Deref(live.Spec.FailedJobsHistoryLimit, 1) == 0
}

// notKept gives failed runs the reason and message of runs whose Jobs are not kept: the same for one whose Job is about to
// be deleted and one that only the record knows.
func notKept(runs []run) {
	for i := range runs {
		if runs[i].failed {
			runs[i].reason = names.ReasonJobFailed
			runs[i].message = "its Job is not kept, because spec.failedJobsHistoryLimit is 0; raise it to see why runs fail"
		}
	}
}
