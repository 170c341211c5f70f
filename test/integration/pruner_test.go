package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const registryURL = "--registry-url=https://image-registry.openshift-image-registry.svc:5000"

var (
	pruneJob     = managedObject{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, names.OperatorNamespace, names.Pruner}
	pruneRole    = managedObject{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, "", names.PrunerClusterRole}
	pruneBinding = managedObject{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, "", names.PrunerClusterRoleBinding}
	pruneAccount = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, names.OperatorNamespace, names.PrunerServiceAccount}
	prunePolicy  = managedObject{schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}, names.OperatorNamespace, names.PrunerNetworkPolicy}
)

// freshPruner deletes the ImagePruner and waits for the default one and its conditions.
func freshPruner(t *testing.T) *imageregistryv1.ImagePruner {
	t.Helper()
	operator.PrintOnFailure(t)
	pruners := cluster.Registry.ImageregistryV1().ImagePruners()
	var old types.UID
	if pruner, err := rawPruner.client().Get(t.Context(), names.Cluster, metav1.GetOptions{}); err == nil {
		old = pruner.GetUID()
		if err := pruners.Delete(t.Context(), names.Cluster, metav1.DeleteOptions{}); err != nil {
			t.Fatalf("deleting imagepruner: %v", err)
		}
	}
	return untilPruner(t, func(pruner *imageregistryv1.ImagePruner) error {
		if pruner.UID == old {
			return errors.New("the old imagepruner is still there")
		}
		return nil
	}, library.Want{Type: "Available", Status: "True", Reason: "AsExpected"}, library.Want{Type: "Degraded", Status: "False", Reason: "AsExpected"})
}

