// Package metrics defines the operator's own series, once, and serves them together with those of the libraries, the
// health and the readiness of the process.
package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/component-base/metrics/legacyregistry"

	// Request, work queue and leader series of the client library. They must be registered before the first client
	// and the first queue is made: the library keeps the provider it finds then.
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
)

// Metrics are the operator's series. The names of the storage series are a contract with dashboards and telemetry.
type Metrics struct {
	registry            *prometheus.Registry
	storageReconfigured prometheus.Counter
	storageType         *prometheus.GaugeVec
	azureKeyCache       *prometheus.CounterVec
	pruner              pruner
	kinds               []string
}

// New makes and registers the series. The kinds are the values of the label storage, so that every kind is
// exported from the start and a switch never leaves two of them at 1.
func New(version string, kinds ...string) *Metrics {
	m := &Metrics{
		kinds:    kinds,
		registry: prometheus.NewRegistry(),
		storageReconfigured: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "image_registry_operator_storage_reconfigured_total",
			Help: "Total times the storage of the image registry was switched to another backend or location.",
		}),
		storageType: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "image_registry_storage_type",
			Help: "1 for the kind of storage that the image registry uses, 0 for the others.",
		}, []string{"storage"}),
		azureKeyCache: newAzureKeyCache(),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "image_registry_operator_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH},
	}, func() float64 { return 1 })
	m.registry.MustRegister(m.storageReconfigured, m.storageType, m.azureKeyCache, build)
	m.pruner = newPruner(m.registry)
	m.StorageType("")
	return m
}

// StorageReconfigured counts a completed switch of the storage backend or location.
func (m *Metrics) StorageReconfigured() { m.storageReconfigured.Inc() }

// StorageType says which kind of storage is in use; empty means none.
func (m *Metrics) StorageType(kind string) {
	for _, other := range m.kinds {
		m.storageType.WithLabelValues(other).Set(0)
	}
	if kind != "" {
		m.storageType.WithLabelValues(kind).Set(1)
	}
}

// Gatherer gives every series: our own, and those that libraries put into the global registry (process, Go runtime,
// client requests, work queues, leader election, events).
func (m *Metrics) Gatherer() prometheus.Gatherer {
	return prometheus.Gatherers{m.registry, legacyregistry.DefaultGatherer}
}
