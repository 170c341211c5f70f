package bootstrap

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	storageclient "k8s.io/client-go/kubernetes/typed/storage/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistryclient "github.com/openshift/client-go/imageregistry/clientset/versioned/typed/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/httpsecret"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer
	// ConfigClient creates Config, which Client cannot.
	ConfigClient imageregistryclient.ConfigInterface

	Infrastructures        configlisters.InfrastructureLister
	InfrastructureInformer factory.Informer

	APIServers        configlisters.APIServerLister
	APIServerInformer factory.Informer

	// Default is the default of the platform. It asks the cloud where that depends on what the cloud offers; SecretInformer
	// wakes the controller when credentials for that arrive, and what else it reads is behind DefaultInformers.
	Default          func(context.Context, *configv1.Infrastructure) (storage.Default, error)
	SecretInformer   factory.Informer
	DefaultInformers []factory.Informer

	// ClaimClient is of the operator's namespace. It and StorageClassClient are used only where the platform's default
	// storage is a claim.
	ClaimClient        coreclient.PersistentVolumeClaimInterface
	StorageClassClient storageclient.StorageClassInterface

	Clock    clock.PassiveClock
	Recorder events.Recorder
}

type controller struct {
	Deps
	// seeded is the last Config that was given a status, as it was before and after.
	seeded [2]string
	// bare is the last Config that was seen without a status.
	bare bare
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps}
	return factory.New().
		WithSync(queue.Retrying(names.BootstrapController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.InfrastructureInformer).
		WithFilteredEventsInformers(queue.Names(names.CloudCredentials, names.PrivateConfigurationUser), deps.SecretInformer).
		WithBareInformers(append(deps.DefaultInformers, deps.APIServerInformer)...).
		WithPostStartHooks(kick).
		ToController(names.BootstrapController, deps.Recorder)
}

// kick starts the first sync: a Config that does not exist makes no event.
func kick(_ context.Context, syncCtx factory.SyncContext) error {
	syncCtx.Queue().Add(factory.DefaultQueueKey)
	return nil
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		config, err = c.create(ctx, syncCtx.Recorder())
	}
	if err != nil {
		return fmt.Errorf("bootstrapping config %s: %w", names.Cluster, err)
	}
	if config == nil {
		return nil
	}
	if wait := c.headStart(config); wait > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), wait)
		return nil
	}
	return c.seed(ctx, config)
}

// create returns the new Config, or nil when somebody else was faster.
func (c *controller) create(ctx context.Context, recorder events.Recorder) (*imageregistryv1.Config, error) {
	infrastructure, err := c.Infrastructures.Get(names.Cluster)
	if err != nil {
		return nil, fmt.Errorf("reading infrastructure %s: %w", names.Cluster, err)
	}
	platform, err := c.Default(ctx, named(infrastructure))
	if err != nil {
		if ctx.Err() == nil {
			recorder.Warningf(names.EventStorageFailed, "no Config %s yet: the storage of this platform cannot be found out: %v", names.Cluster, err)
		}
		return nil, fmt.Errorf("finding out the storage of this platform: %w", err)
	}
	config, err := DefaultConfig(platform, c.tls())
	if err != nil {
		return nil, err
	}
	// Here it costs nothing; the registry controller would have to write it in a moment.
	config.Spec.HTTPSecret = httpsecret.New()
	if err := c.ensureClaim(ctx, recorder, platform); err != nil {
		return nil, err
	}
	created, err := c.ConfigClient.Create(ctx, config, metav1.CreateOptions{FieldManager: names.BootstrapController})
	if apierrors.IsAlreadyExists(err) {
		return nil, nil // the cache is behind; the event will come
	}
	if err != nil {
		return nil, fmt.Errorf("creating it: %w", err)
	}
	klog.InfoS("object created", "kind", "Config", "name", names.Cluster, "managementState", created.Spec.ManagementState)
	recorder.Eventf("ConfigCreated", "Created configs.imageregistry.operator.openshift.io/%s: %s", names.Cluster, describe(created))
	return created, nil
}

func describe(config *imageregistryv1.Config) string {
	kinds := []string{}
	for _, kind := range storage.Configured(&config.Spec.Storage) {
		kinds = append(kinds, string(kind))
	}
	if len(kinds) == 0 {
		kinds = append(kinds, "none")
	}
	return fmt.Sprintf("managementState %s, storage %s, replicas %d", config.Spec.ManagementState, strings.Join(kinds, ", "), config.Spec.Replicas)
}
