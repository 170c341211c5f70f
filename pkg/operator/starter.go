package operator

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/klog/v2"
)

// lead runs the controllers until the context ends, and returns when the last worker has.
func (p *process) lead(ctx context.Context) error {
	informers := p.inputs.informers
	logVersions(p.options.Files)
	p.setReady("starting controllers")
	gates := newFeatureGates(p.options.Environment.ImageVersion, informers.featureGate.Lister(), informers.clusterVersion.Lister(), p.recorder)
	for _, informer := range []cacheInformer{informers.featureGate.Informer(), informers.clusterVersion.Informer()} {
		if _, err := informer.AddEventHandler(gates.handler()); err != nil {
			return fmt.Errorf("watching feature gates: %w", err)
		}
	}
	initial, found, err := gates.wait(ctx, p.clock)
	if err != nil || !found {
		return err
	}
	var workers sync.WaitGroup
	workers.Go(func() {
		if difference := gates.difference(ctx, initial); difference != "" {
			p.stop(restart{difference})
		}
	})
	informers.headStart(ctx)
	around := Surroundings{
		Environment: p.options.Environment, Clock: p.clock, Recorder: p.recorder, Metrics: p.metrics,
		ImportMode: initial.Enabled(importModeGate),
	}
	for _, controller := range NewControllers(p.inputs, around) {
		// One worker each: the work of each is one object.
		workers.Go(func() { controller.Run(ctx, 1) })
	}
	p.setReady("")
	workers.Wait()
	klog.Info("All workers have ended")
	return nil
}
