package pruner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

type spec = imageregistryv1.ImagePrunerSpec

func render(s spec, host string) *batchv1.CronJob {
	return CronJob(Inputs{Spec: s, Image: "example.test/cli:1", RegistryHost: host})
}

func containerOf(job *batchv1.CronJob) *corev1.Container {
	return &job.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
}

// words are the arguments behind the script and the name it goes by.
func words(job *batchv1.CronJob) []string { return containerOf(job).Args[3:] }

func TestArgumentsInOrder(t *testing.T) {
	want := []string{
		"oc", "adm", "prune", "images", "--confirm=true",
		"--certificate-authority=/var/run/configmaps/serviceca/service-ca.crt",
		"--keep-tag-revisions=3", "--keep-younger-than=60m", "--ignore-invalid-refs=false", "--loglevel=1",
		"--prune-registry=true", "--registry-url=https://image-registry.openshift-image-registry.svc:5000",
	}
	job := render(spec{}, "image-registry.openshift-image-registry.svc:5000")
	if diff := cmp.Diff(want, words(job)); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	args := containerOf(job).Args
	if args[0] != "-c" || !strings.Contains(args[1], "sleep") || args[2] != "arg0" {
		t.Errorf("the script is not where the shell looks for it: %q", args[:3])
	}
	if diff := cmp.Diff([]string{"/bin/sh"}, containerOf(job).Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
}

func TestArguments(t *testing.T) {
	hour, moment := &metav1.Duration{Duration: time.Hour}, 10*time.Second
	for _, tc := range []struct {
		name string
		spec spec
		host string
		want string
	}{
		{"no number of revisions is three", spec{}, "", "--keep-tag-revisions=3"},
		{"no revision at all", spec{KeepTagRevisions: ptr.To(0)}, "", "--keep-tag-revisions=0"},
		{"seven revisions", spec{KeepTagRevisions: ptr.To(7)}, "", "--keep-tag-revisions=7"},
		{"no age is an hour", spec{}, "", "--keep-younger-than=60m"},
		{"the deprecated age", spec{KeepYoungerThan: &moment}, "", "--keep-younger-than=10s"},
		{"the age", spec{KeepYoungerThanDuration: hour}, "", "--keep-younger-than=1h0m0s"},
		{"the age wins over the deprecated one", spec{KeepYoungerThanDuration: hour, KeepYoungerThan: &moment}, "", "--keep-younger-than=1h0m0s"},
		{"an age of nothing", spec{KeepYoungerThanDuration: &metav1.Duration{}}, "", "--keep-younger-than=0s"},
		{"invalid references count", spec{}, "", "--ignore-invalid-refs=false"},
		{"invalid references do not count", spec{IgnoreInvalidImageReferences: true}, "", "--ignore-invalid-refs=true"},
		{"no log level", spec{}, "", "--loglevel=1"},
		{"normal log level", spec{LogLevel: operatorv1.Normal}, "", "--loglevel=1"},
		{"debug log level", spec{LogLevel: operatorv1.Debug}, "", "--loglevel=4"},
		{"trace log level", spec{LogLevel: operatorv1.Trace}, "", "--loglevel=6"},
		{"all of the log", spec{LogLevel: operatorv1.TraceAll}, "", "--loglevel=8"},
		{"an unknown log level", spec{LogLevel: "Loud"}, "", "--loglevel=1"},
		{"no host of the registry", spec{}, "", "--prune-registry=false"},
		{"a host of the registry", spec{}, "registry.test:5000", "--prune-registry=true"},
		{"the address of the registry", spec{}, "registry.test:5000", "--registry-url=https://registry.test:5000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := words(render(tc.spec, tc.host))
			flag, _, _ := strings.Cut(tc.want, "=")
			same := slices.DeleteFunc(slices.Clone(got), func(word string) bool { return !strings.HasPrefix(word, flag+"=") })
			if diff := cmp.Diff([]string{tc.want}, same); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := words(render(spec{}, "")); slices.ContainsFunc(got, func(word string) bool { return strings.HasPrefix(word, "--registry-url") }) {
		t.Errorf("without a host there is nothing to call: %v", got)
	}
}

func TestCronJobOfAnEmptySpec(t *testing.T) {
	job := render(spec{}, "")
	type shape struct {
		Schedule, Concurrency, Restart, Account, Priority, Image, TerminationMessage string
		Suspend                                                                      bool
		Deadline, Active                                                             int64
		Succeeded, Failed, Backoff                                                   int32
		TimeZone                                                                     *string
		JobLabels, PodLabels, PodAnnotations, NodeSelector                           map[string]string
		Affinity                                                                     *corev1.Affinity
		Tolerations                                                                  []corev1.Toleration
		CPU, Memory                                                                  string
	}
	pod := job.Spec.JobTemplate.Spec.Template
	requests := containerOf(job).Resources.Requests
	got := shape{
		job.Spec.Schedule, string(job.Spec.ConcurrencyPolicy), string(pod.Spec.RestartPolicy), pod.Spec.ServiceAccountName, pod.Spec.PriorityClassName,
		containerOf(job).Image, string(containerOf(job).TerminationMessagePolicy),
		*job.Spec.Suspend, *job.Spec.StartingDeadlineSeconds, *job.Spec.JobTemplate.Spec.ActiveDeadlineSeconds,
		*job.Spec.SuccessfulJobsHistoryLimit, *job.Spec.FailedJobsHistoryLimit, *job.Spec.JobTemplate.Spec.BackoffLimit, job.Spec.TimeZone,
		job.Spec.JobTemplate.Labels, pod.Labels, pod.Annotations, pod.Spec.NodeSelector, pod.Spec.Affinity, pod.Spec.Tolerations,
		requests.Cpu().String(), requests.Memory().String(),
	}
	want := shape{
		"0 0 * * *", "Forbid", "Never", "pruner", "system-cluster-critical", "example.test/cli:1", "FallbackToLogsOnError",
		false, 3600, 82800, 3, 3, 0, nil,
		map[string]string{"created-by": "image-pruner"},
		map[string]string{"app": "image-pruner"},
		map[string]string{"openshift.io/required-scc": "restricted-v2"},
		map[string]string{"kubernetes.io/os": "linux"},
		&corev1.Affinity{}, nil, "100m", "256Mi",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if job.Spec.JobTemplate.Spec.TTLSecondsAfterFinished != nil {
		t.Error("Jobs would go before their results have been counted")
	}
}

func TestCronJobIsHardened(t *testing.T) {
	job := render(spec{}, "")
	want := &corev1.SecurityContext{
		ReadOnlyRootFilesystem: ptr.To(true), RunAsNonRoot: ptr.To(true), AllowPrivilegeEscalation: ptr.To(false),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(want, containerOf(job).SecurityContext); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, mount := range containerOf(job).VolumeMounts {
		if mount.ReadOnly == (mount.MountPath == "/tmp") {
			t.Errorf("mount %+v: only the temporary directory is to be writable", mount)
		}
	}
}

func TestCronJobFollowsTheSpec(t *testing.T) {
	affinity := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
	tolerations := []corev1.Toleration{{Key: "infra", Operator: corev1.TolerationOpExists}}
	resources := corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}
	in := spec{
		Schedule: "@hourly", Suspend: ptr.To(true), SuccessfulJobsHistoryLimit: ptr.To[int32](0), FailedJobsHistoryLimit: ptr.To[int32](9),
		Affinity: affinity, Tolerations: tolerations, Resources: &resources, NodeSelector: map[string]string{"zone": "a"},
	}
	job := render(in, "")
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	for _, check := range []struct {
		field     string
		want, got any
	}{
		{"schedule", "@hourly", job.Spec.Schedule},
		{"suspend", ptr.To(true), job.Spec.Suspend},
		{"successful Jobs", ptr.To[int32](0), job.Spec.SuccessfulJobsHistoryLimit},
		{"failed Jobs", ptr.To[int32](9), job.Spec.FailedJobsHistoryLimit},
		{"affinity", affinity, pod.Affinity},
		{"tolerations", tolerations, pod.Tolerations},
		{"resources, whole", resources, pod.Containers[0].Resources},
		{"node selector", map[string]string{"zone": "a", "kubernetes.io/os": "linux"}, pod.NodeSelector},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.field, diff)
		}
	}
	pod.Affinity.NodeAffinity, pod.Tolerations[0].Key = nil, "changed"
	if in.Affinity.NodeAffinity == nil || in.Tolerations[0].Key != "infra" {
		t.Error("the CronJob shares memory with the cached ImagePruner")
	}
}

func TestDefaultImagePruner(t *testing.T) {
	want := spec{
		Suspend: ptr.To(false), KeepTagRevisions: ptr.To(3), SuccessfulJobsHistoryLimit: ptr.To[int32](3), FailedJobsHistoryLimit: ptr.To[int32](3),
		IgnoreInvalidImageReferences: true, LogLevel: operatorv1.Normal,
	}
	got := DefaultImagePruner()
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Name != "cluster" {
		t.Errorf("name %q", got.Name)
	}
	if err := Validate(got, nil); err != nil {
		t.Error(err)
	}
}

func TestScheduledSince(t *testing.T) {
	recorded := hoursAgo(5).Format(time.RFC3339)
	live := func(edits ...func(*batchv1.CronJob)) *batchv1.CronJob {
		job := render(spec{}, "")
		job.CreationTimestamp = metav1.NewTime(hoursAgo(50))
		job.Annotations = map[string]string{names.PrunerScheduledSinceAnnotation: recorded}
		for _, edit := range edits {
			edit(job)
		}
		return job
	}
	suspend := func(job *batchv1.CronJob) { job.Spec.Suspend = ptr.To(true) }
	for _, tc := range []struct {
		name string
		live *batchv1.CronJob
		spec spec
		want string
	}{
		{"no CronJob yet", nil, spec{}, testNow.Format(time.RFC3339)},
		{"nothing new", live(), spec{}, recorded},
		{"another schedule", live(), spec{Schedule: "@hourly"}, testNow.Format(time.RFC3339)},
		{"resumed", live(suspend), spec{}, testNow.Format(time.RFC3339)},
		{"still suspended", live(suspend), spec{Suspend: ptr.To(true)}, recorded},
		{"suspended now", live(), spec{Suspend: ptr.To(true)}, recorded},
		{"made by an earlier release", live(func(job *batchv1.CronJob) { job.Annotations = nil }), spec{}, hoursAgo(50).Format(time.RFC3339)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			desired := render(tc.spec, "")
			annotate(desired, tc.live, history{}, testNow)
			if got := desired.Annotations[names.PrunerScheduledSinceAnnotation]; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
