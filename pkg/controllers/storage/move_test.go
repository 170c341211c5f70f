package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// moveTo asks for another bucket, with its images.
func moveTo(name string) func(*imageregistryv1.Config) {
	return func(c *imageregistryv1.Config) {
		bucket(name)(c)
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		c.Annotations[names.MoveAnnotation] = "true"
	}
}

// settledOn is a world whose registry is on the bucket "old" and has the bucket "new" before it.
func settledOn(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, config(bucket("old")))
	w.cloud.media["old"], w.cloud.media["new"] = &medium{}, &medium{}
	w.mustSync()
	w.rollout("old")
	w.mustSync()
	w.expect("status", w.used(), "old")
	return w
}

func (w *world) used() string {
	if s3 := w.config().Status.Storage.S3; s3 != nil {
		return s3.Bucket
	}
	return ""
}

// rollout gives the registry pods of a Deployment that is on the bucket.
func (w *world) rollout(name string) {
	w.t.Helper()
	w.add("deployments", deploymentOn(name))
	pod := registryPod()
	pod.Labels["pod-template-hash"] = name
	w.add("pods", pod)
}

func deploymentOn(name string) *appsv1.Deployment {
	d := registryDeployment()
	d.Spec.Template.Spec.Containers = []corev1.Container{{Env: []corev1.EnvVar{
		{Name: "REGISTRY_STORAGE", Value: "s3"}, {Name: "REGISTRY_STORAGE_S3_BUCKET", Value: name}, {Name: "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", Value: "inmemory"},
	}}}
	d.Status.Replicas, d.Status.UpdatedReplicas = 1, 1
	return d
}

