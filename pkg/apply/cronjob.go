package apply

import (
	batchv1 "k8s.io/api/batch/v1"
)

// CronJob is the kind of the image pruner.
var CronJob = Kind[*batchv1.CronJob]{
	Name:  "CronJob",
	Merge: MergeCronJob,
	Stamp: func(desired *batchv1.CronJob) error {
		SetCronJobDefaults(&desired.Spec)
		return nil
	},
	Events: true,
}

// MergeCronJob owns the whole spec.
func MergeCronJob(live, desired *batchv1.CronJob) (*batchv1.CronJob, bool) {
	merged, required := live.DeepCopy(), desired.DeepCopy()
	changed := mergeMetadata(merged, required)
	SetCronJobDefaults(&required.Spec)
	changed = set(&merged.Spec, required.Spec) || changed
	return merged, changed
}

// SetCronJobDefaults fills in what the API server fills in. It knows the fields that the pruner's CronJob can have.
func SetCronJobDefaults(spec *batchv1.CronJobSpec) {
	fillString(&spec.ConcurrencyPolicy, batchv1.AllowConcurrent)
	fill(&spec.Suspend, false)
	fill(&spec.SuccessfulJobsHistoryLimit, 3)
	fill(&spec.FailedJobsHistoryLimit, 1)
	setPodDefaults(&spec.JobTemplate.Spec.Template.Spec)
}
