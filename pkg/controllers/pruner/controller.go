package pruner

import (
	"context"
	"time"

	"k8s.io/client-go/kubernetes"
	batchlisters "k8s.io/client-go/listers/batch/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistryclient "github.com/openshift/client-go/imageregistry/clientset/versioned/typed/imageregistry/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// firstTimePatience bounds how long the pruner leaves the API server to the registry, on a cluster that has neither:
// the first run is hours away.
const firstTimePatience = 10 * time.Second

// Metrics takes the series of the pruner.
type Metrics interface {
	// PrunerInstalled is 0 without a CronJob, 1 with a suspended one, 2 with one that runs.
	PrunerInstalled(status int)
	// PrunerFailedRuns is the number of runs that have failed since the last success; counting ends at 3.
	PrunerFailedRuns(count int)
}

// Deps are what the controller needs.
type Deps struct {
	// Client reads Config.
	Client operatorclient.Client
	// ImagePruners come from the informer of NewInformer.
	ImagePruners      imageregistrylisters.ImagePrunerLister
	ImagePrunerClient imageregistryclient.ImagePrunerInterface
	Images            configlisters.ImageLister

	ClusterRoles        rbaclisters.ClusterRoleLister
	ClusterRoleBindings rbaclisters.ClusterRoleBindingLister
	ServiceAccounts     corelisters.ServiceAccountNamespaceLister
	NetworkPolicies     networkinglisters.NetworkPolicyNamespaceLister
	CronJobs            batchlisters.CronJobNamespaceLister
	// Jobs need hold only those with the label names.PrunerJobLabel.
	Jobs batchlisters.JobNamespaceLister
	// Informers are behind all of the above but Jobs; each holds nothing but what the controller reads.
	Informers []factory.Informer
	// JobInformer is behind Jobs: of these the events matter, too.
	JobInformer factory.Informer

	// Kube writes all but ImagePruner.
	Kube kubernetes.Interface
	// PrunerImage has the command that prunes.
	PrunerImage string

	Clock    clock.PassiveClock
	Recorder events.Recorder
	Metrics  Metrics
}

type controller struct {
	Deps
	applier *apply.Applier
	sighted sightings
	// Only the one worker touches these.
	started  time.Time
	refused  *refusal
	patience apply.Patience
	// replaced is the version of ImagePruner that our last write of its status replaced.
	replaced string
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps, applier: apply.NewApplier(deps.Recorder)}
	return factory.New().
		WithSync(queue.Retrying(names.PrunerController, c.sync)).
		WithInformers(deps.Informers...).
		WithInformersQueueKeysFunc(c.sighted.note, deps.JobInformer).
		ToController(names.PrunerController, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	again, err := c.pass(ctx)
	if again > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), again)
	}
	return err
}

// pass does what there is to do, and says when a look is due although nothing has changed; zero for never.
func (c *controller) pass(ctx context.Context) (time.Duration, error) {
	in, err := c.gather()
	if err != nil {
		return 0, err
	}
	if wait := c.putOff(in); wait > 0 {
		return wait, nil
	}
	if in.pruner == nil {
		return 0, c.bootstrap(ctx)
	}
	f := c.reconcile(ctx, in)
	if c.patience.Behind(f.applied) {
		return 0, f.applied
	}
	c.Metrics.PrunerInstalled(f.installed())
	c.Metrics.PrunerFailedRuns(len(f.past.streak))
	status, next := evaluate(f)
	if err := c.publish(ctx, f, status); err != nil {
		return 0, err
	}
	if f.invalid != nil {
		klog.InfoS("cannot go on before something is changed", "controller", names.PrunerController, "err", f.invalid)
	}
	if next.IsZero() {
		return 0, f.applied
	}
	return max(next.Sub(f.now), time.Second), f.applied
}

// putOff says how much longer the pruner should wait for the registry, which a new cluster needs first.
func (c *controller) putOff(in found) time.Duration {
	now := c.Clock.Now()
	if c.started.IsZero() {
		c.started = now
	}
	if in.cronJob != nil || in.begun() {
		return 0
	}
	return firstTimePatience - now.Sub(c.started)
}
