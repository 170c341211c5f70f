package golden

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operator"
)

const (
	userAgent = "cluster-image-registry-operator"
	// patience is how long caches may take, tries how many rounds may write before we say that there is no rest.
	patience = 30 * time.Second
	tries    = 20
)

// epoch is when everything happens.
var epoch = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// run is the operator over one case.
type run struct {
	t           *testing.T
	store       *store
	inputs      *operator.Inputs
	controllers []factory.Controller
	recorder    events.InMemoryRecorder
	clock       *clocktesting.FakeClock
	// past counts the events that are forgotten.
	past int
}

// runCase assembles the operator over the objects of a case and carries its edits out.
func runCase(t *testing.T, about testCase, objects []*object) *run {
	t.Helper()
	r := start(t, about, objects)
	r.settle()
	for i, edit := range about.Edits {
		if i == 0 {
			r.forget()
		}
		r.edit(edit)
		r.settle()
	}
	return r
}

// start assembles the operator over the objects of a case, and waits for its caches.
func start(t *testing.T, about testCase, objects []*object) *run {
	t.Helper()
	store := newStore(t)
	for _, o := range objects {
		if err := store.load(o.DeepCopy()); err != nil {
			t.Fatal(err)
		}
	}
	if about.StorageDone != nil {
		if err := store.storageDone(about.StorageDone); err != nil {
			t.Fatal(err)
		}
	}
	inputs, err := operator.NewInputs(&rest.Config{Host: serve(t, store), UserAgent: userAgent, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(epoch)
	recorder := events.NewInMemoryRecorder("operator", clock)
	all := operator.NewControllers(inputs, operator.Surroundings{
		Environment: operator.Environment{ReleaseVersion: "4.22.0", ImageVersion: "4.22.0", RegistryImage: "example.com/openshift/image-registry:4.22.0", PrunerImage: "example.com/openshift/cli:4.22.0", OperatorImage: "example.com/openshift/operator:4.22.0"},
		Clock:       clock, Recorder: recorder, Metrics: operator.NewMetrics(),
	})
	r := &run{t: t, store: store, inputs: inputs, recorder: recorder, clock: clock}
	for _, controller := range all {
		if !slices.Contains(about.Without, controller.Name()) {
			r.controllers = append(r.controllers, controller)
		}
	}
	if len(r.controllers)+len(about.Without) != len(all) {
		t.Fatalf("one of %v is no controller", about.Without)
	}
	// Cleanups run last in, first out: the server ends after its watches.
	ctx, cancel := context.WithCancel(context.Background())
	wait := inputs.Start(ctx)
	t.Cleanup(func() { cancel(); wait() })
	r.await("the first lists", func() bool {
		return !slices.ContainsFunc(inputs.Informers(), func(i informer) bool { return !i.HasSynced() })
	})
	r.catchUp()
	return r
}

// settle runs every controller in turn until a whole round writes nothing, then lets the cluster react, and so on
// until neither has anything to do.
func (r *run) settle() {
	r.t.Helper()
	for range tries {
		before := len(r.store.logged())
		err := r.round()
		if len(r.store.logged()) > before {
			continue
		}
		if react(r.store) {
			r.catchUp()
			continue
		}
		if err != nil {
			r.t.Errorf("a sync at rest: %v", err)
		}
		return
	}
	r.t.Fatalf("no rest after %d rounds; the last writes:\n%s", tries, strings.Join(last(r.store.logged(), 10), "\n"))
}

// forget drops what has been recorded so far.
func (r *run) forget() {
	r.store.forget()
	r.past = len(r.recorder.Events())
}

func (r *run) edit(e edit) {
	r.t.Helper()
	if e.Why == "" {
		r.t.Error("an edit says why")
	}
	var failure error
	if e.Config != nil {
		failure = errors.Join(failure, r.store.edit("Config "+names.Cluster, e.Config))
	}
	if e.ImagePruner != nil {
		failure = errors.Join(failure, r.store.edit("ImagePruner "+names.Cluster, e.ImagePruner))
	}
	for _, name := range e.Delete {
		failure = errors.Join(failure, r.store.delete(name))
	}
	if failure != nil {
		r.t.Fatal(failure)
	}
	r.catchUp()
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

func base64of(value []byte) string { return base64.StdEncoding.EncodeToString(value) }

// round is one sync of each; it returns the last error.
func (r *run) round() error {
	var failure error
	for _, controller := range r.controllers {
		before := r.store.latest()
		syncCtx := factory.NewSyncContext(controller.Name(), r.recorder)
		err := controller.Sync(r.t.Context(), syncCtx)
		syncCtx.Queue().ShutDown()
		if err != nil {
			failure = err
		}
		if r.store.latest() != before {
			r.catchUp()
		}
	}
	return failure
}

// catchUp waits until the caches hold what the watches should have brought.
func (r *run) catchUp() {
	r.t.Helper()
	r.await("the caches to catch up", func() bool {
		var cached []string
		for _, informer := range r.inputs.Informers() {
			for _, item := range informer.GetStore().List() {
				cached = append(cached, versionOf(item))
			}
		}
		slices.Sort(cached)
		return slices.Equal(cached, r.store.versions())
	})
}

func (r *run) await(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waiting for %s; the last writes:\n%s", what, strings.Join(last(r.store.logged(), 10), "\n"))
		}
	}
}
