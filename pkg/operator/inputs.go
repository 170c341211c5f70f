package operator

import (
	"context"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

// Inputs are the clients and informers that the controllers work with. What answers behind the address, a cluster or
// the objects of a golden case, neither they nor the controllers can tell.
type Inputs struct {
	clients   clients
	informers *informerSet
}

// NewInputs makes clients and informers; nothing is sent before Start.
func NewInputs(config *rest.Config) (*Inputs, error) {
	clients, err := newClients(config)
	if err != nil {
		return nil, err
	}
	return &Inputs{clients: clients, informers: newInformers(clients)}, nil
}

// Start starts every informer and returns a function that waits for their ends.
func (in *Inputs) Start(ctx context.Context) func() { return in.informers.start(ctx) }

// Informers are all there are. Who runs one sync at a time looks into them to know that the caches have caught up.
func (in *Inputs) Informers() []cache.SharedIndexInformer {
	all := make([]cache.SharedIndexInformer, 0, len(in.informers.table))
	for _, row := range in.informers.table {
		all = append(all, row.informer)
	}
	return all
}

// Surroundings are what the controllers take from the process they run in.
type Surroundings struct {
	Environment Environment
	Clock       clock.WithTicker
	Recorder    events.Recorder
	Metrics     *metrics.Metrics
	// ImportMode tells that the feature gate ImageStreamImportMode is on.
	ImportMode bool
}

// NewMetrics makes the metrics of one run.
func NewMetrics() *metrics.Metrics { return metrics.New(version.Version, kindNames()...) }
