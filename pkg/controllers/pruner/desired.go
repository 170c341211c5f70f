package pruner

import (
	"fmt"
	"maps"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Inputs are what the CronJob is made from.
type Inputs struct {
	Spec imageregistryv1.ImagePrunerSpec
	// Image of the pruner.
	Image string
	// RegistryHost is where the registry is to be reached, with its port; empty when only metadata is to be pruned.
	RegistryHost string
}

// CronJob renders the pruner. The spec must be valid.
func CronJob(in Inputs) *batchv1.CronJob {
	job := load[batchv1.CronJob]("cronjob")
	setSchedule(&job.Spec, &in.Spec)
	pod := &job.Spec.JobTemplate.Spec.Template.Spec
	setPlacement(pod, &in.Spec)
	container := &pod.Containers[0]
	container.Image = in.Image
	container.Args = append(container.Args, arguments(in)...)
	if in.Spec.Resources != nil {
		// As a whole: no request is left of the default.
		container.Resources = *in.Spec.Resources.DeepCopy()
	}
	return job
}

func setSchedule(job *batchv1.CronJobSpec, spec *imageregistryv1.ImagePrunerSpec) {
	job.Schedule = defaultSchedule
	if spec.Schedule != "" {
		job.Schedule = spec.Schedule
	}
	job.Suspend = ptr.To(ptr.Deref(spec.Suspend, false))
	job.SuccessfulJobsHistoryLimit = ptr.To(ptr.Deref(spec.SuccessfulJobsHistoryLimit, defaultHistoryLimit))
	job.FailedJobsHistoryLimit = ptr.To(ptr.Deref(spec.FailedJobsHistoryLimit, defaultHistoryLimit))
}

func setPlacement(pod *corev1.PodSpec, spec *imageregistryv1.ImagePrunerSpec) {
	pod.NodeSelector = map[string]string{names.OSLabel: "linux"}
	maps.Copy(pod.NodeSelector, spec.NodeSelector)
	pod.Affinity = &corev1.Affinity{}
	if spec.Affinity != nil {
		pod.Affinity = spec.Affinity.DeepCopy()
	}
	for i := range spec.Tolerations {
		pod.Tolerations = append(pod.Tolerations, *spec.Tolerations[i].DeepCopy())
	}
}

// arguments follow those that are the same in every cluster.
func arguments(in Inputs) []string {
	spec := &in.Spec
	args := []string{
		fmt.Sprintf("--keep-tag-revisions=%d", ptr.Deref(spec.KeepTagRevisions, defaultKeepTagRevisions)),
		"--keep-younger-than=" + keepYoungerThan(spec),
		fmt.Sprintf("--ignore-invalid-refs=%t", spec.IgnoreInvalidImageReferences),
		fmt.Sprintf("--loglevel=%d", logLevel(spec.LogLevel)),
		fmt.Sprintf(pruneRegistry+"%t", in.RegistryHost != ""),
	}
	if in.RegistryHost != "" {
		args = append(args, registryURLFlag+"https://"+in.RegistryHost)
	}
	return args
}

func keepYoungerThan(spec *imageregistryv1.ImagePrunerSpec) string {
	switch {
	case spec.KeepYoungerThanDuration != nil:
		return spec.KeepYoungerThanDuration.Duration.String()
	case spec.KeepYoungerThan != nil:
		return spec.KeepYoungerThan.String()
	default:
		return defaultKeepYoungerThan
	}
}

// logLevel is 1 for the normal level: from 2 on the command prints stacks after an error, and the end of its output is
// what the Job's pod reports.
func logLevel(level operatorv1.LogLevel) int {
	switch level {
	case operatorv1.Debug:
		return 4
	case operatorv1.Trace:
		return 6
	case operatorv1.TraceAll:
		return 8
	default:
		return 1
	}
}

// annotate adds the records that outlive Jobs and restarts.
func annotate(desired, live *batchv1.CronJob, past history, now time.Time) {
	desired.Annotations = map[string]string{names.PrunerScheduledSinceAnnotation: scheduledSince(desired, live, now)}
	if text := past.record(); text != "" {
		desired.Annotations[names.PrunerFailedRunsAnnotation] = text
	}
}

// scheduledSince is when the CronJob began to run as it is desired to.
func scheduledSince(desired, live *batchv1.CronJob, now time.Time) string {
	switch {
	case live == nil, live.Spec.Schedule != desired.Spec.Schedule, ptr.Deref(live.Spec.Suspend, false) && !*desired.Spec.Suspend:
		return now.UTC().Format(time.RFC3339)
	case live.Annotations[names.PrunerScheduledSinceAnnotation] == "":
		// Made by an earlier release.
		return live.CreationTimestamp.UTC().Format(time.RFC3339)
	default:
		return live.Annotations[names.PrunerScheduledSinceAnnotation]
	}
}

func load[T any, P bindata.Object[T]](name string) *T {
	return bindata.MustDecode[T, P]("pruner/" + name + ".yaml")
}
