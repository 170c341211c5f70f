package storage

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// said are the texts of the events of a reason.
func (w *world) said(reason string) string {
	var texts []string
	for _, e := range w.recorder.Events() {
		if e.Reason == reason {
			texts = append(texts, e.Message)
		}
	}
	return strings.Join(texts, "\n")
}

// withdraw removes the registry, whose pods are gone.
func (w *world) withdraw() {
	w.t.Helper()
	w.edit(removed)
	w.drop("deployments", deploymentOn("any"))
	w.drop("pods", registryPod())
	for range 4 {
		w.mustSync()
	}
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("status", w.used(), "")
	w.expect("left of a move", fmt.Sprint(w.job() != nil, w.moveSecret() != nil), "false false")
	message, events := w.message(names.StorageReady), len(w.recorder.Events())
	w.silent()
	w.restart()
	w.silent()
	w.expect("message later on", w.message(names.StorageReady), message)
	w.expect("events of what has been said", fmt.Sprint(len(w.recorder.Events())-events), "0")
}

// TestAMediumThatIsNotPublishedIsRemoved: the operator has made it, and something else has kept the registry from it.
func TestAMediumThatIsNotPublishedIsRemoved(t *testing.T) {
	begin := func(t *testing.T, edits ...func(*imageregistryv1.Config)) *world {
		w := newWorld(t, config(edits...))
		w.cloud.half = errors.New("the container is refused")
		w.mustSync()
		w.expect("media", w.cloud.names(), generated)
		w.expect("status", w.used(), "")
		return w
	}
	t.Run("on the first installation", func(t *testing.T) {
		w := begin(t)
		w.restart()
		w.withdraw()
		w.expect("media", w.cloud.names(), "")
		w.expect("message", w.message(names.StorageReady), "storage is removed")
		w.expect("event", w.said(names.EventStorageRemoved), "nothing is left of storage S3 bucket=generated region=us-east-1, which was being made ready")
		w.expect("spec bucket", w.config().Spec.Storage.S3.Bucket, "")
	})
	t.Run("a step per sync", func(t *testing.T) {
		w := begin(t)
		w.cloud.media[generated].objects = 2
		w.edit(removed)
		w.mustSync()
		w.expect("message", w.message(names.StorageReady), "2 objects left")
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageRemoving")
		w.withdraw()
		w.expect("media", w.cloud.names(), "")
	})
	t.Run("before a Config that is deleted goes", func(t *testing.T) {
		w := begin(t)
		w.edit(deleted)
		w.mustSync()
		w.expect("media", w.cloud.names(), "")
		if _, err := w.client.Config(); !apierrors.IsNotFound(err) {
			t.Errorf("config is still there: %v", err)
		}
	})
	t.Run("also if the administrator wanted it Managed", func(t *testing.T) {
		w := begin(t, owner, func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Managed" })
		w.withdraw()
		w.expect("media", w.cloud.names(), "")
	})
	t.Run("unless nothing proves that it is ours", func(t *testing.T) {
		w := begin(t)
		w.cloud.media[generated].marked = false
		w.restart()
		w.withdraw()
		w.expect("media", w.cloud.names(), generated)
		w.expect("message", w.message(names.StorageReady), "storage is left behind with its content: S3 bucket=generated region=us-east-1")
		w.expect("event", w.said(names.EventStorageOrphaned),
			"storage S3 bucket=generated region=us-east-1, which was being made ready, is left behind: nothing proves that the operator made it")
	})
}

// TestCrashBeforeARemoval: whatever a process that died has made goes, but for a medium that it had no time to mark.
func TestCrashBeforeARemoval(t *testing.T) {
	for _, name := range []string{"", "given"} {
		for _, lost := range []bool{false, true} {
			for calls := range 8 {
				t.Run(fmt.Sprintf("bucket %q after %d calls with the answer lost %t", name, calls, lost), func(t *testing.T) {
					w := newWorld(t, config(bucket(name)))
					w.budget, w.lost = calls, lost
					_ = w.sync()
					w.budget, w.lost = -1, false
					w.restart()
					left := ""
					for name, m := range w.cloud.media {
						if !m.marked {
							left = name
						}
					}
					w.withdraw()
					w.expect("media", w.cloud.names(), left)
					w.expect("named", fmt.Sprint(strings.Contains(w.said(names.EventStorageOrphaned), left)), "true")
				})
			}
		}
	}
}

// TestCrashWhileAMediumIsAbandoned: the place that the registry was on stays, wherever the removal of the other one ends.
func TestCrashWhileAMediumIsAbandoned(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for calls := range 8 {
			t.Run(fmt.Sprintf("after %d calls with the answer lost %t", calls, lost), func(t *testing.T) {
				w := newWorld(t, config())
				w.mustSync()
				w.rollout(generated)
				w.edit(moveTo("new"))
				w.until("first")
				w.edit(removed)
				w.drop("deployments", deploymentOn(generated))
				w.drop("pods", registryPod())
				w.mustSync()
				w.budget, w.lost = calls, lost
				_ = w.sync()
				w.budget, w.lost = -1, false
				w.restart()
				w.withdraw()
				w.expect("media", w.cloud.names(), generated)
				w.expect("named", fmt.Sprint(strings.Contains(w.said(names.EventStorageOrphaned), "S3 bucket=generated")), "true")
			})
		}
	}
}