// job is Job Move, nil when there is none.
func (w *world) job() *batchv1.Job {
	w.t.Helper()
	job, err := w.kube.BatchV1().Jobs(names.OperatorNamespace).Get(w.t.Context(), names.Move, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return job
}

// pass is "first" or "second", or empty when there is no Job.
func (w *world) pass() string {
	if job := w.job(); job != nil {
		word, _, _ := strings.Cut(job.Annotations[names.MovePassAnnotation], " ")
		return word
	}
	return ""
}

func (w *world) editJob(edit func(*batchv1.Job)) {
	w.t.Helper()
	job := w.job()
	if job == nil {
		w.t.Fatal("there is no job")
	}
	edit(job)
	if _, err := w.kube.BatchV1().Jobs(names.OperatorNamespace).Update(w.t.Context(), job, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ends(how batchv1.JobConditionType, progress move.Progress) {
	w.t.Helper()
	w.editJob(func(job *batchv1.Job) {
		job.Annotations[names.MoveProgressAnnotation] = progress.Encode()
		job.Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(w.clock.Now())}}
	})
}

func (w *world) moveSecret() *corev1.Secret {
	w.t.Helper()
	secret, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(w.t.Context(), names.Move, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return secret
}

// until syncs until there is the Job of that pass.
func (w *world) until(pass string) {
	w.t.Helper()
	for range 10 {
		if w.pass() == pass {
			w.mustSync()
			return
		}
		w.mustSync()
	}
	w.t.Fatalf("there is no job of the %s pass: %s", pass, w.message(names.StorageReady))
}

func (w *world) saying(parts ...string) {
	w.t.Helper()
	for _, part := range parts {
		if !strings.Contains(w.message(names.StorageReady), part) {
			w.t.Errorf("StorageReady says %q, which lacks %q", w.message(names.StorageReady), part)
		}
	}
}

func TestMovingImages(t *testing.T) {
	w := settledOn(t)
	w.edit(moveTo("new"))
	w.until("first")
	w.expect("status", w.used(), "old")
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoving")
	w.expect("acknowledged", fmt.Sprint(storage.Acknowledged(w.config())), "true")
	w.expect("args", fmt.Sprint(w.job().Spec.Template.Spec.Containers[0].Args), "[move-images]")
	for _, side := range []string{move.SourceFile, move.TargetFile} {
		if len(w.moveSecret().Data[side]) == 0 {
			t.Errorf("the secret lacks %s", side)
		}
	}
	w.editJob(func(job *batchv1.Job) {
		job.Annotations[names.MoveProgressAnnotation] = move.Progress{Files: 8000, Done: 1234}.Encode()
	})
	w.mustSync()
	w.saying("copying images from S3 bucket=old", "to S3 bucket=new", "1,234 of 8,000 files")

	w.ends(batchv1.JobComplete, move.Progress{Files: 8000, Done: 8000})
	w.mustSync()
	w.expect("status", w.used(), "new")
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoving")
	w.mustSync()
	w.expect("job", w.pass(), "")
	w.mustSync()
	w.saying("waiting for all pods of the registry")

	w.add("deployments", deploymentOn("new"))
	going := registryPod()
	going.DeletionTimestamp = &metav1.Time{Time: w.clock.Now()}
	w.add("pods", going)
	w.mustSync()
	w.expect("job beside an old pod", w.pass(), "")
	w.rollout("new")
	w.until("second")
	w.expect("args", fmt.Sprint(w.job().Spec.Template.Spec.Containers[0].Args), "[move-images --keep-target]")

	w.ends(batchv1.JobComplete, move.Progress{Files: 8010, Done: 8010, Bytes: 5e9})
	w.mustSync()
	w.mustSync()
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.saying("the registry uses S3 bucket=new", "8,010 files, 5.0 GB were copied from S3 bucket=old", "the source is left as it was")
	if _, found := w.config().Annotations[names.MoveAnnotation]; found || w.job() != nil || w.moveSecret() != nil {
		t.Errorf("left: annotations %v, job %v, secret %v", w.config().Annotations, w.job() != nil, w.moveSecret() != nil)
	}
	w.expect("media", w.cloud.names(), "new old")
	for _, reason := range []string{names.EventImagesMoving, names.EventStorageChanged, names.EventImagesMoved} {
		if count := len(slices.DeleteFunc(w.eventReasons(), func(r string) bool { return r != reason })); count != 1 {
			t.Errorf("%d events %s: %v", count, reason, w.eventReasons())
		}
	}
	writes := len(w.client.Writes())
	w.mustSync()
	w.restart()
	w.mustSync()
	if now := w.client.Writes(); len(now) != writes {
		t.Errorf("at rest it writes %v", now[writes:])
	}
}

// play lets everybody do their part until the move is over, and watches that nothing happens out of turn.
func (w *world) play() {
	w.t.Helper()
	copied := map[string]bool{}
	for range 80 {
		err := w.sync()
		if errors.Is(err, errCrash) || w.budget == 0 {
			w.budget = -1
			w.restart()
		} else if err != nil {
			w.t.Fatalf("sync: %v", err)
		}
		if w.used() == "new" {
			if !copied["first"] {
				w.t.Fatal("the registry was switched before the images were copied")
			}
			w.rollout("new")
		}
		if job := w.job(); job != nil && len(job.Status.Conditions) == 0 {
			pass := w.pass()
			if pass == "second" && w.used() != "new" {
				w.t.Fatal("the second pass began before the switch")
			}
			copied[pass] = true
			w.ends(batchv1.JobComplete, move.Progress{Files: 3, Done: 3})
		}
		if _, asked := w.config().Annotations[names.MoveAnnotation]; !asked && w.job() == nil && w.moveSecret() == nil && w.budget < 0 {
			break
		}
		w.clock.Step(lastRetry)
	}
	w.mustSync()
	w.expect("status", w.used(), "new")
	w.expect("passes", fmt.Sprint(copied["first"], copied["second"]), "true true")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.saying("3 files, 0 bytes were copied from S3 bucket=old")
	w.expect("left", fmt.Sprint(w.job() != nil, w.moveSecret() != nil), "false false")
}

func TestMovingImagesSurvivesACrashAnywhere(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for budget := range 24 {
			t.Run(fmt.Sprintf("after %d writes, answer lost %v", budget, lost), func(t *testing.T) {
				w := settledOn(t)
				w.edit(moveTo("new"))
				w.budget, w.lost = budget, lost
				w.play()
			})
		}
	}
}

func TestAMoveThatFails(t *testing.T) {
	broken := move.Progress{Files: 10, Done: 3, Error: "writing the target: no space is left"}
	for _, tc := range []struct {
		name     string
		progress move.Progress
		then     func(*world)
		again    bool
	}{
		{name: "it is not tried again at once", progress: broken, then: func(w *world) { w.clock.Step(moveRetry - time.Second) }},
		{name: "it is tried again after a while", progress: broken, then: func(w *world) { w.clock.Step(moveRetry) }, again: true},
		{name: "it is tried again with other credentials", progress: broken, then: func(w *world) { w.secret(names.PrivateConfigurationUser, "new") }, again: true},
		{
			name: "a corrupt source is not read again", progress: move.Progress{Corrupt: []string{"blobs/x"}},
			then: func(w *world) { w.clock.Step(24 * time.Hour) },
		},
		{
			name: "deleting the job asks for another attempt", progress: move.Progress{Corrupt: []string{"blobs/x"}},
			then: func(w *world) {
				if err := w.kube.BatchV1().Jobs(names.OperatorNamespace).Delete(w.t.Context(), names.Move, metav1.DeleteOptions{}); err != nil {
					w.t.Fatal(err)
				}
			}, again: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := settledOn(t)
			w.edit(moveTo("new"))
			w.until("first")
			w.ends(batchv1.JobFailed, tc.progress)
			w.mustSync()
			w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoveFailed")
			w.saying(tc.progress.Complaint(), "the registry stays on S3 bucket=old", names.MoveAnnotation)
			w.expect("status", w.used(), "old")
			tc.then(w)
			for range 4 {
				w.mustSync()
			}
			job := w.job()
			w.expect("a new job", fmt.Sprint(job != nil && len(job.Status.Conditions) == 0), fmt.Sprint(tc.again))
		})
	}
}

