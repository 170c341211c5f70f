package pruner

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
)

const allWrites = "create clusterrolebindings, create clusterroles, create cronjobs, create networkpolicies, create serviceaccounts, update imagepruners/status"

func TestANewClusterGetsItsPruner(t *testing.T) {
	h := newHarness(t)
	if got := h.mustRun(); got != "create imagepruners" {
		t.Fatalf("first sync: %s", got)
	}
	if diff := cmp.Diff(DefaultImagePruner().Spec, h.pruner().Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if got := h.mustRun(); got != allWrites {
		t.Fatalf("second sync: %s", got)
	}
	for range 2 {
		if got := h.mustRun(); got != "" {
			t.Fatalf("then: %s", got)
		}
	}
	status := h.pruner().Status
	for _, want := range []string{"Available=True AsExpected", "Failed=False Complete", "Scheduled=True Scheduled", "Degraded=False AsExpected"} {
		if !has(status.Conditions, want) {
			t.Errorf("want %q in\n%s", want, describe(status.Conditions))
		}
	}
	if h.metrics.installed != 2 {
		t.Errorf("installed %d", h.metrics.installed)
	}
	want := []string{
		"Normal ImagePrunerCreated: Created imagepruner/cluster with its defaults, because there was none",
		"Normal NetworkPolicyCreated: Created NetworkPolicy openshift-image-registry/image-pruner-networkpolicy",
		"Normal CronJobCreated: Created CronJob openshift-image-registry/image-pruner",
		"Normal ImagePrunerStatusChanged: imagepruner/cluster generation 0: Available changed from unset to True (AsExpected): cronjob openshift-image-registry/image-pruner exists; " +
			"Failed changed from unset to False (Complete): no run has ended yet; Scheduled changed from unset to True (Scheduled): the pruner runs on its schedule; " +
			"Degraded changed from unset to False (AsExpected); ResourcesApplied changed from unset to True (AsExpected)",
	}
	if diff := cmp.Diff(want, h.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestThePrunerLeavesANewClusterToTheRegistryFirst(t *testing.T) {
	h := newHarness(t)
	config := configIn(operatorv1.Managed)
	config.Status.Conditions = nil
	h.config.Replace(config)
	if got := h.mustRun(); got != "" || h.again != firstTimePatience {
		t.Fatalf("wrote %q, comes again after %s", got, h.again)
	}
	h.clock.SetTime(testNow.Add(4 * time.Second))
	if got := h.mustRun(); got != "" || h.again != 6*time.Second {
		t.Fatalf("wrote %q, comes again after %s", got, h.again)
	}
	h.clock.SetTime(testNow.Add(firstTimePatience))
	if got := h.mustRun(); got != "create imagepruners" {
		t.Errorf("out of patience: %s", got)
	}
}

func TestWithoutAConfigThereIsAPrunerToo(t *testing.T) {
	h := newHarness(t, DefaultImagePruner())
	h.config.Delete()
	h.mustRun()
	h.clock.SetTime(testNow.Add(firstTimePatience))
	h.mustRun()
	if !slices.Contains(words(h.cronJob()), "--prune-registry=false") {
		t.Errorf("arguments %v", words(h.cronJob()))
	}
}

func TestADeletedImagePrunerComesBackAndTheCronJobStays(t *testing.T) {
	h := settled(t)
	h.edit(func(s *spec) { s.Schedule = "@weekly" })
	h.mustRun()
	before := h.cronJob()
	if err := h.trackers[1].Delete(schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "imagepruners"}, "", "cluster"); err != nil {
		t.Fatal(err)
	}
	if got := h.mustRun(); got != "create imagepruners" {
		t.Errorf("wrote %s", got)
	}
	if diff := cmp.Diff(before, h.cronJob()); diff != "" {
		t.Errorf("the CronJob changed:\n%s", diff)
	}
	h.mustRun()
	if got := h.cronJob().Spec.Schedule; got != "0 0 * * *" {
		t.Errorf("schedule %q of the new defaults", got)
	}
}

func TestTheRegistryIsPrunedOnlyWhileItIsManaged(t *testing.T) {
	url := "--registry-url=https://" + host
	deleting := configIn(operatorv1.Managed)
	deleting.DeletionTimestamp, deleting.Finalizers = &metav1.Time{Time: testNow}, []string{"x"}
	for _, tc := range []struct {
		name string
		edit func(*harness)
		want []string
	}{
		{"Managed with a host", func(*harness) {}, []string{"--prune-registry=true", url}},
		{"Managed without a host", func(h *harness) { h.setHost("") }, []string{"--prune-registry=false"}},
		{"Managed without an image config", func(h *harness) { _ = h.images.Delete(&configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}) }, []string{"--prune-registry=false"}},
		{"Removed", func(h *harness) { h.config.Replace(configIn(operatorv1.Removed)) }, []string{"--prune-registry=false"}},
		{"Unmanaged with a host", func(h *harness) { h.config.Replace(configIn(operatorv1.Unmanaged)) }, []string{"--prune-registry=false"}},
		{"Force", func(h *harness) { h.config.Replace(configIn(operatorv1.Force)) }, []string{"--prune-registry=false"}},
		{"a Config that is being deleted", func(h *harness) { h.config.Replace(deleting) }, []string{"--prune-registry=false"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := settled(t)
			tc.edit(h)
			h.mustRun()
			got := words(h.cronJob())
			if diff := cmp.Diff(tc.want, got[slices.IndexFunc(got, func(w string) bool { return strings.HasPrefix(w, "--prune-registry") }):]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !has(h.pruner().Status.Conditions, "Available=True AsExpected") {
				t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
			}
		})
	}
}

func TestAnInvalidSpecNeverPrunesARegistryThatIsNotManaged(t *testing.T) {
	h := settled(t)
	before := h.cronJob()
	h.edit(func(s *spec) { s.KeepTagRevisions = ptr.To(-1) })
	h.mustRun()
	h.config.Replace(configIn(operatorv1.Unmanaged))
	if got := h.mustRun(); got != "update cronjobs" {
		t.Errorf("wrote %s", got)
	}
	after := h.cronJob()
	if got := words(after); !slices.Contains(got, "--prune-registry=false") || slices.ContainsFunc(got, func(w string) bool { return strings.HasPrefix(w, "--registry-url") }) {
		t.Errorf("arguments %q", got)
	}
	before.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args = after.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
		t.Errorf("more than the flags changed:\n%s", diff)
	}
	if got := h.mustRun(); got != "" {
		t.Errorf("and again %s", got)
	}
}

func TestAnInvalidSpecLeavesTheCronJobAlone(t *testing.T) {
	h := settled(t)
	before := h.cronJob()
	h.edit(func(s *spec) { s.Schedule, s.Suspend = "whenever", ptr.To(true) })
	if got := h.mustRun(); got != "update imagepruners/status" {
		t.Errorf("wrote %s", got)
	}
	if got := h.mustRun(); got != "" {
		t.Errorf("and again %s", got)
	}
	if diff := cmp.Diff(before, h.cronJob()); diff != "" {
		t.Errorf("the CronJob changed:\n%s", diff)
	}
	for _, want := range []string{`Degraded=True VerificationFailed spec.schedule: "whenever"`, "Available=True AsExpected", "Scheduled=True Scheduled"} {
		if !has(h.pruner().Status.Conditions, want) {
			t.Errorf("want %q in\n%s", want, describe(h.pruner().Status.Conditions))
		}
	}
	raised := len(h.events())
	h.edit(func(s *spec) { s.Schedule = "sometimes" })
	h.mustRun()
	if got := h.events()[raised:]; len(got) != 1 || !strings.Contains(got[0], `Warning ImagePrunerStatusChanged: imagepruner/cluster generation 2: Degraded changed from True to True (VerificationFailed): spec.schedule: "sometimes"`) {
		t.Errorf("another complaint is news: %q", got)
	}
	h.edit(func(s *spec) { s.Schedule = "@daily" })
	if got := h.mustRun(); got != "update cronjobs, update imagepruners/status" {
		t.Errorf("cured: wrote %s", got)
	}
	if !has(h.pruner().Status.Conditions, "Degraded=False AsExpected") || !has(h.pruner().Status.Conditions, "Scheduled=False Suspended") {
		t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
	}
	if h.metrics.installed != 1 {
		t.Errorf("installed %d", h.metrics.installed)
	}
}

func TestDriftIsReverted(t *testing.T) {
	h := settled(t)
	want := h.cronJob()
	drifted := h.cronJob()
	drifted.Spec.Schedule, drifted.Spec.TimeZone = "1 1 1 1 *", ptr.To("Europe/Berlin")
	drifted.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args[0] = "-x"
	drifted.Labels["mine"] = "kept"
	h.update(drifted)
	if got := h.mustRun(); got != "update cronjobs" {
		t.Errorf("wrote %s", got)
	}
	got := h.cronJob()
	if got.Labels["mine"] != "kept" {
		t.Error("a foreign label is lost")
	}
	if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func TestWhatTheServerRefusesIsNotSentAgain(t *testing.T) {
	h := settled(t)
	sent := 0
	h.kube.PrependReactor("update", "cronjobs", func(clienttesting.Action) (bool, runtime.Object, error) {
		sent++
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "CronJob"}, "image-pruner", field.ErrorList{
			field.Invalid(field.NewPath("spec", "jobTemplate", "spec", "template", "spec", "nodeSelector"), "!", "bad"),
		})
	})
	h.edit(func(s *spec) { s.NodeSelector = map[string]string{"!": "!"} })
	for range 3 {
		h.mustRun()
	}
	if sent != 1 {
		t.Errorf("sent %d times", sent)
	}
	if !has(h.pruner().Status.Conditions, "Degraded=True VerificationFailed spec.nodeSelector: ") {
		t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
	}
	h.edit(func(s *spec) { s.NodeSelector = map[string]string{"?": "!"} })
	h.mustRun()
	if sent != 2 {
		t.Errorf("another spec must be tried, sent %d times", sent)
	}
	h.edit(func(s *spec) { s.NodeSelector = nil })
	h.mustRun()
	if !has(h.pruner().Status.Conditions, "Degraded=False AsExpected") {
		t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
	}
}

