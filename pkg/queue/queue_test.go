package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/utils/clock"

	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"
)

func TestNames(t *testing.T) {
	filter := Names("a", "b")
	object := func(name string) *corev1.Secret { return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	for _, tc := range []struct {
		name string
		obj  any
		want bool
	}{
		{"a listed name passes", object("b"), true},
		{"another name does not", object("c"), false},
		{"the tombstone of a listed name passes", cache.DeletedFinalStateUnknown{Key: "x/a", Obj: object("a")}, true},
		{"the tombstone of another name does not", cache.DeletedFinalStateUnknown{Key: "x/c", Obj: object("c")}, false},
		{"something without a name does not", "a", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := filter(tc.obj); got != tc.want {
				t.Errorf("filter() = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestRetryingRepeatsAfterAnErrorOnly(t *testing.T) {
	syncCtx := factory.NewSyncContext("test", events.NewInMemoryRecorder("test", clock.RealClock{}))
	calls := 0
	sync := Retrying("test", func(context.Context, factory.SyncContext) error {
		if calls++; calls == 1 {
			return errors.New("no")
		}
		return nil
	})
	if err := sync(t.Context(), syncCtx); err != nil {
		t.Fatalf("an error must not reach the factory, got %v", err)
	}
	again := make(chan any, 1)
	go func() {
		key, _ := syncCtx.Queue().Get()
		again <- key
	}()
	select {
	case <-again:
	case <-time.After(30 * time.Second):
		t.Fatal("the failed sync was not repeated")
	}
	if err := sync(t.Context(), syncCtx); err != nil {
		t.Fatal(err)
	}
	if n := syncCtx.Queue().Len(); n != 0 {
		t.Errorf("%d keys queued after a success", n)
	}
	syncCtx.Queue().ShutDown()
}

func TestResultsOfSyncsAreCounted(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "configs"}, "cluster", errors.New("newer"))
	outcomes := []error{nil, errors.New("no"), fmt.Errorf("applying: %w", conflict), nil}
	sync := Observed("counted", func(context.Context, factory.SyncContext) error {
		err := outcomes[0]
		outcomes = outcomes[1:]
		return err
	})
	for len(outcomes) > 0 {
		want := outcomes[0]
		if got := sync(t.Context(), nil); !errors.Is(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if len(metric.GetLabel()) == 0 || metric.GetLabel()[0].GetValue() != "counted" {
				continue
			}
			switch family.GetName() {
			case "image_registry_operator_syncs_total":
				got[metric.GetLabel()[1].GetValue()] = uint64(metric.GetCounter().GetValue())
			case "image_registry_operator_sync_duration_seconds":
				got["timed"] = metric.GetHistogram().GetSampleCount()
			}
		}
	}
	if diff := cmp.Diff(map[string]uint64{"ok": 2, "error": 1, "conflict": 1, "timed": 4}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
