package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestErrors(t *testing.T) {
	transient := &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError, Message: "cannot be reached"}
	t.Run("transient ones back off to two minutes at most and change nothing meanwhile", func(t *testing.T) {
		w := newWorld(t, config())
		w.cloud.fail["plan"] = transient
		var waits []time.Duration
		for range 10 {
			w.mustSync()
			w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
			w.client.ForgetWrites()
			calls := len(w.cloud.calls)
			w.mustSync()
			w.expect("writes while waiting", fmt.Sprint(w.client.Writes()), "[]")
			w.expect("calls while waiting", fmt.Sprint(len(w.cloud.calls)), fmt.Sprint(calls))
			waits = append(waits, w.controller.memory.last.next.Sub(w.clock.Now()))
			w.clock.Step(waits[len(waits)-1])
		}
		if waits[0] != firstRetry || waits[9] != lastRetry || !slices.IsSorted(waits) {
			t.Errorf("waits are %v", waits)
		}
	})
	for _, name := range []string{names.CloudCredentials, names.PrivateConfigurationUser} {
		t.Run("a change of secret "+name+" is tried at once", func(t *testing.T) {
			w := newWorld(t, config())
			w.secret(name, "old")
			w.cloud.fail["plan"] = transient
			w.mustSync()
			w.cloud.fail = map[string]error{}
			w.secret(name, "new")
			w.mustSync()
			w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
		})
	}
	t.Run("a change of the infrastructure is tried at once", func(t *testing.T) {
		w := newWorld(t, config())
		w.cloud.fail["plan"] = transient
		w.mustSync()
		w.cloud.fail = map[string]error{}
		changed := infrastructure(configv1.AWSPlatformType)
		changed.Status.PlatformStatus.AWS.ResourceTags = []configv1.AWSResourceTag{{Key: "k", Value: "v"}}
		w.add("infrastructures", changed)
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	})
	t.Run("the cloud's own wait is kept", func(t *testing.T) {
		w := newWorld(t, config())
		w.cloud.fail["plan"] = &storage.Error{Message: "slow down", RetryAfter: 4 * time.Minute}
		w.mustSync()
		w.expect("wait", w.controller.memory.last.next.Sub(w.clock.Now()).String(), "4m0s")
	})
	t.Run("waiting for credentials is no error and no loop", func(t *testing.T) {
		w := newWorld(t, config())
		w.cloud.fail["new"] = storage.WaitingForCredentials("create secret x")
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/WaitingForCredentials")
		w.expect("next", fmt.Sprint(w.controller.memory.last.next.IsZero()), "true")
	})
	t.Run("a medium that needs time is waited for", func(t *testing.T) {
		w := newWorld(t, config())
		w.cloud.retry = 5 * time.Second
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageChanging")
		w.expect("status", fmt.Sprint(w.config().Status.Storage.S3), "<nil>")
		w.cloud.retry = 0
		w.clock.Step(5 * time.Second)
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
		w.expect("creation is remembered", fmt.Sprint(slices.Contains(w.eventReasons(), names.EventStorageCreated)), "true")
	})
	t.Run("a conflict is left to the next event", func(t *testing.T) {
		w := newWorld(t, config())
		w.client.Fail("patch", apierrors.NewConflict(imageregistryv1.Resource("configs"), "cluster", errors.New("stale")))
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "")
		w.client.Fail("patch", nil)
		w.mustSync()
		w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	})
}

