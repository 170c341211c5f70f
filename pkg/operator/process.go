package operator

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

// Options are what the command line and the environment say.
type Options struct {
	// Kubeconfig is the file to reach the cluster with; empty means the pod's ServiceAccount.
	Kubeconfig string
	// Files end the process when they change.
	Files []string
	// ConfigFile is the controller configuration file; empty means defaults.
	ConfigFile string
	// Environment of the process.
	Environment Environment
}

// restart is the cause of an orderly end that nobody asked for: the process is to be started again with what has
// changed. It is not an error: the exit code is 0.
type restart struct{ reason string }

func (r restart) Error() string { return r.reason }

// process is one run of the operator.
type process struct {
	options Options
	inputs  *Inputs
	metrics *metrics.Metrics
	clock   clock.WithTicker
	health  *leaderelection.HealthzAdaptor
	// stop ends the process in order, with a cause.
	stop context.CancelCauseFunc
	// involved is what events are attached to.
	involved *corev1.ObjectReference
	recorder events.Recorder
	// ledger knows what has been said in events.
	ledger *ledger
	// notReady says why the process is not ready; empty when it is.
	notReady atomic.Pointer[string]
}

// Run runs the operator until the context ends or a reason to restart comes up. An error means exit code 1.
func Run(ctx context.Context, options Options) error {
	watcher, err := newFileWatcher(options.Files)
	if err != nil {
		return err
	}
	config, err := restConfig(options.Kubeconfig)
	if err != nil {
		return err
	}
	inputs, err := NewInputs(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &process{
		options: options, inputs: inputs, clock: clock.RealClock{}, stop: stop,
		metrics: NewMetrics(),
		health:  leaderelection.NewLeaderHealthzAdaptor(healthGrace),
	}
	inputs.expose(p.metrics)
	p.setReady("starting")
	server, err := metrics.Listen(ctx, loadMaterial(options.ConfigFile), p.metrics.Gatherer(),
		metrics.Checks{Healthy: healthy(p.health), Ready: p.ready}, p.clock)
	if err != nil {
		return err
	}
	endServing := p.serve(ctx, server)
	defer endServing()
	go func() {
		if change := watcher.run(ctx, p.clock); change != "" {
			stop(restart{change})
		}
	}()
	return p.run(ctx, config)
}

// serve answers scrapes and probes until the returned function is called: that is after the workers have ended, so
// that their last moments can be seen.
func (p *process) serve(ctx context.Context, server *metrics.Server) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := server.Serve(ctx)
		switch {
		case errors.Is(err, metrics.ErrAddressChanged):
			p.stop(restart{err.Error()})
		case err != nil:
			p.stop(err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// run fills the caches, competes for the lease, leads, and tells orderly ends from failures.
func (p *process) run(ctx context.Context, config *rest.Config) error {
	informers, clients := p.inputs.informers, p.inputs.clients
	// Before the lease: a successor that leads with full caches acts at once.
	wait := p.inputs.Start(ctx)
	defer wait()
	var times timings
	var topologyErr error
	var reads sync.WaitGroup
	reads.Go(func() { times, topologyErr = readTimings(ctx, informers.infrastructure) })
	reads.Go(func() { p.involved = involvedObject(ctx, clients.kube) })
	reads.Go(func() { p.ledger = newLedger(p.clock, saidBefore(ctx, clients.kube)) })
	reads.Wait()
	p.recorder = newRecorder(clients.kube.CoreV1().Events(names.OperatorNamespace), p.involved, p.ledger)
	if topologyErr != nil && ctx.Err() == nil {
		p.recorder.Warningf("ControlPlaneTopology", "Using the lease timing of a highly available control plane: %v", topologyErr)
	}
	leases, err := leaseClient(config, times)
	if err != nil {
		return err
	}
	identity, err := newIdentity()
	if err != nil {
		return err
	}
	recorder, flush := leaseRecorder(clients.kube)
	defer flush()
	e := &election{
		leases: leases, releases: leaseReleases(clients.kube), identity: identity,
		timings: times, recorder: recorder, health: p.health, drain: drainTime,
	}
	p.setReady("")
	return p.verdict(ctx, e.run(ctx, p.lead))
}

// verdict makes the end of the process out of what ended it.
func (p *process) verdict(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	var again restart
	switch {
	case errors.Is(err, errLeaseLost):
		// An API outage longer than the renew deadline. Starting anew is right, and no failure of ours.
		klog.Warningf("Exiting: %v", err)
		return nil
	case err != nil:
		return err
	case errors.As(cause, &again):
		klog.Infof("Exiting to start anew: %v", cause)
		warnRestart(ctx, p.inputs.clients.kube, p.involved, p.ledger, cause)
		return nil
	case cause != nil && !errors.Is(cause, context.Canceled):
		return cause
	}
	klog.Info("Exiting: asked to stop")
	return nil
}

func (p *process) setReady(reason string) { p.notReady.Store(&reason) }

// ready is true for a process that waits for the lease: it is ready to take over.
func (p *process) ready() error {
	if reason := *p.notReady.Load(); reason != "" {
		return errors.New(reason)
	}
	return nil
}

func logVersions(files []string) {
	klog.Infof("Cluster Image Registry Operator Version: %s", version.Version)
	klog.Infof("Go Version: %s", runtime.Version())
	klog.Infof("Go OS/Arch: %s/%s", runtime.GOOS, runtime.GOARCH)
	if len(files) > 0 {
		klog.Infof("Watching files %v...", files)
	}
}
