package storage

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	batchv1listers "k8s.io/client-go/listers/batch/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	configv1listers "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// Metrics is where the controller counts.
type Metrics interface {
	// StorageReconfigured counts a completed switch to another kind or another bucket, container or claim.
	StorageReconfigured()
	// StorageType says which kind is in use; empty means none.
	StorageType(kind string)
}

// Deps are what the controller works with.
type Deps struct {
	Client operatorclient.Client
	Whereabouts

	Infrastructures configv1listers.InfrastructureLister
	SecretClient    corev1client.SecretInterface
	// Jobs need hold only names.Move; Image is our own, which that runs.
	Jobs      batchv1listers.JobNamespaceLister
	JobClient batchv1client.JobInterface
	Image     string
	// UserConfigMaps are of openshift-config, ManagedConfigMaps of openshift-config-managed.
	UserConfigMaps, ManagedConfigMaps corev1listers.ConfigMapNamespaceLister

	// Informers are those behind the listers, of Config and of whatever the drivers read.
	Informers []factory.Informer

	Clock    clock.Clock
	Recorder events.Recorder
	Metrics  Metrics
	// Version forms the user agent of cloud calls.
	Version string
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps, timeout: syncTimeout}
	return factory.New().
		WithInformers(deps.Informers...).
		WithSync(queue.Observed(names.StorageController, c.sync)).
		ToController(names.StorageController, deps.Recorder)
}

type controller struct {
	Deps
	// timeout bounds the cloud calls about one place in one sync.
	timeout time.Duration
	// memory is of this process only; without it the controller does more work, never other work.
	memory memory
	// standing is of this process only, too, and so is source: it is about the place that images are moved from when the
	// registry has left that.
	standing, source standing
	// configs bridges the time until the cache shows what was just written.
	configs freshest
	// used are the credentials that were used last.
	used credentials
	// unwritten counts consecutive syncs whose outcome could not be written to the cluster.
	unwritten int
}

// syncTimeout is how long the cloud calls about one place may take in one sync. What did not fit is retried.
const syncTimeout = 3 * time.Minute

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	cached, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	p := &pass{controller: c, config: c.configs.newer(cached), recorder: syncCtx.Recorder()}
	work := p.work()
	if work == nil {
		c.memory, c.standing, c.source = memory{}, standing{}, standing{}
		return nil
	}
	o := work(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if apierrors.IsConflict(o.err) {
		// The cache was behind; the event that tells us so is on its way.
		return nil
	}
	if err := p.finish(ctx, o); err != nil {
		return err
	}
	if wait, due := c.due(o); due {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), wait)
	}
	return nil
}

// due is when the next sync has to come without being asked for.
func (c *controller) due(o outcome) (time.Duration, bool) {
	if o.unwritten {
		c.unwritten++
		return backoff(c.unwritten), true
	}
	c.unwritten = 0
	return max(o.next.Sub(c.Clock.Now()), 0), !o.next.IsZero()
}