func TestChecks(t *testing.T) {
	w := newWorld(t, config())
	w.mustSync()
	w.clock.Step(firstCheck)
	w.cloud.calls = nil
	w.mustSync()
	w.expect("calls of the first check", fmt.Sprint(w.cloud.calls), "[plan]")
	w.expect("StorageExists", w.condition(names.StorageExists), "True/Seen")

	for range 3 {
		w.clock.Step(checkInterval - time.Second)
		w.client.ForgetWrites()
		w.cloud.calls = nil
		w.mustSync()
		w.expect("calls before the check is due", fmt.Sprint(w.cloud.calls), "[]")
		w.clock.Step(time.Second)
		w.mustSync()
		w.expect("calls of the check", fmt.Sprint(w.cloud.calls), "[plan]")
		w.expect("writes of the check", fmt.Sprint(w.client.Writes()), "[]")
	}

	w.clock.Step(verifyInterval)
	w.cloud.calls = nil
	w.mustSync()
	w.expect("calls of the verification", fmt.Sprint(w.cloud.calls), "[plan ensure]")

	delete(w.cloud.media, generated)
	w.clock.Step(checkInterval)
	w.mustSync()
	w.expect("a medium that vanished is made again", w.cloud.names(), generated)

	w.cloud.fail["plan"] = &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError, Message: "outage"}
	w.clock.Step(checkInterval)
	w.mustSync()
	w.expect("StorageReady in an outage", w.condition(names.StorageReady), "False/Error")
	w.expect("status in an outage", w.config().Status.Storage.S3.Bucket, generated)

	w.cloud.fail = map[string]error{}
	w.clock.Step(lastRetry)
	w.mustSync()
	w.expect("StorageReady after the outage", w.condition(names.StorageReady), "True/AsExpected")
}

func TestDriftInTheClusterIsRepairedWithoutTheCloud(t *testing.T) {
	w := newWorld(t, config())
	w.mustSync()
	w.cloud.calls = nil
	if err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Delete(context.Background(), names.StoragePair, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.edit(func(c *imageregistryv1.Config) { c.Status.Storage.S3.Bucket = "tampered" })
	w.mustSync()
	w.expect("status bucket", w.config().Status.Storage.S3.Bucket, generated)
	w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
	pair, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(context.Background(), names.StoragePair, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.expect("creation", fmt.Sprint(storage.CreationRecorded(pair.Data, w.config().Status.Storage)), "true")
}

func TestASyncThatRunsOutOfTimeIsAFailure(t *testing.T) {
	w := newWorld(t, config())
	w.cloud.hangs, w.controller.timeout = true, time.Millisecond
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
	w.expect("next", w.controller.memory.last.next.Sub(w.clock.Now()).String(), firstRetry.String())
}

func TestAProcessThatIsAskedToStopConcludesNothing(t *testing.T) {
	w := newWorld(t, config())
	w.cloud.hangs = true
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.controller.sync(ctx, factory.NewSyncContext("test", w.recorder)); !errors.Is(err, context.Canceled) {
		t.Errorf("sync: %v", err)
	}
	w.expect("writes", fmt.Sprint(w.client.Writes()), "[]")
}

func TestReplicasMatterOnlyToDriversThatObserveThem(t *testing.T) {
	for observed, want := range map[bool]string{false: "[]", true: "[plan ensure]"} {
		w := newWorld(t, config())
		w.cloud.observed = observed
		w.restart()
		w.mustSync()
		w.cloud.calls = nil
		w.edit(func(c *imageregistryv1.Config) { c.Spec.Replicas = 5 })
		w.client.ForgetWrites()
		w.mustSync()
		w.expect("calls", fmt.Sprint(w.cloud.calls), want)
		if !observed {
			w.expect("writes", fmt.Sprint(w.client.Writes()), "[]")
		}
	}
}

func TestWritesThatFailAreTriedAgainWithoutTheCloud(t *testing.T) {
	w := newWorld(t, config())
	w.client.Fail("storage", errors.New("no API server"))
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
	wait, due := w.controller.due(outcome{unwritten: true})
	w.expect("retry", fmt.Sprint(wait, due), "2s true")
	w.client.Fail("storage", nil)
	w.cloud.calls = nil
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
}

// A cache that lags behind the controller's own writes must not make it work on the old object.
func TestACacheThatIsBehind(t *testing.T) {
	before := config()
	before.ResourceVersion = "1"
	after := before.DeepCopy()
	after.ResourceVersion = "2"
	foreign := before.DeepCopy()
	foreign.ResourceVersion = "3"
	f := freshest{}
	f.wrote(before, after)
	if f.newer(before) != after {
		t.Error("the old object is used although a newer one was written")
	}
	if f.newer(foreign) != foreign {
		t.Error("an object that has moved on is not used")
	}
	if f.newer(before) != before {
		t.Error("what was written is remembered after the cache has caught up")
	}
	f.wrote(before, after)
	other := before.DeepCopy()
	other.UID = "another"
	if f.newer(other) != other {
		t.Error("an object that was created anew is taken for the old one")
	}
}
