package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	configlistersv1 "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func clusterVersion(desired string, history ...string) *configv1.ClusterVersion {
	cv := &configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: names.ClusterVersion}}
	cv.Status.Desired.Version = desired
	for _, version := range history {
		cv.Status.History = append(cv.Status.History, configv1.UpdateHistory{Version: version})
	}
	return cv
}

func TestVersionToLookUp(t *testing.T) {
	for _, tc := range []struct {
		name    string
		image   string
		cluster *configv1.ClusterVersion
		want    string
	}{
		{name: "a released image knows its version", image: "4.22.1", cluster: clusterVersion("4.23.0"), want: "4.22.1"},
		{name: "an unreleased one takes the desired version", image: "0.0.1-snapshot", cluster: clusterVersion("4.23.0", "4.22.0"), want: "4.23.0"},
		{name: "without a desired version the newest of the history", image: "0.0.1-snapshot", cluster: clusterVersion("", "4.22.0", "4.21.0"), want: "4.22.0"},
		{name: "without any it stays what it is", image: "0.0.1-snapshot", cluster: clusterVersion(""), want: "0.0.1-snapshot"},
		{name: "without a ClusterVersion too", image: "0.0.1-snapshot", want: "0.0.1-snapshot"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := versionToLookUp(tc.image, tc.cluster); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func gates(version string, enabled ...configv1.FeatureGateName) *configv1.FeatureGate {
	details := configv1.FeatureGateDetails{Version: version, Disabled: []configv1.FeatureGateAttributes{{Name: "Off"}}}
	for _, name := range enabled {
		details.Enabled = append(details.Enabled, configv1.FeatureGateAttributes{Name: name})
	}
	return &configv1.FeatureGate{
		ObjectMeta: metav1.ObjectMeta{Name: names.Cluster},
		Status:     configv1.FeatureGateStatus{FeatureGates: []configv1.FeatureGateDetails{{Version: "4.1.0"}, details}},
	}
}

func TestGatesFor(t *testing.T) {
	set, found := gatesFor(gates("4.22.1", "Zeta", "Alpha"), "4.22.1")
	want := gateSet{enabled: []string{"Alpha", "Zeta"}, disabled: []string{"Off"}}
	if diff := cmp.Diff(want, set, cmp.AllowUnexported(gateSet{})); diff != "" || !found {
		t.Errorf("found %v, difference\n%s", found, diff)
	}
	for name, on := range map[string]bool{"Alpha": true, "Zeta": true, "Off": false, "NeverHeardOf": false} {
		if got := set.Enabled(name); got != on {
			t.Errorf("Enabled(%s) = %v", name, got)
		}
	}
	if _, found := gatesFor(gates("4.22.1"), "4.23.0"); found {
		t.Error("a version that is not listed was found")
	}
	if _, found := gatesFor(nil, "4.22.1"); found {
		t.Error("gates were found without a FeatureGate")
	}
}

// watched is a featureGates over an indexer, and what plays the informer's part.
type watched struct {
	*featureGates
	store    cache.Indexer
	recorder events.InMemoryRecorder
}

func watchGates(objects ...any) watched {
	store := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	versions := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, object := range objects {
		_ = store.Add(object)
	}
	recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(time.Now()))
	f := newFeatureGates("4.22.1", configlistersv1.NewFeatureGateLister(store), configlistersv1.NewClusterVersionLister(versions), recorder)
	return watched{featureGates: f, store: store, recorder: recorder}
}

func (w watched) update(t *testing.T, object *configv1.FeatureGate) {
	t.Helper()
	if err := w.store.Add(object); err != nil {
		t.Fatal(err)
	}
	w.handler().OnUpdate(nil, object)
}

func TestWaitForFeatureGates(t *testing.T) {
	type outcome struct {
		set   gateSet
		found bool
		err   error
	}
	wait := func(ctx context.Context, w watched, clock *clocktesting.FakeClock) <-chan outcome {
		result := make(chan outcome, 1)
		go func() {
			set, found, err := w.wait(ctx, clock)
			result <- outcome{set, found, err}
		}()
		return result
	}
	t.Run("gates that are there are taken at once", func(t *testing.T) {
		w := watchGates(gates("4.22.1", "New"))
		got := receive(t, wait(t.Context(), w, clocktesting.NewFakeClock(time.Now())))
		if got.err != nil || !got.found || !got.set.Enabled("New") {
			t.Errorf("got %+v", got)
		}
		if all := w.recorder.Events(); len(all) != 1 || all[0].Reason != "FeatureGatesInitialized" {
			t.Errorf("events: %v", all)
		}
	})
	t.Run("gates that come later are waited for", func(t *testing.T) {
		w := watchGates(gates("4.0.0"))
		clock := clocktesting.NewFakeClock(time.Now())
		result := wait(t.Context(), w, clock)
		await(t, "the timer", clock.HasWaiters)
		w.update(t, gates("4.22.1", "New"))
		if got := receive(t, result); got.err != nil || !got.found {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("gates that never come are an error after a minute", func(t *testing.T) {
		w := watchGates(gates("4.0.0"))
		clock := clocktesting.NewFakeClock(time.Now())
		result := wait(t.Context(), w, clock)
		await(t, "the timer", clock.HasWaiters)
		clock.Step(time.Minute)
		if got := receive(t, result); got.err == nil || !strings.Contains(got.err.Error(), `does not list version "4.22.1"`) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an end of the process is not an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := receive(t, wait(ctx, watchGates(), clocktesting.NewFakeClock(time.Now()))); got.err != nil || got.found {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFeatureGateDifference(t *testing.T) {
	w := watchGates(gates("4.22.1", "Old"))
	initial, _ := gatesFor(gates("4.22.1", "Old"), "4.22.1")
	result := make(chan string, 1)
	go func() { result <- w.difference(t.Context(), initial) }()

	// None of these is a difference: the same again, in another order, and a version that is listed no more.
	for _, same := range []*configv1.FeatureGate{gates("4.22.1", "Old"), gates("4.99.0", "New"), gates("4.22.1", "Old")} {
		w.update(t, same)
		await(t, "the update to be looked at", func() bool { return len(w.changed) == 0 })
	}
	select {
	case got := <-result:
		t.Fatalf("difference() = %q without one", got)
	default:
	}
	w.update(t, gates("4.22.1", "Old", "New"))
	if got := receive(t, result); !strings.Contains(got, "newly enabled New; newly disabled none; gone none") {
		t.Errorf("difference() = %q", got)
	}
	if all := w.recorder.Events(); len(all) != 1 || all[0].Reason != "FeatureGatesModified" {
		t.Errorf("events: %v", all)
	}
}