func TestGivingUpAMove(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*imageregistryv1.Config)
		used string
	}{
		{name: "without the annotation the registry is switched at once", edit: func(c *imageregistryv1.Config) { delete(c.Annotations, names.MoveAnnotation) }, used: "new"},
		{name: "with the former storage it stays", edit: bucket("old"), used: "old"},
		{name: "with the former storage and without the annotation it stays", edit: func(c *imageregistryv1.Config) {
			bucket("old")(c)
			delete(c.Annotations, names.MoveAnnotation)
		}, used: "old"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := settledOn(t)
			w.edit(moveTo("new"))
			w.until("first")
			w.edit(tc.edit)
			for range 4 {
				w.mustSync()
			}
			w.expect("status", w.used(), tc.used)
			w.expect("left", fmt.Sprint(w.job() != nil, w.moveSecret() != nil), "false false")
			w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
		})
	}
}

func TestAnotherPlaceMeanwhile(t *testing.T) {
	t.Run("before the switch the copy begins anew", func(t *testing.T) {
		w := settledOn(t)
		w.cloud.media["third"] = &medium{}
		w.edit(moveTo("new"))
		w.until("first")
		before := w.job().Annotations[names.MovePassAnnotation]
		w.edit(bucket("third"))
		for range 5 {
			w.mustSync()
		}
		w.saying("to S3 bucket=third")
		if now := w.job(); now == nil || now.Annotations[names.MovePassAnnotation] == before {
			t.Errorf("the job is %+v", now)
		}
		w.expect("status", w.used(), "old")
	})
	t.Run("after the switch what was pushed is copied first", func(t *testing.T) {
		w := settledOn(t)
		w.cloud.media["third"] = &medium{}
		w.edit(moveTo("new"))
		w.until("first")
		w.ends(batchv1.JobComplete, move.Progress{})
		w.mustSync()
		w.rollout("new")
		w.edit(bucket("third"))
		w.until("second")
		w.expect("status", w.used(), "new")
		w.ends(batchv1.JobComplete, move.Progress{})
		w.until("first")
		w.saying("from S3 bucket=new", "to S3 bucket=third")
		w.expect("status", w.used(), "new")
	})
}

func TestASwitchWithoutAMove(t *testing.T) {
	w := settledOn(t)
	w.edit(bucket("new"))
	w.mustSync()
	w.expect("status", w.used(), "new")
	w.expect("made", fmt.Sprint(w.job() != nil, w.moveSecret() != nil), "false false")
}

