package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	batchclient "k8s.io/client-go/kubernetes/typed/batch/v1"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// azureStackCloud is the cloud that the migration never concerned.
const azureStackCloud = "AZURESTACKCLOUD"

// LeftoversDeps are what the leftovers controller needs. Each informer belongs to the lister above it.
type LeftoversDeps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	Infrastructures        configlisters.InfrastructureLister
	InfrastructureInformer factory.Informer

	// Jobs of the operator's namespace.
	Jobs     batchclient.JobInterface
	Recorder events.Recorder
}

type leftovers struct {
	LeftoversDeps
	// swept tells that the Job is known to be gone: nobody makes another, so one look is enough.
	swept bool
}

// NewLeftovers returns the controller.
func NewLeftovers(deps LeftoversDeps) factory.Controller {
	c := &leftovers{LeftoversDeps: deps}
	return factory.New().
		WithSync(queue.Retrying(names.LeftoversController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.InfrastructureInformer).
		ToController(names.LeftoversController, deps.Recorder)
}

func (c *leftovers) sync(ctx context.Context, _ factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) || err == nil && !conditions.Begun(config.Status.Conditions) {
		return nil // nothing is left over on a new cluster, and the rest can wait
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	platform, err := platformOf(c.Infrastructures)
	if err != nil {
		return err
	}
	return errors.Join(c.dropConditions(ctx, config, platform), c.deleteJob(ctx, config, platform))
}

func (c *leftovers) dropConditions(ctx context.Context, config *imageregistryv1.Config, platform configv1.PlatformType) error {
	stale, err := Stale(config, platform)
	if err != nil || len(stale) == 0 {
		return err
	}
	if _, err := c.Client.DropConditions(ctx, names.LeftoversController, config, stale...); err != nil {
		return err
	}
	c.Recorder.Eventf("StaleConditionsRemoved", "Removed conditions that nobody keeps up from config %s: %s", names.Cluster, strings.Join(stale, ", "))
	return nil
}

// deleteJob removes what a migration of former releases may have left. It asks the API server without looking first: a
// watch for an object that hardly any cluster has would cost more than the one request.
func (c *leftovers) deleteJob(ctx context.Context, config *imageregistryv1.Config, platform configv1.PlatformType) error {
	if platform != configv1.AzurePlatformType {
		c.swept = false
		return nil
	}
	azure := config.Status.Storage.Azure
	if c.swept || azure != nil && strings.EqualFold(azure.CloudName, azureStackCloud) {
		return nil
	}
	err := c.Jobs.Delete(ctx, names.AzurePathFixJob, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0), PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting job %s/%s: %w", names.OperatorNamespace, names.AzurePathFixJob, err)
	}
	if err == nil {
		c.Recorder.Eventf("AzurePathFixRemoved", "Deleted Job %s/%s: its migration was over long ago", names.OperatorNamespace, names.AzurePathFixJob)
	}
	c.swept = true
	return nil
}
