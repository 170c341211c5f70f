package routes

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routeclient "github.com/openshift/client-go/route/clientset/versioned/typed/route/v1"
	routelisters "github.com/openshift/client-go/route/listers/route/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

const (
	// patience is how long the first list of routes may take before we say that their API is missing.
	patience = 30 * time.Second
	// lookAgain is how often we look whether that list has come.
	lookAgain = time.Second
	// lookAgainLater is the same once patience has run out.
	lookAgainLater = 10 * time.Second
)

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	// Routes, RouteInformer and RouteClient are of the operator's namespace. The informer may never sync.
	Routes        routelisters.RouteNamespaceLister
	RouteInformer factory.Informer
	RouteClient   routeclient.RouteInterface

	// Secrets are all of the operator's namespace: Config names them.
	Secrets        corelisters.SecretNamespaceLister
	SecretInformer factory.Informer

	Clock    clock.PassiveClock
	Recorder events.Recorder
}

type controller struct {
	Deps
	applier *apply.Applier
	// started is the time of the first sync; only the one worker touches it.
	started time.Time
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps, applier: apply.NewApplier(deps.Recorder)}
	return factory.New().
		WithSync(queue.Retrying(names.RoutesController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.SecretInformer, queue.Unhurried(deps.RouteInformer)).
		ToController(names.RoutesController, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	if !c.RouteInformer.HasSynced() {
		return c.withoutRoutes(ctx, syncCtx, config)
	}
	live, err := c.live()
	if err != nil {
		return err
	}
	plan, touch := c.plan(config)
	var problems []Problem
	var failure error
	if touch {
		problems, failure = c.apply(ctx, plan, live)
	}
	if err := c.publish(ctx, config, ready(problems, refusals(plan, live))); err != nil {
		return err
	}
	return failure
}

// plan returns what config asks for in its state, and whether routes may be written at all.
func (c *controller) plan(config *imageregistryv1.Config) (Plan, bool) {
	if config.DeletionTimestamp != nil {
		return Plan{Wanted: sets.New[string]()}, true
	}
	switch config.Spec.ManagementState {
	case operatorv1.Managed:
		return Desired(config, c.Secrets.Get), true
	case operatorv1.Removed:
		return Plan{Wanted: sets.New[string]()}, true
	case operatorv1.Unmanaged:
		return Plan{Wanted: sets.New[string]()}, false
	default:
		// Force and the empty state write nothing, but a refused route degrades them as it does Managed.
		return Plan{Wanted: Desired(config, c.Secrets.Get).Wanted}, false
	}
}

// withoutRoutes does what can be done before the first list of routes.
func (c *controller) withoutRoutes(ctx context.Context, syncCtx factory.SyncContext, config *imageregistryv1.Config) error {
	now := c.Clock.Now()
	if c.started.IsZero() {
		c.started = now
	}
	plan, touch := c.plan(config)
	needed := touch && plan.Wanted.Len() > 0
	if needed && now.Sub(c.started) < patience {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), lookAgain)
		return nil
	}
	// Events may never come, so look again.
	syncCtx.Queue().AddAfter(syncCtx.QueueKey(), lookAgainLater)
	if !needed {
		return c.publish(ctx, config, ready(nil, nil))
	}
	return c.publish(ctx, config, ready([]Problem{{names.ReasonError, "routes.route.openshift.io cannot be listed: the API is not served or does not answer"}}, nil))
}
