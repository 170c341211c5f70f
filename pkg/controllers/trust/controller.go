package trust

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// firstTimePatience bounds how long the first publication waits for the registry's own entries. On a new cluster they
// are there within a second, and waiting spares every node and the registry a second round.
const firstTimePatience = 10 * time.Second

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	// ConfigMaps are those of the operator's namespace: names.ServiceCA and names.Certificates.
	ConfigMaps        corelisters.ConfigMapNamespaceLister
	ConfigMapInformer factory.Informer
	// RegistryCA holds names.RegistryCA of names.ManagedConfigNamespace.
	RegistryCA         corelisters.ConfigMapNamespaceLister
	RegistryCAInformer factory.Informer
	// UserConfigMaps are all of names.UserConfigNamespace: administrators name them.
	UserConfigMaps        corelisters.ConfigMapNamespaceLister
	UserConfigMapInformer factory.Informer

	// Services of the operator's namespace: names.Registry.
	Services        corelisters.ServiceNamespaceLister
	ServiceInformer factory.Informer

	Images        configlisters.ImageLister
	ImageInformer factory.Informer

	// ConfigMapClient writes in the operator's and in the managed configuration namespace.
	ConfigMapClient coreclient.ConfigMapsGetter

	Drivers storage.Drivers
	// StorageInputs gathers, from caches, what a driver needs for coordinates of spec.storage or status.storage.
	StorageInputs func(config *imageregistryv1.Config, coordinates storage.Coordinates) (storage.Inputs, error)
	// StorageInformers are those behind StorageInputs that are not above: Infrastructure, the cloud configuration.
	StorageInformers []factory.Informer
	// Settled tells, from caches, that no pod of the registry can be on another storage than status.storage; its informers
	// are those of the registry's Deployment and pods.
	Settled          func(config *imageregistryv1.Config) (bool, error)
	SettledInformers []factory.Informer
	// SecretInformer is of the operator's namespace: some drivers keep a CA beside the credentials.
	SecretInformer factory.Informer

	Clock    clock.PassiveClock
	Recorder events.Recorder
}

type controller struct {
	Deps
	applier *apply.Applier
	// waitingSince is when the first publication was first put off; only the one worker touches it.
	waitingSince time.Time
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps, applier: apply.NewApplier(deps.Recorder)}
	return factory.New().
		WithSync(queue.Retrying(names.TrustController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.UserConfigMapInformer, deps.ImageInformer).
		WithInformers(deps.StorageInformers...).
		WithInformers(deps.SettledInformers...).
		WithFilteredEventsInformers(queue.Names(names.ServiceCA, names.Certificates), deps.ConfigMapInformer).
		WithFilteredEventsInformers(queue.Names(names.RegistryCA), deps.RegistryCAInformer).
		WithFilteredEventsInformers(queue.Names(names.Registry), deps.ServiceInformer).
		WithFilteredEventsInformers(queue.Names(names.CloudCredentials, names.PrivateConfigurationUser, names.StoragePair), deps.SecretInformer).
		ToController(names.TrustController, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	found, err := c.gather()
	if err != nil {
		return err
	}
	failure := c.write(ctx, injectedKind, found.serviceCA, template("serviceca.yaml"))
	bundle := Merge(found.inputs)
	if wait := c.putOff(found, bundle); wait > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), wait)
		return failure
	}
	failure = errors.Join(failure, c.publish(ctx, found, bundle))
	if found.config == nil {
		return failure
	}
	condition := degraded(bundle, failure)
	if condition.Message == "" && !conditions.Begun(found.config.Status.Conditions) {
		// Good news waits for the first core conditions of a new cluster, which are an event.
		return failure
	}
	err = c.Client.ApplyStatus(ctx, names.TrustController, operatorclient.Status{Conditions: []operatorv1.OperatorCondition{condition}})
	switch {
	case err == nil:
		announce(syncCtx.Recorder(), found.config, condition)
	case apierrors.IsNotFound(err):
		err = nil // deleted meanwhile
	}
	return errors.Join(failure, err)
}

// putOff says how much longer the first publication of all should wait for the registry's own entries.
func (c *controller) putOff(found cached, bundle Bundle) time.Duration {
	coming := found.config == nil || found.config.Spec.ManagementState == operatorv1.Managed
	if found.certificates != nil || !coming || found.config != nil && len(bundle.RegistryCA.Data) > 0 {
		return 0
	}
	now := c.Clock.Now()
	if c.waitingSince.IsZero() {
		c.waitingSince = now
	}
	return firstTimePatience - now.Sub(c.waitingSince)
}
