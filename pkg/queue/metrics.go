package queue

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/component-base/metrics/legacyregistry"

	"github.com/openshift/library-go/pkg/controller/factory"
)

// The results of a sync. A conflict is no error: it is met by whoever writes what others write too.
const (
	resultOK       = "ok"
	resultConflict = "conflict"
	resultError    = "error"
)

var (
	syncs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "image_registry_operator_syncs_total",
		Help: "Total syncs of a controller by result: ok, conflict (the cache was behind) or error.",
	}, []string{"controller", "result"})
	// The library's histogram of work durations starts at a nanosecond and has ten buckets for eight decades.
	syncSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "image_registry_operator_sync_duration_seconds",
		Help:    "How long the syncs of a controller took.",
		Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60},
	}, []string{"controller"})
)

// In the global registry, like the work queues' own series: what makes a controller retry is one for the whole process.
func init() { legacyregistry.RawMustRegister(syncs, syncSeconds) }

// Observed returns a sync function that counts its results and measures how long it takes. Retrying does so too.
func Observed(name string, sync factory.SyncFunc) factory.SyncFunc {
	return func(ctx context.Context, syncCtx factory.SyncContext) error {
		begin := time.Now()
		err := sync(ctx, syncCtx)
		syncs.WithLabelValues(name, resultOf(err)).Inc()
		syncSeconds.WithLabelValues(name).Observe(time.Since(begin).Seconds())
		return err
	}
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case apierrors.IsConflict(err):
		return resultConflict
	}
	return resultError
}
