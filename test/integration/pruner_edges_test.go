package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestATimeZoneOfBefore: API servers of long ago took a time zone in the schedule of a CronJob, and today's still take it
// where one has been. Such a cluster is taken over as it is, and edits beside the schedule are carried out.
func TestATimeZoneOfBefore(t *testing.T) {
	if !cluster.Sandboxed {
		t.Skip("only a sandboxed cluster lets a test into its etcd, which is the only way to make such a CronJob today")
	}
	const schedule = "CRON_TZ=Europe/Berlin 30 2 * * *"
	freshPruner(t)
	editPruner(t, `{"schedule":"`+schedule+`"}`)
	untilPruner(t, nil, library.Want{Type: "Degraded", Status: "True", Reason: names.ReasonVerificationFailed, Message: "spec.schedule: "})
	storeCronJob(t, schedule)
	untilPruner(t, nil, library.Want{Type: "Degraded", Status: "False", Reason: "AsExpected"}, library.Want{Type: "Scheduled", Status: "True"})
	editPruner(t, `{"keepTagRevisions":7}`)
	job := untilCronJob(t, argument("--keep-tag-revisions"), "--keep-tag-revisions=7")
	if job.Spec.Schedule != schedule {
		t.Errorf("schedule %q, want %q", job.Spec.Schedule, schedule)
	}
	editPruner(t, `{"schedule":"30 1 * * *"}`)
	untilCronJob(t, func(j *batchv1.CronJob) string { return j.Spec.Schedule }, "30 1 * * *")
	editPruner(t, `{"schedule":"`+schedule+`"}`)
	untilPruner(t, nil, library.Want{Type: "Degraded", Status: "True", Reason: names.ReasonVerificationFailed, Message: "a time zone is not possible here"})
	editPruner(t, `{"schedule":null,"keepTagRevisions":null}`)
	untilPruner(t, nil, library.Want{Type: "Degraded", Status: "False", Reason: "AsExpected"})
}

// storeCronJob puts the CronJob with another schedule into etcd, past the API server, which refuses it.
func storeCronJob(t *testing.T, schedule string) {
	t.Helper()
	job, err := cronJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	job.APIVersion, job.Kind, job.ResourceVersion, job.Spec.Schedule = "batch/v1", "CronJob", "", schedule
	value, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	body, err := json.Marshal(map[string]string{
		"key": encode([]byte("/registry/cronjobs/" + names.OperatorNamespace + "/" + names.Pruner)), "value": encode(value),
	})
	if err != nil {
		t.Fatal(err)
	}
	// etcd's gateway takes JSON over HTTP; bash is the one program with a socket that every machine for these tests has.
	request := fmt.Sprintf("POST /v3/kv/put HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	out, err := cluster.Exec(t.Context(), "bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/2379 && printf %s "$0" >&3 && cat <&3`, request)
	if err != nil || !strings.Contains(out, " 200 ") {
		t.Fatalf("writing to etcd: %v\n%s", err, out)
	}
}

// TestRunsThatAreNotKeptAreCounted: with a history of no failed Jobs the CronJob controller deletes each as soon as it has
// failed.
func TestRunsThatAreNotKeptAreCounted(t *testing.T) {
	freshPruner(t)
	editPruner(t, `{"failedJobsHistoryLimit":0}`)
	untilCronJob(t, func(j *batchv1.CronJob) string { return fmt.Sprint(*j.Spec.FailedJobsHistoryLimit) }, "0")
	for i, degraded := range []library.Want{
		{Type: "Degraded", Status: "False"},
		{Type: "Degraded", Status: "False"},
		{Type: "Degraded", Status: "True", Reason: "JobFailed", Message: "the last 3 runs have failed, the latest is gone-3"},
	} {
		name := fmt.Sprintf("gone-%d", i+1)
		nextSecond(t)
		result(t, name, true)
		cluster.Until(t, settle, name+" to be deleted", func(ctx context.Context) error {
			_, err := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).Get(ctx, name, metav1.GetOptions{})
			if err == nil {
				err = errors.New("it is still there")
			}
			return library.IgnoreNotFound(err)
		})
		untilPruner(t, nil, library.Want{Type: "Failed", Status: "True", Reason: "JobFailed", Message: "spec.failedJobsHistoryLimit is 0"}, degraded)
		untilCronJob(t, func(j *batchv1.CronJob) string {
			return fmt.Sprint(strings.Count(j.Annotations[names.PrunerFailedRunsAnnotation], "gone-"))
		}, fmt.Sprint(i+1))
	}
	nextSecond(t)
	result(t, "kept-1", false)
	untilPruner(t, nil, library.Want{Type: "Failed", Status: "False", Reason: "Complete"}, library.Want{Type: "Degraded", Status: "False", Reason: "AsExpected"})
	untilCronJob(t, func(j *batchv1.CronJob) string { return j.Annotations[names.PrunerFailedRunsAnnotation] }, "")
}
