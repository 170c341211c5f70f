package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const (
	// drainTime is how long the workers may take to finish what they are at.
	drainTime = 10 * time.Second
	// releaseTime bounds the release of the lease: without it the kubelet would kill us in the middle of it.
	releaseTime = 5 * time.Second
)

// timings of the lease.
type timings struct {
	lease, renew, retry time.Duration
}

// timingsFor tells how patient the lease is. They survive a minute (on a single node: four) of an unreachable API
// server, which is what an upgrade of the control plane takes.
func timingsFor(topology configv1.TopologyMode) timings {
	if topology == configv1.SingleReplicaTopologyMode {
		return timings{lease: 270 * time.Second, renew: 240 * time.Second, retry: time.Minute}
	}
	return timings{lease: 137 * time.Second, renew: 107 * time.Second, retry: 26 * time.Second}
}

// errLeaseLost means that the lease could not be renewed in time: somebody else may lead now.
var errLeaseLost = errors.New("leader election lost")

// election runs work while it holds the lease.
type election struct {
	// leases needs a client whose requests give up within the renew deadline.
	leases coordinationv1client.LeasesGetter
	// releases starts telling of releases of the lease by its holder, until the context ends.
	releases func(ctx context.Context, released chan<- struct{})
	identity string
	timings  timings
	recorder resourcelock.EventRecorder
	health   *leaderelection.HealthzAdaptor
	// drain is how long the workers may take to end.
	drain time.Duration
}

// term is one candidacy: it ends when the elector has returned.
type term struct {
	elector *leaderelection.LeaderElector
	stop    context.CancelFunc
	leading <-chan context.Context
	other   <-chan struct{}
	done    <-chan struct{}
}

// end stops the candidacy and waits for it.
func (t *term) end() {
	t.stop()
	<-t.done
}

// run waits for the lease, leads, and gives the lease back once lead has returned. It returns nil without leading if
// the context ends first. The context given to lead ends when ctx ends or the lease is lost; lead then has drainTime.
func (e *election) run(ctx context.Context, lead func(context.Context) error) error {
	released := make(chan struct{}, 1)
	watching := false
	watchCtx, unwatch := context.WithCancel(ctx)
	defer unwatch()
	for {
		t, err := e.stand(ctx)
		if err != nil {
			return err
		}
		lost, again := e.await(ctx, t, released, func() {
			// Only now: who gets the lease at the first try never pays for the watch.
			if !watching {
				watching = true
				e.releases(watchCtx, released)
			}
		})
		if again {
			continue
		}
		unwatch()
		if lost == nil {
			// The lease may have been won at the very moment the context ended.
			e.release(ctx, t.elector)
			return nil
		}
		return e.lead(ctx, t, lost, lead)
	}
}

// stand starts a candidacy that outlives ctx: the workers need the lease until they have ended.
func (e *election) stand(ctx context.Context) (*term, error) {
	leading, other, done := make(chan context.Context, 1), make(chan struct{}, 1), make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name:          names.OperatorDeployment,
		Lock:          &justTaken{Interface: e.lock(), clock: clock.RealClock{}, window: e.timings.retry / 2},
		LeaseDuration: e.timings.lease,
		RenewDeadline: e.timings.renew,
		RetryPeriod:   e.timings.retry,
		WatchDog:      e.health,
		// We release it ourselves, later: the elector would do so before the workers have ended.
		ReleaseOnCancel: false,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { leading <- ctx },
			OnStoppedLeading: func() {},
			OnNewLeader: func(identity string) {
				if identity != "" && identity != e.identity {
					select {
					case other <- struct{}{}:
					default:
					}
				}
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the leader election: %w", err)
	}
	if e.health != nil {
		e.health.SetLeaderElection(elector)
	}
	electionCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(done)
		elector.Run(electionCtx)
	}()
	return &term{elector: elector, stop: stop, leading: leading, other: other, done: done}, nil
}

func (e *election) lock() *resourcelock.LeaseLock {
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: names.Lease},
		Client:     e.leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: e.identity, EventRecorder: e.recorder},
	}
}

// await waits until the candidacy succeeds, and then returns the channel that tells when the lease is lost, or until the
// context ends. A released lease ends the candidacy
// and asks for another one: the elector only tries at its retry period, a new one tries at once.
func (e *election) await(ctx context.Context, t *term, released <-chan struct{}, onOther func()) (lost <-chan struct{}, again bool) {
	for {
		select {
		case <-ctx.Done():
			t.end()
			return nil, false
		case leading := <-t.leading:
			return leading.Done(), false
		case <-t.other:
			onOther()
		case <-released:
			klog.Info("The lease was released: trying to acquire it at once")
			t.end()
			// If this candidacy had just won, the next one finds our own identity in the lease.
			return nil, true
		}
	}
}

// lead runs the work and releases the lease after it.
func (e *election) lead(ctx context.Context, t *term, lost <-chan struct{}, lead func(context.Context) error) error {
	workCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- lead(workCtx) }()

	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = e.awaitWorkers(ended)
	case <-lost:
		klog.Warning("The lease is lost: another operator may lead")
		cancel()
		err = errors.Join(errLeaseLost, e.awaitWorkers(ended))
	}
	t.end()
	e.release(ctx, t.elector)
	return err
}

// awaitWorkers waits for the workers, but not for ever.
func (e *election) awaitWorkers(ended <-chan error) error {
	timer := time.NewTimer(e.drain)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		klog.Warningf("Workers are still running after %s: leaving without them", e.drain)
		return nil
	}
}

// release gives the lease back if it is still ours, so that a successor leads at once and not after the lease expires.
func (e *election) release(ctx context.Context, elector *leaderelection.LeaderElector) {
	if !elector.IsLeader() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	lock := e.lock()
	record, _, err := lock.Get(ctx)
	if err != nil {
		klog.Warningf("Releasing lease %s: %v", lock.Describe(), err)
		return
	}
	if record.HolderIdentity != e.identity {
		return
	}
	now := metav1.Now()
	err = lock.Update(ctx, resourcelock.LeaderElectionRecord{
		LeaderTransitions:    record.LeaderTransitions,
		LeaseDurationSeconds: 1,
		RenewTime:            now,
		AcquireTime:          now,
	})
	if err != nil {
		klog.Warningf("Releasing lease %s: %v", lock.Describe(), err)
		return
	}
	klog.Infof("Released lease %s", lock.Describe())
}

// healthGrace is how long past the renewal that should have been the elector may be before it counts as stuck.
const healthGrace = 30 * time.Second

// healthy fails when the lease should have been renewed long ago: the elector is stuck and the kubelet should help.
func healthy(health *leaderelection.HealthzAdaptor) func() error {
	return func() error { return health.Check(&http.Request{}) }
}

// isReleased tells a lease without a holder.
func isReleased(lease *coordinationv1.Lease) bool {
	return lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == ""
}
