package nodeca

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	appslisters "k8s.io/client-go/listers/apps/v1"
	"k8s.io/utils/clock"

	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	// DaemonSets, DaemonSetInformer and DaemonSetClient are of the operator's namespace: names.NodeCA.
	DaemonSets        appslisters.DaemonSetNamespaceLister
	DaemonSetInformer factory.Informer
	DaemonSetClient   apply.Client[*appsv1.DaemonSet]

	// Image has the program that runs on the nodes: the operator's own.
	Image string

	Clock    clock.PassiveClock
	Recorder events.Recorder
}

type controller struct {
	Deps
	applier *apply.Applier
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps, applier: apply.NewApplier(deps.Recorder)}
	return factory.New().
		WithSync(queue.Retrying(names.NodeCAController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.DaemonSetInformer).
		ToController(names.NodeCAController, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	if !conditions.Begun(config.Status.Conditions) {
		return nil
	}
	facts := Facts{Stored: config.Status, Now: c.Clock.Now()}
	if facts.Live, err = c.DaemonSets.Get(names.NodeCA); apierrors.IsNotFound(err) {
		facts.Live, err = nil, nil
	}
	if facts.Unreadable = err; err == nil {
		c.apply(ctx, &facts)
	}
	if apply.Behind(facts.Applied) {
		return facts.Applied
	}
	status, again := Status(facts)
	if again > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), again)
	}
	err = c.Client.ApplyStatus(ctx, names.NodeCAController, status)
	switch {
	case err == nil:
		tell(c.Recorder, config.Status.Conditions, status.Conditions)
	case !apierrors.IsNotFound(err):
		return err
	}
	return failure(facts)
}

// apply writes the DaemonSet if it is not what it should be. It does not touch one that is on its way out: its deletion is
// an event.
func (c *controller) apply(ctx context.Context, facts *Facts) {
	if facts.Live != nil && facts.Live.DeletionTimestamp != nil {
		return
	}
	stored, _, err := apply.Apply(ctx, c.applier, c.DaemonSetClient, apply.DaemonSet, facts.Live, Desired(c.Image))
	if facts.Applied = err; err == nil {
		facts.Live, facts.Confirmed = stored, true
	}
}