// The administrator gives credentials for the target, and those of the source are gone.
func TestTheSourceKeepsItsCredentials(t *testing.T) {
	w := newWorld(t, config(bucket("old")))
	w.cloud.media["old"], w.cloud.media["new"] = &medium{}, &medium{}
	w.secret(names.PrivateConfigurationUser, "for the source")
	w.mustSync()
	w.rollout("old")
	w.cloud.fail["plan"] = storage.WaitingForCredentials("no such key")
	w.edit(moveTo("new"))
	w.mustSync()
	w.cloud.fail["plan"] = nil
	w.cloud.refuses = func(bucket, key string) bool { return bucket == "old" && key == "for the target" }
	w.secret(names.PrivateConfigurationUser, "for the target")
	w.until("first")
	for side, want := range map[string]string{move.SourceFile: "for the source", move.TargetFile: "for the target"} {
		if got := string(snapshotOf(w.moveSecret().Data[side]).UserSecret.Data["key"]); got != want {
			t.Errorf("%s has the credentials %q, want %q", side, got, want)
		}
	}
}

func TestWhatCannotBeMoved(t *testing.T) {
	w := settledOn(t)
	w.edit(func(c *imageregistryv1.Config) {
		c.Annotations[names.MoveAnnotation] = "true"
		c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}
	})
	w.controller.Drivers = append(w.controller.Drivers, storage.Driver{
		Kind: storage.EmptyDir, Configured: func(c *storage.Coordinates) bool { return c.EmptyDir != nil },
	})
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoveFailed")
	w.saying("emptyDir", "the registry stays on S3 bucket=old", "remove annotation "+names.MoveAnnotation)
	w.expect("status", w.used(), "old")
}

func TestRemovingWhileImagesAreMoved(t *testing.T) {
	w := settledOn(t)
	w.edit(moveTo("new"))
	w.until("first")
	w.edit(func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Removed })
	w.drop("deployments", deploymentOn("old"))
	w.drop("pods", registryPod())
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageRemoving")
	w.saying("waiting for job")
	for range 3 {
		w.mustSync()
	}
	w.expect("left", fmt.Sprint(w.job() != nil, w.moveSecret() != nil), "false false")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("media, which all were there before", w.cloud.names(), "new old")
	w.expect("what is said of them", w.said(names.EventStorageKept),
		"storage S3 bucket=new region=us-east-1, which was being made ready, is kept: its management state is not Managed\n"+
			"storage S3 bucket=old region=us-east-1 is kept with its content: its management state is not Managed")
}

// TestRemovingTheTargetOfAMove: what the operator has made for it goes with the copies in it, the source stays.
func TestRemovingTheTargetOfAMove(t *testing.T) {
	w := settledOn(t)
	delete(w.cloud.media, "new")
	w.edit(moveTo("new"))
	w.until("first")
	w.restart()
	w.mustSync()
	w.cloud.media["new"].marked = false // the cloud knows no marks, and the record of the move is all there is
	w.withdraw()
	w.expect("media", w.cloud.names(), "old")
	w.expect("what is said of the source", w.said(names.EventStorageKept),
		"storage S3 bucket=old region=us-east-1 is kept with its content: its management state is not Managed")
}

// Whatever becomes of the Secret with the credentials reaches the one that the registry's settings are made of, without
// waiting for the next check of the storage.
func TestCredentialsArePassedOnAtOnce(t *testing.T) {
	w := settledOn(t)
	pair := func() string {
		secret, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(t.Context(), names.StoragePair, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, facts := storage.DecodePair(secret.Data)
		return string(facts["key"])
	}
	w.secret(names.CloudCredentials, "minted")
	w.mustSync()
	w.expect("minted", pair(), "minted")
	w.secret(names.PrivateConfigurationUser, "given")
	w.mustSync()
	w.expect("added", pair(), "given")
	w.secret(names.PrivateConfigurationUser, "given anew")
	w.mustSync()
	w.expect("changed", pair(), "given anew")
	if err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Delete(t.Context(), names.PrivateConfigurationUser, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.mustSync()
	w.expect("removed", pair(), "minted")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
}

func TestATargetThatFailsMeanwhile(t *testing.T) {
	w := settledOn(t)
	w.edit(moveTo("new"))
	w.until("first")
	w.cloud.fail["plan"] = errors.New("the line is cut")
	w.clock.Step(checkInterval)
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
	w.saying("the line is cut")
	delete(w.cloud.fail, "plan")
	w.clock.Step(lastRetry)
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageMoving")
	w.expect("the job", w.pass(), "first")
}