// untilPruner waits until the conditions of the present generation are as wanted.
func untilPruner(t *testing.T, is func(*imageregistryv1.ImagePruner) error, wants ...library.Want) *imageregistryv1.ImagePruner {
	t.Helper()
	var pruner *imageregistryv1.ImagePruner
	cluster.Until(t, settle, fmt.Sprint("an imagepruner with ", wants), func(ctx context.Context) (err error) {
		pruner, err = cluster.Registry.ImageregistryV1().ImagePruners().Get(ctx, names.Cluster, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if pruner.Status.ObservedGeneration != pruner.Generation {
			return fmt.Errorf("observed generation %d of %d", pruner.Status.ObservedGeneration, pruner.Generation)
		}
		if is != nil {
			if err := is(pruner); err != nil {
				return err
			}
		}
		return library.Matches(pruner.Status.Conditions, wants...)
	})
	return pruner
}

// rawPruner is for reading and writing what typed clients cannot.
var rawPruner = managedObject{imageregistryv1.GroupVersion.WithResource("imagepruners"), "", names.Cluster}

// editPruner merges a patch into the spec, as an administrator.
func editPruner(t *testing.T, spec string) {
	t.Helper()
	_, err := rawPruner.client().Patch(t.Context(), names.Cluster, types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatalf("patching imagepruner with %s: %v", spec, err)
	}
}

func cronJob(ctx context.Context) (*batchv1.CronJob, error) {
	return cluster.Kube.BatchV1().CronJobs(names.OperatorNamespace).Get(ctx, names.Pruner, metav1.GetOptions{})
}

// pruneField reads one thing of the CronJob, as text.
type pruneField func(*batchv1.CronJob) string

func argument(flag string) pruneField {
	return func(job *batchv1.CronJob) string {
		var found []string
		for _, word := range job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args[3:] {
			if strings.HasPrefix(word, flag+"=") {
				found = append(found, word)
			}
		}
		return strings.Join(found, " ")
	}
}

func podField(read func(*corev1.PodSpec) any) pruneField {
	return func(job *batchv1.CronJob) string {
		encoded, err := json.Marshal(read(&job.Spec.JobTemplate.Spec.Template.Spec))
		if err != nil {
			return err.Error()
		}
		return string(encoded)
	}
}

func untilCronJob(t *testing.T, read pruneField, want string) *batchv1.CronJob {
	t.Helper()
	var job *batchv1.CronJob
	cluster.Until(t, settle, "a cronjob with "+want, func(ctx context.Context) (err error) {
		if job, err = cronJob(ctx); err != nil {
			return err
		}
		if got := read(job); got != want {
			return fmt.Errorf("have %s, want %s", got, want)
		}
		return nil
	})
	return job
}

func TestTheDefaultPruner(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	pruner := freshPruner(t)
	want := imageregistryv1.ImagePrunerSpec{
		Suspend: ptr.To(false), KeepTagRevisions: ptr.To(3), SuccessfulJobsHistoryLimit: ptr.To[int32](3), FailedJobsHistoryLimit: ptr.To[int32](3),
		IgnoreInvalidImageReferences: true, LogLevel: operatorv1.Normal,
	}
	if diff := cmp.Diff(want, pruner.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if err := library.Matches(pruner.Status.Conditions, library.Want{Type: "Failed", Status: "False", Reason: "Complete"}, library.Want{Type: "Scheduled", Status: "True", Reason: "Scheduled"}); err != nil {
		t.Error(err)
	}
	job := untilCronJob(t, argument("--registry-url"), registryURL)
	words := []string{
		"oc", "adm", "prune", "images", "--confirm=true", "--certificate-authority=/var/run/configmaps/serviceca/service-ca.crt",
		"--keep-tag-revisions=3", "--keep-younger-than=60m", "--ignore-invalid-refs=true", "--loglevel=1", "--prune-registry=true", registryURL,
	}
	if diff := cmp.Diff(words, job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args[3:]); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	for _, object := range []managedObject{pruneRole, pruneBinding, pruneAccount, prunePolicy} {
		if _, err := object.client().Get(t.Context(), object.name, metav1.GetOptions{}); err != nil {
			t.Errorf("%s: %v", object, err)
		}
	}
	generation := job.Generation
	cluster.Always(t, 2*time.Second, "rest of the CronJob", func(ctx context.Context) error {
		now, err := cronJob(ctx)
		if err == nil && now.Generation != generation {
			err = fmt.Errorf("generation %d became %d", generation, now.Generation)
		}
		return err
	})
}

// TestImagePrunerFieldsReachTheCronJob sets each field and takes it back.
func TestImagePrunerFieldsReachTheCronJob(t *testing.T) {
	freshPruner(t)
	text := func(read func(*batchv1.CronJob) any) pruneField {
		return func(job *batchv1.CronJob) string { return fmt.Sprint(read(job)) }
	}
	schedule := text(func(j *batchv1.CronJob) any { return j.Spec.Schedule })
	successes := text(func(j *batchv1.CronJob) any { return *j.Spec.SuccessfulJobsHistoryLimit })
	failures := text(func(j *batchv1.CronJob) any { return *j.Spec.FailedJobsHistoryLimit })
	suspend := text(func(j *batchv1.CronJob) any { return *j.Spec.Suspend })
	selector := podField(func(p *corev1.PodSpec) any { return p.NodeSelector })
	affinity := podField(func(p *corev1.PodSpec) any { return p.Affinity })
	tolerations := podField(func(p *corev1.PodSpec) any { return p.Tolerations })
	resources := podField(func(p *corev1.PodSpec) any { return p.Containers[0].Resources })
	for _, tc := range []struct {
		name, edit, want string
		read             pruneField
		undo, unset      string
	}{
		{"a schedule", `{"schedule":"*/7 * * * *"}`, "*/7 * * * *", schedule, `{"schedule":null}`, "0 0 * * *"},
		{"a word for a schedule", `{"schedule":"@weekly"}`, "@weekly", schedule, `{"schedule":""}`, "0 0 * * *"},
		{"an interval", `{"schedule":"@every 5h"}`, "@every 5h", schedule, `{"schedule":null}`, "0 0 * * *"},
		{"suspended", `{"suspend":true}`, "true", suspend, `{"suspend":null}`, "false"},
		{"no revisions", `{"keepTagRevisions":0}`, "--keep-tag-revisions=0", argument("--keep-tag-revisions"), `{"keepTagRevisions":null}`, "--keep-tag-revisions=3"},
		{"nine revisions", `{"keepTagRevisions":9}`, "--keep-tag-revisions=9", argument("--keep-tag-revisions"), `{"keepTagRevisions":3}`, "--keep-tag-revisions=3"},
		{"an age", `{"keepYoungerThanDuration":"90m"}`, "--keep-younger-than=1h30m0s", argument("--keep-younger-than"), `{"keepYoungerThanDuration":null}`, "--keep-younger-than=60m"},
		{"the deprecated age", `{"keepYoungerThan":10000000000}`, "--keep-younger-than=10s", argument("--keep-younger-than"), `{"keepYoungerThan":null}`, "--keep-younger-than=60m"},
		{"both ages", `{"keepYoungerThan":10000000000,"keepYoungerThanDuration":"1h"}`, "--keep-younger-than=1h0m0s", argument("--keep-younger-than"), `{"keepYoungerThan":null,"keepYoungerThanDuration":null}`, "--keep-younger-than=60m"},
		{"no kept successes", `{"successfulJobsHistoryLimit":0}`, "0", successes, `{"successfulJobsHistoryLimit":null}`, "3"},
		{"many kept failures", `{"failedJobsHistoryLimit":8}`, "8", failures, `{"failedJobsHistoryLimit":null}`, "3"},
		{"invalid references count", `{"ignoreInvalidImageReferences":false}`, "--ignore-invalid-refs=false", argument("--ignore-invalid-refs"), `{"ignoreInvalidImageReferences":true}`, "--ignore-invalid-refs=true"},
		{"a log level", `{"logLevel":"Debug"}`, "--loglevel=4", argument("--loglevel"), `{"logLevel":"Normal"}`, "--loglevel=1"},
		{"the loudest log level", `{"logLevel":"TraceAll"}`, "--loglevel=8", argument("--loglevel"), `{"logLevel":null}`, "--loglevel=1"},
		{"a node selector", `{"nodeSelector":{"infra":"yes"}}`, `{"infra":"yes","kubernetes.io/os":"linux"}`, selector, `{"nodeSelector":null}`, `{"kubernetes.io/os":"linux"}`},
		{"a toleration", `{"tolerations":[{"key":"infra","operator":"Exists"}]}`, `[{"key":"infra","operator":"Exists"}]`, tolerations, `{"tolerations":[]}`, "null"},
		{"an affinity", `{"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}}`, `{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}`, affinity, `{"affinity":null}`, `{}`},
		{"resources", `{"resources":{"limits":{"memory":"1Gi"}}}`, `{"limits":{"memory":"1Gi"}}`, resources, `{"resources":null}`, `{"requests":{"cpu":"100m","memory":"256Mi"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			editPruner(t, tc.edit)
			untilCronJob(t, tc.read, tc.want)
			untilPruner(t, nil, library.Want{Type: "Degraded", Status: "False"})
			editPruner(t, tc.undo)
			untilCronJob(t, tc.read, tc.unset)
		})
	}
	editPruner(t, `{"suspend":true}`)
	untilPruner(t, nil, library.Want{Type: "Scheduled", Status: "False", Reason: "Suspended"})
	editPruner(t, `{"suspend":false}`)
	untilPruner(t, nil, library.Want{Type: "Scheduled", Status: "True", Reason: "Scheduled"})
}

// TestBadImagePruner edits the ImagePruner badly: the conditions name the field and the cure, the CronJob stays as it
// was, and taking the edit back heals it.
func TestBadImagePruner(t *testing.T) {
	freshPruner(t)
	for _, tc := range []struct{ name, edit, undo, message string }{
		{"a schedule that is none", `{"schedule":"often"}`, `{"schedule":null}`, `spec.schedule: "often" is not a schedule`},
		{"six fields", `{"schedule":"0 0 0 * * *"}`, `{"schedule":null}`, "spec.schedule"},
		{"a minute that does not exist", `{"schedule":"61 * * * *"}`, `{"schedule":null}`, `such as "0 0 * * *"`},
		{"a time zone", `{"schedule":"TZ=UTC 0 0 * * *"}`, `{"schedule":null}`, "a time zone is not possible here"},
		{"a time zone of cron", `{"schedule":"CRON_TZ=UTC 0 0 * * *"}`, `{"schedule":null}`, "a time zone is not possible here"},
		{"negative revisions", `{"keepTagRevisions":-1}`, `{"keepTagRevisions":null}`, "spec.keepTagRevisions: -1 is negative; write 0 or more"},
		{"a negative age", `{"keepYoungerThanDuration":"-1h"}`, `{"keepYoungerThanDuration":null}`, "spec.keepYoungerThanDuration: -1h0m0s is negative"},
		{"a negative deprecated age", `{"keepYoungerThan":-1}`, `{"keepYoungerThan":null}`, "spec.keepYoungerThan: -1 is negative"},
		{"an age in days, which only the schema knows", `{"keepYoungerThanDuration":"1d"}`, `{"keepYoungerThanDuration":null}`, `spec.keepYoungerThanDuration: time: unknown unit "d"`},
		{"negative successes", `{"successfulJobsHistoryLimit":-1}`, `{"successfulJobsHistoryLimit":null}`, "spec.successfulJobsHistoryLimit: -1 is negative"},
		{"negative failures", `{"failedJobsHistoryLimit":-1}`, `{"failedJobsHistoryLimit":null}`, "spec.failedJobsHistoryLimit: -1 is negative"},
		{"a node selector that the API server refuses", `{"nodeSelector":{"a b":"c"}}`, `{"nodeSelector":null}`, "spec.nodeSelector: "},
		{"a toleration that the API server refuses", `{"tolerations":[{"operator":"Maybe","key":"a"}]}`, `{"tolerations":null}`, "spec.tolerations[0].operator: "},
		{"a request above the limit", `{"resources":{"limits":{"cpu":"1"},"requests":{"cpu":"2"}}}`, `{"resources":null}`, "spec.resources.requests: "},
		{"a quantity that is none", `{"resources":{"requests":{"cpu":"1e1.5"}}}`, `{"resources":null}`, "spec.resources.requests.cpu: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			before, err := cronJob(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			editPruner(t, tc.edit)
			untilRaw(t, library.Want{Type: "Degraded", Status: "True", Reason: names.ReasonVerificationFailed, Message: tc.message},
				library.Want{Type: "Available", Status: "True"}, library.Want{Type: "Scheduled", Status: "True"}, library.Want{Type: "Failed", Status: "False"})
			after, err := cronJob(t.Context())
			if err != nil || after.Generation != before.Generation || after.UID != before.UID {
				t.Errorf("the CronJob was touched: generation %d, then %d (%v)", before.Generation, after.Generation, err)
			}
			untilClusterOperator(t, configv1.OperatorDegraded, configv1.ConditionTrue, "ImagePrunerVerificationFailed")
			editPruner(t, tc.undo)
			untilPruner(t, nil, library.Want{Type: "Degraded", Status: "False", Reason: "AsExpected"})
		})
	}
	untilClusterOperator(t, configv1.OperatorDegraded, configv1.ConditionFalse, "")
}

// untilRaw is untilPruner for an object that typed clients cannot read.
func untilRaw(t *testing.T, wants ...library.Want) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprint("an imagepruner with ", wants), func(ctx context.Context) error {
		live, err := rawPruner.client().Get(ctx, names.Cluster, metav1.GetOptions{})
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(live.Object["status"])
		if err != nil {
			return err
		}
		var status imageregistryv1.ImagePrunerStatus
		if err := json.Unmarshal(encoded, &status); err != nil {
			return err
		}
		if status.ObservedGeneration != live.GetGeneration() {
			return fmt.Errorf("observed generation %d of %d", status.ObservedGeneration, live.GetGeneration())
		}
		return library.Matches(status.Conditions, wants...)
	})
}

func untilClusterOperator(t *testing.T, conditionType configv1.ClusterStatusConditionType, status configv1.ConditionStatus, reason string) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("a ClusterOperator with %s=%s %s", conditionType, status, reason), func(ctx context.Context) error {
		co, err := cluster.Config.ConfigV1().ClusterOperators().Get(ctx, names.ClusterOperator, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range co.Status.Conditions {
			if condition.Type == conditionType && condition.Status == status && strings.Contains(condition.Reason, reason) {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", co.Status.Conditions)
	})
}

func TestPrunerDriftIsReverted(t *testing.T) {
	freshPruner(t)
	for _, tc := range []struct {
		name   string
		object managedObject
		edit   string
		field  []string
	}{
		{"another schedule", pruneJob, `{"spec":{"schedule":"1 1 1 1 1"}}`, []string{"spec", "schedule"}},
		{"suspended by hand", pruneJob, `{"spec":{"suspend":true}}`, []string{"spec", "suspend"}},
		{"a time zone", pruneJob, `{"spec":{"timeZone":"Europe/Berlin"}}`, []string{"spec", "timeZone"}},
		{"another image", pruneJob, `{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"image-pruner","image":"x"}]}}}}}}`, []string{"spec", "jobTemplate"}},
		{"another command", pruneJob, `{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"image-pruner","args":["true"]}]}}}}}}`, []string{"spec", "jobTemplate"}},
		{"a deadline taken away", pruneJob, `{"spec":{"jobTemplate":{"spec":{"activeDeadlineSeconds":null}}}}`, []string{"spec", "jobTemplate"}},
		{"a label taken from the Jobs", pruneJob, `{"spec":{"jobTemplate":{"metadata":{"labels":{"created-by":null}}}}}`, []string{"spec", "jobTemplate"}},
		{"no rules", pruneRole, `{"rules":[]}`, []string{"rules"}},
		{"another subject", pruneBinding, `{"subjects":[{"kind":"ServiceAccount","name":"x","namespace":"default"}]}`, []string{"subjects"}},
		{"no token", pruneAccount, `{"automountServiceAccountToken":false}`, []string{"automountServiceAccountToken"}},
		{"no way out", prunePolicy, `{"spec":{"egress":[]}}`, []string{"spec", "egress"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			revert(t, tc.object, tc.edit, tc.field...)
		})
	}
	for _, object := range []managedObject{pruneJob, pruneRole, pruneBinding, pruneAccount, prunePolicy} {
		t.Run("deleted "+object.String(), func(t *testing.T) {
			operator.PrintOnFailure(t)
			comesBack(t, object)
		})
	}
	untilPruner(t, nil, library.Want{Type: "Available", Status: "True"}, library.Want{Type: "Degraded", Status: "False"})
}

func TestThePrunerInEveryManagementState(t *testing.T) {
	onEmptyDir(t)
	freshPruner(t)
	untilCronJob(t, argument("--prune-registry"), "--prune-registry=true")
	for _, state := range []string{"Unmanaged", "Managed", "Removed", "Managed"} {
		cluster.Patch(t, `{"spec":{"managementState":"`+state+`"}}`)
		job := untilCronJob(t, argument("--prune-registry"), fmt.Sprintf("--prune-registry=%t", state == "Managed"))
		want := ""
		if state == "Managed" {
			want = registryURL
		}
		if got := argument("--registry-url")(job); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
		// The state changes nothing else: drift is reverted, and conditions are kept.
		revert(t, pruneJob, `{"spec":{"schedule":"1 1 1 1 1"}}`, "spec", "schedule")
		comesBack(t, pruneAccount)
		untilPruner(t, nil, library.Want{Type: "Available", Status: "True"}, library.Want{Type: "Degraded", Status: "False"})
	}
}

func TestADeletedImagePrunerComesBackWithDefaults(t *testing.T) {
	freshPruner(t)
	editPruner(t, `{"schedule":"@monthly","suspend":true}`)
	before := untilCronJob(t, func(j *batchv1.CronJob) string { return j.Spec.Schedule }, "@monthly")
	freshPruner(t)
	after := untilCronJob(t, func(j *batchv1.CronJob) string { return j.Spec.Schedule }, "0 0 * * *")
	if after.UID != before.UID {
		t.Error("the CronJob was made anew")
	}
}

// result makes a Job of the CronJob that has ended, written as its controller would. Nobody runs it.
func result(t *testing.T, name string, failed bool, edits ...func(*batchv1.Job)) {
	t.Helper()
	owner, err := cronJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: names.OperatorNamespace, Labels: owner.Spec.JobTemplate.Labels},
		Spec:       *owner.Spec.JobTemplate.Spec.DeepCopy(),
	}
	job.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, batchv1.SchemeGroupVersion.WithKind("CronJob"))}
	job.Spec.ManagedBy = ptr.To("example.com/test")
	for _, edit := range edits {
		edit(job)
	}
	jobs := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace)
	job, err = jobs.Create(t.Context(), job, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deleteJobs(t, name) })
	job.Status.StartTime = &job.CreationTimestamp
	kinds, reason, message := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}, "CompletionsReached", "done"
	if failed {
		kinds, reason, message = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}, "BackoffLimitExceeded", name+" has failed"
	} else {
		job.Status.CompletionTime = &job.CreationTimestamp
	}
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: "True", Reason: reason, Message: message, LastTransitionTime: job.CreationTimestamp})
	}
	if _, err := jobs.UpdateStatus(t.Context(), job, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func deleteJobs(t *testing.T, all ...string) {
	for _, name := range all {
		err := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
}

func TestJobResultsBecomeConditions(t *testing.T) {
	freshPruner(t)
	failed := func(name string) library.Want {
		return library.Want{Type: "Failed", Status: "True", Reason: "BackoffLimitExceeded", Message: name + " has failed"}
	}
	healthy := []library.Want{{Type: "Failed", Status: "False", Reason: "Complete"}, {Type: "Degraded", Status: "False", Reason: "AsExpected"}}

	t.Run("Jobs that are not ours do not count", func(t *testing.T) {
		result(t, "other-1", true, func(j *batchv1.Job) { j.Labels, j.OwnerReferences = nil, nil })
		result(t, "other-2", true, func(j *batchv1.Job) { j.OwnerReferences = nil })
		result(t, "run-0", false)
		untilPruner(t, nil, append(healthy, library.Want{Type: "Failed", Status: "False", Message: "the last run succeeded"})...)
	})
	// The history keeps one failed Job, so that only the record knows the others.
	editPruner(t, `{"failedJobsHistoryLimit":1}`)
	untilCronJob(t, func(j *batchv1.CronJob) string { return fmt.Sprint(*j.Spec.FailedJobsHistoryLimit) }, "1")
	for i, degraded := range []library.Want{
		{Type: "Degraded", Status: "False"},
		{Type: "Degraded", Status: "False"},
		{Type: "Degraded", Status: "True", Reason: "JobFailed", Message: "the last 3 runs have failed, the latest is run-3"},
	} {
		name := fmt.Sprintf("run-%d", i+1)
		nextSecond(t)
		result(t, name, true)
		untilPruner(t, nil, failed(name), degraded)
		untilCronJob(t, func(j *batchv1.CronJob) string {
			return fmt.Sprint(len(slices.DeleteFunc(strings.Split(j.Annotations[names.PrunerFailedRunsAnnotation], ","), func(s string) bool { return s == "" })))
		}, fmt.Sprint(i+1))
	}
	untilClusterOperator(t, configv1.OperatorDegraded, configv1.ConditionTrue, "ImagePrunerJobFailed")
	nextSecond(t)
	result(t, "run-4", false)
	untilPruner(t, nil, healthy...)
	untilClusterOperator(t, configv1.OperatorDegraded, configv1.ConditionFalse, "")
	untilCronJob(t, func(j *batchv1.CronJob) string { return j.Annotations[names.PrunerFailedRunsAnnotation] }, "")

	nextSecond(t)
	result(t, "run-5", true)
	untilPruner(t, nil, failed("run-5"))
	deleteJobs(t, "run-5")
	untilPruner(t, nil, healthy...)
}

// nextSecond waits until what is created now is newer than what is there: creation times are in seconds.
func nextSecond(t *testing.T) {
	t.Helper()
	began := time.Now().Truncate(time.Second)
	cluster.Until(t, settle, "the next second", func(context.Context) error {
		if !time.Now().Truncate(time.Second).After(began) {
			return errors.New("still the same")
		}
		return nil
	})
}