func TestOneObjectThatFailsDoesNotKeepBackTheOthers(t *testing.T) {
	h := newHarness(t, DefaultImagePruner())
	h.kube.PrependReactor("create", "clusterroles", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("not now")
	})
	writes, err := h.run()
	if err == nil || !strings.Contains(err.Error(), "system:image-pruner") {
		t.Errorf("error %v", err)
	}
	if got := strings.Join(writes, ", "); got != allWrites {
		t.Errorf("wrote %s", got)
	}
	conditions := h.pruner().Status.Conditions
	if !has(conditions, "Degraded=False AsExpected") || !has(conditions, "ResourcesApplied=False SyncError creating ClusterRole system:image-pruner: not now") {
		t.Errorf("conditions\n%s", describe(conditions))
	}
	h.clock.SetTime(testNow.Add(degradedAfter))
	if _, err := h.run(); err == nil {
		t.Error("no error")
	}
	if conditions := h.pruner().Status.Conditions; !has(conditions, "Degraded=True SyncError Error: creating") {
		t.Errorf("conditions\n%s", describe(conditions))
	}
}

func TestAConflictIsNoNews(t *testing.T) {
	h := settled(t)
	h.kube.PrependReactor("update", "cronjobs", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(schema.GroupResource{Group: "batch", Resource: "cronjobs"}, "image-pruner", errors.New("newer"))
	})
	h.edit(func(s *spec) { s.Suspend = ptr.To(true) })
	for range apply.MaxBehind {
		writes, err := h.run()
		if !apierrors.IsConflict(err) || slices.Contains(writes, "update imagepruners/status") {
			t.Fatalf("wrote %v, %v", writes, err)
		}
	}
	if writes, _ := h.run(); !slices.Contains(writes, "update imagepruners/status") {
		t.Errorf("a cache that stays behind is an error: wrote %v", writes)
	}
}

