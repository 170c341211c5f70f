package clusteroperator

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appslisters "k8s.io/client-go/listers/apps/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	configclient "github.com/openshift/client-go/config/clientset/versioned/typed/config/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	ImagePruners        imageregistrylisters.ImagePrunerLister
	ImagePrunerInformer factory.Informer

	// Deployments lists the operator's namespace; only names.Registry is read.
	Deployments        appslisters.DeploymentNamespaceLister
	DeploymentInformer factory.Informer

	// ClusterOperators need hold only names.ClusterOperator; ClusterOperatorClient writes it.
	ClusterOperators        configlisters.ClusterOperatorLister
	ClusterOperatorInformer factory.Informer
	ClusterOperatorClient   configclient.ClusterOperatorInterface

	// ReleaseVersion is published while the registry is not Managed.
	ReleaseVersion string
	Clock          clock.PassiveClock
	Recorder       events.Recorder
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps}
	return factory.New().
		WithSync(queue.Retrying(names.ClusterOperatorController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.ImagePrunerInformer).
		WithFilteredEventsInformers(queue.Names(names.Registry), deps.DeploymentInformer).
		WithFilteredEventsInformers(queue.Names(names.ClusterOperator), deps.ClusterOperatorInformer).
		ToController(names.ClusterOperatorController, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		// Without Config there is nothing to say; its creation is an event.
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	in, err := c.gather(config)
	if err != nil {
		return err
	}
	current, err := c.clusterOperator(ctx)
	if err != nil {
		return err
	}
	if !in.ready() || c.behind(current) {
		return nil
	}
	desired := desiredStatus(current.Status, in, c.Clock)
	if equality.Semantic.DeepEqual(current.Status, desired) {
		return nil
	}
	updated := current.DeepCopy()
	updated.Status = desired
	stored, err := c.ClusterOperatorClient.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("updating status of clusteroperator %s: %w", names.ClusterOperator, err)
	}
	klog.V(2).InfoS("object changed", "kind", "ClusterOperator", "name", names.ClusterOperator,
		"difference", configv1helpers.GetStatusDiff(current.Status, desired))
	c.wrote(current, stored)
	report(syncCtx.Recorder(), current.Status, desired)
	return nil
}

func (c *controller) gather(config *imageregistryv1.Config) (inputs, error) {
	pruner, err := c.ImagePruners.Get(names.Cluster)
	if err != nil {
		// The pruner is independent of the registry, whose status must go on without it.
		if !apierrors.IsNotFound(err) {
			klog.ErrorS(err, "reading imagepruner", "name", names.Cluster)
		}
		pruner = nil
	}
	deployment, err := c.deployment()
	if err != nil {
		return inputs{}, err
	}
	return inputs{config: config, pruner: pruner, deployment: deployment, releaseVersion: c.ReleaseVersion}, nil
}

func (c *controller) deployment() (*appsv1.Deployment, error) {
	deployment, err := c.Deployments.Get(names.Registry)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading deployment %s/%s: %w", names.OperatorNamespace, names.Registry, err)
	}
	return deployment, nil
}

// clusterOperator returns the cached object, or a new one when there is none. A status given at creation is dropped by
// the API server, so it is written afterwards, to what Create returned.
func (c *controller) clusterOperator(ctx context.Context) (*configv1.ClusterOperator, error) {
	current, err := c.ClusterOperators.Get(names.ClusterOperator)
	if err == nil {
		return current, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading clusteroperator %s: %w", names.ClusterOperator, err)
	}
	created, err := c.ClusterOperatorClient.Create(ctx, &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: names.ClusterOperator}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("creating clusteroperator %s: %w", names.ClusterOperator, err)
	}
	klog.InfoS("object created", "kind", "ClusterOperator", "name", names.ClusterOperator)
	return created, nil
}