// TestAMediumThatIsKeptMeanwhile: that the operator may manage a place does not make the content of it its own.
func TestAMediumThatIsKeptMeanwhile(t *testing.T) {
	onGenerated := func(t *testing.T) *world {
		w := newWorld(t, config())
		w.mustSync()
		w.rollout(generated)
		return w
	}
	const kept = "S3 bucket=theirs region=us-east-1"
	t.Run("if it was there before", func(t *testing.T) {
		w := onGenerated(t)
		w.cloud.media["theirs"] = &medium{}
		w.edit(func(c *imageregistryv1.Config) { moveTo("theirs")(c); owner(c) })
		w.until("first")
		w.expect("marked", fmt.Sprint(w.cloud.media["theirs"].marked), "true")
		w.withdraw()
		w.expect("media", w.cloud.names(), "generated theirs")
		w.expect("message", w.message(names.StorageReady), "storage is left behind with its content: S3 bucket=generated region=us-east-1, "+kept)
		w.expect("events", w.said(names.EventStorageOrphaned),
			"storage "+kept+", which was being made ready, is left behind: something was there before\n"+
				"storage S3 bucket=generated region=us-east-1 is left behind with its content: spec.storage no longer names it")
	})
	t.Run("if it is the administrator's", func(t *testing.T) {
		w := onGenerated(t)
		w.cloud.media["theirs"] = &medium{}
		w.edit(moveTo("theirs"))
		w.until("first")
		w.withdraw()
		w.expect("media", w.cloud.names(), "generated theirs")
		w.expect("event", w.said(names.EventStorageKept), "storage "+kept+", which was being made ready, is kept: its management state is not Managed")
		w.expect("message", w.message(names.StorageReady), "storage is left behind with its content: S3 bucket=generated region=us-east-1")
	})
	t.Run("if the registry was on it before", func(t *testing.T) {
		for _, whose := range []func(*imageregistryv1.Config){func(*imageregistryv1.Config) {}, owner} {
			w := onGenerated(t)
			w.edit(func(c *imageregistryv1.Config) { bucket("new")(c); whose(c) })
			w.mustSync()
			w.expect("status", w.used(), "new")
			w.edit(moveTo(generated))
			w.mustSync()
			w.withdraw()
			w.expect("media", w.cloud.names(), "generated new")
		}
	})
	t.Run("if a removal has left it", func(t *testing.T) {
		w := onGenerated(t)
		w.edit(func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged" })
		w.withdraw()
		w.edit(func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Managed" })
		w.withdraw()
		w.expect("media", w.cloud.names(), generated)
	})
}

// TestAPlaceOfBeforeIsKept: the administrator has said Unmanaged of the place in use, so nothing was decided about it, and
// goes back to the one before it, of which the decision is still there.
func TestAPlaceOfBeforeIsKept(t *testing.T) {
	back := func(t *testing.T) *world {
		w := newWorld(t, config())
		w.mustSync()
		w.cloud.media["theirs"] = &medium{}
		w.edit(func(c *imageregistryv1.Config) {
			bucket("theirs")(c)
			owner(c)
			c.Spec.Storage.ManagementState = "Unmanaged"
		})
		w.mustSync()
		w.expect("status", w.used(), "theirs")
		w.edit(func(c *imageregistryv1.Config) {
			delete(c.Annotations, names.StorageLeftAnnotation)
			bucket(generated)(c)
			c.Spec.Storage.ManagementState = "Managed"
		})
		return w
	}
	t.Run("at once", func(t *testing.T) {
		w := back(t)
		w.withdraw()
		w.expect("media", w.cloud.names(), "generated theirs")
	})
	t.Run("after the operator has turned to it", func(t *testing.T) {
		w := back(t)
		w.cloud.half = errors.New("no answer")
		w.mustSync()
		w.expect("status", w.used(), "theirs")
		w.withdraw()
		w.expect("media", w.cloud.names(), "generated theirs")
		w.expect("event", w.said(names.EventStorageOrphaned),
			"storage S3 bucket=generated region=us-east-1, which was being made ready, is left behind: something was there before")
	})
}

func TestTogether(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"S3 bucket=a region=r", "S3 bucket=b region=r", false},
		{"S3 bucket=a region=r", "S3 bucket=a region=other", true},
		{"S3 bucket=a", "GCS bucket=a", false},
		{"Azure accountName=a container=x", "Azure accountName=a container=y", true},
		{"PVC claim=a", "none", false},
		{"PVC claim=a", "", false},
	} {
		if got := together(tc.a, tc.b); got != tc.want {
			t.Errorf("%s and %s: %t", tc.a, tc.b, got)
		}
	}
}

func TestAnAccountIsKeptWithWhatIsInIt(t *testing.T) {
	c := config()
	c.Status.Storage.Azure = &imageregistryv1.ImageRegistryConfigStorageAzure{AccountName: "a", Container: "x"}
	c.ObjectMeta = metav1.ObjectMeta{Annotations: map[string]string{names.StorageLeftAnnotation: "Azure accountName=b container=x"}}
	p := &pass{config: c}
	for account, want := range map[string]string{
		"a": "it may be one with storage Azure accountName=a container=x",
		"b": "it may be one with storage Azure accountName=b container=x",
		"c": "",
	} {
		place := imageregistryv1.ImageRegistryConfigStorage{Azure: &imageregistryv1.ImageRegistryConfigStorageAzure{AccountName: account, Container: "y"}}
		if got := p.doubt(place, true); got != want {
			t.Errorf("account %s: %q, want %q", account, got, want)
		}
	}
}
