package imageconfig

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	operatorv1 "github.com/openshift/api/operator/v1"
	configclient "github.com/openshift/client-go/config/clientset/versioned/typed/config/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	routelisters "github.com/openshift/client-go/route/listers/route/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// lookAgain is how often we look whether the first list of routes has come.
const lookAgain = 5 * time.Second

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	Images        configlisters.ImageLister
	ImageInformer factory.Informer
	ImageClient   configclient.ImageInterface

	// Services of the operator's namespace: names.Registry.
	Services        corelisters.ServiceNamespaceLister
	ServiceInformer factory.Informer

	// Routes are of the operator's namespace. The informer may never sync.
	Routes        routelisters.RouteNamespaceLister
	RouteInformer factory.Informer

	ClusterVersions        configlisters.ClusterVersionLister
	ClusterVersionInformer factory.Informer
	// ImportMode tells that the feature gate ImageStreamImportMode is on.
	ImportMode bool

	Clock    clock.PassiveClock
	Recorder events.Recorder
}

type controller struct {
	Deps
	// last is what was written; only the one worker touches it.
	last attempt
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps}
	return factory.New().
		WithSync(queue.Retrying(names.ImageConfigController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.ImageInformer, deps.ClusterVersionInformer, queue.Unhurried(deps.RouteInformer)).
		WithFilteredEventsInformers(queue.Names(names.Registry), deps.ServiceInformer).
		ToController(names.ImageConfigController, deps.Recorder)
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
		// A hostname published before there is a registry makes builds push to nowhere. The first core conditions are an
		// event.
		return nil
	}
	in, failure := c.gather()
	in.Managed = config.Spec.ManagementState == operatorv1.Managed
	if failure == nil {
		failure = c.publish(ctx, in)
	}
	if !in.RoutesKnown {
		// The first list is no event when it is empty.
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), lookAgain)
	}
	if apply.Behind(failure) {
		return failure // no news for a condition
	}
	said, again := health(failure, config.Status.Conditions, c.Clock.Now())
	if again > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), again)
	}
	err = c.Client.ApplyStatus(ctx, names.ImageConfigController, operatorclient.Status{Conditions: said})
	switch {
	case err == nil:
		tell(c.Recorder, config.Status.Conditions, said)
	case !apierrors.IsNotFound(err):
		return errors.Join(failure, err)
	}
	return failure
}

func (c *controller) gather() (Inputs, error) {
	in := Inputs{ImportMode: c.ImportMode, RoutesKnown: c.RouteInformer.HasSynced()}
	var err error
	if in.Current, err = absentIsNil(c.Images.Get(names.Cluster)); err != nil {
		return in, fmt.Errorf("reading image %s: %w", names.Cluster, err)
	}
	if in.Service, err = absentIsNil(c.Services.Get(names.Registry)); err != nil {
		return in, fmt.Errorf("reading service %s/%s: %w", names.OperatorNamespace, names.Registry, err)
	}
	if in.ClusterVersion, err = absentIsNil(c.ClusterVersions.Get(names.ClusterVersion)); err != nil {
		return in, fmt.Errorf("reading clusterversion %s: %w", names.ClusterVersion, err)
	}
	if in.Routes, err = c.Routes.List(labels.Everything()); err != nil {
		return in, fmt.Errorf("listing routes in %s: %w", names.OperatorNamespace, err)
	}
	return in, nil
}

// absentIsNil turns a NotFound error into a nil object.
func absentIsNil[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}