func TestRunsBecomeConditions(t *testing.T) {
	h := settled(t)
	rounds := []struct{ job, want, annotation string }{
		{"a", "Failed=True BackoffLimitExceeded a has failed", "a@"},
		{"b", "Degraded=False AsExpected", "a@,b@"},
		{"c", "Degraded=True JobFailed the last 3 runs have failed, the latest is c", "a@,b@,c@"},
		{"d", "Degraded=True JobFailed the last 3 runs have failed, the latest is d", "b@,c@,d@"},
	}
	for i, round := range rounds {
		h.add(jobAt(float64(-i), round.job, failed))
		h.mustRun()
		// A restart in between changes nothing.
		h.refused, h.replaced = nil, ""
		if !has(h.pruner().Status.Conditions, round.want) {
			t.Errorf("want %q in\n%s", round.want, describe(h.pruner().Status.Conditions))
		}
		var recorded []string
		for entry := range strings.SplitSeq(h.cronJob().Annotations["imageregistry.operator.openshift.io/failed-runs"], ",") {
			name, _, _ := strings.Cut(entry, "@")
			recorded = append(recorded, name+"@")
		}
		if got := strings.Join(recorded, ","); got != round.annotation {
			t.Errorf("recorded %s, want %s", got, round.annotation)
		}
		if got := h.mustRun(); got != "" {
			t.Errorf("not at rest: %s", got)
		}
	}
	if h.metrics.failedRuns != 3 {
		t.Errorf("failed runs %d", h.metrics.failedRuns)
	}
	h.add(jobAt(-9, "e", succeeded))
	h.mustRun()
	if !has(h.pruner().Status.Conditions, "Degraded=False AsExpected") || !has(h.pruner().Status.Conditions, "Failed=False Complete") {
		t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
	}
	if text, found := h.cronJob().Annotations["imageregistry.operator.openshift.io/failed-runs"]; found {
		t.Errorf("still recorded: %q", text)
	}
}

func TestTheSyncComesBackWhenTheLackOfASuccessBecomesAFault(t *testing.T) {
	h := settled(t)
	if h.again != 72*time.Hour {
		t.Fatalf("comes again after %s", h.again)
	}
	h.clock.SetTime(testNow.Add(72 * time.Hour))
	h.mustRun()
	if !has(h.pruner().Status.Conditions, "Degraded=True NoRecentSuccess no run has succeeded since 2026-03-01T12:00:00Z") {
		t.Errorf("conditions\n%s", describe(h.pruner().Status.Conditions))
	}
	// A new schedule gets its time.
	h.edit(func(s *spec) { s.Schedule = "@hourly" })
	h.mustRun()
	if !has(h.pruner().Status.Conditions, "Degraded=False AsExpected") || h.again != 72*time.Hour {
		t.Errorf("again after %s, conditions\n%s", h.again, describe(h.pruner().Status.Conditions))
	}
}

func TestTheStatusWaitsForTheCacheToShowItsOwnWrite(t *testing.T) {
	h := settled(t)
	pruner := h.pruner()
	pruner.ResourceVersion = "5"
	h.update(pruner)
	h.registry.PrependReactor("update", "imagepruners", func(action clienttesting.Action) (bool, runtime.Object, error) {
		newer := pruner.DeepCopy()
		newer.ResourceVersion = "6"
		return true, newer, nil
	})
	h.add(jobAt(0, "a", failed))
	h.refresh()
	if writes, err := h.runStale(); err != nil || !slices.Contains(writes, "update imagepruners/status") {
		t.Fatalf("wrote %v, %v", writes, err)
	}
	if writes, err := h.runStale(); err != nil || slices.Contains(writes, "update imagepruners/status") {
		t.Errorf("the cache is behind, but wrote %v, %v", writes, err)
	}
}

func TestACronJobOnItsWayOutIsLeftAlone(t *testing.T) {
	h := settled(t)
	job := h.cronJob()
	job.DeletionTimestamp, job.Finalizers = &metav1.Time{Time: testNow}, []string{"foregroundDeletion"}
	job.Spec.Schedule = "1 1 1 1 *"
	h.update(job)
	if got := h.mustRun(); got != "" {
		t.Errorf("wrote %s", got)
	}
	if err := h.trackers[0].Delete(batchv1.SchemeGroupVersion.WithResource("cronjobs"), job.Namespace, job.Name); err != nil {
		t.Fatal(err)
	}
	h.clock.SetTime(testNow.Add(time.Minute))
	if got := h.mustRun(); got != "create cronjobs" {
		t.Errorf("then wrote %s", got)
	}
}
