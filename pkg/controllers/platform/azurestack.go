package platform

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

// AzureStackDeps are what the Azure Stack controller needs. Each informer belongs to the lister above it.
type AzureStackDeps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	Infrastructures        configlisters.InfrastructureLister
	InfrastructureInformer factory.Informer

	// ConfigMaps are those of names.UserConfigNamespace.
	ConfigMaps        corelisters.ConfigMapNamespaceLister
	ConfigMapInformer factory.Informer

	// File is where the endpoints go; empty when the process was not told.
	File     string
	Recorder events.Recorder
}

type azureStack struct{ AzureStackDeps }

// NewAzureStack returns the controller.
func NewAzureStack(deps AzureStackDeps) factory.Controller {
	c := &azureStack{deps}
	return factory.New().
		WithSync(queue.Retrying(names.AzureStackController, c.sync)).
		WithInformers(deps.ConfigInformer, deps.InfrastructureInformer).
		WithFilteredEventsInformers(queue.Names(names.CloudProviderConfig), deps.ConfigMapInformer).
		ToController(names.AzureStackController, deps.Recorder)
}

func (c *azureStack) sync(ctx context.Context, _ factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	platform, err := platformOf(c.Infrastructures)
	if err != nil || platform != configv1.AzurePlatformType {
		return err
	}
	failure := c.keep()
	if failure == nil && !conditions.Begun(config.Status.Conditions) {
		return nil // good news waits for the first core conditions of a new cluster, which are an event
	}
	condition := operatorv1.OperatorCondition{Type: names.AzureStackDegraded, Status: operatorv1.ConditionFalse, Reason: names.ReasonAsExpected}
	if failure != nil {
		condition.Status, condition.Reason, condition.Message = operatorv1.ConditionTrue, names.ReasonError, failure.Error()
	}
	status := operatorclient.Status{Conditions: []operatorv1.OperatorCondition{condition}}
	if err := c.Client.ApplyStatus(ctx, names.AzureStackController, status); err != nil && !apierrors.IsNotFound(err) {
		return errors.Join(failure, err)
	}
	return failure
}

// keep makes the file hold what the ConfigMap says.
func (c *azureStack) keep() error {
	configMap, err := c.ConfigMaps.Get(names.CloudProviderConfig)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading configmap %s/%s: %w", names.UserConfigNamespace, names.CloudProviderConfig, err)
	}
	endpoints := ""
	if err == nil {
		endpoints = configMap.Data[names.CloudProviderEndpointsKey]
	}
	if c.File == "" {
		if endpoints == "" {
			return nil // public Azure, and no file to remove
		}
		return fmt.Errorf("configmap %s/%s has the endpoints of an Azure Stack, but the environment variable AZURE_ENVIRONMENT_FILEPATH of the operator does not say where to put them",
			names.UserConfigNamespace, names.CloudProviderConfig)
	}
	changed, err := keepFile(c.File, []byte(endpoints))
	if changed {
		klog.InfoS("the endpoints of the Azure Stack changed", "file", c.File, "present", endpoints != "")
		c.Recorder.Eventf("AzureStackEndpointsChanged", "The endpoints of configmap %s/%s are in use now", names.UserConfigNamespace, names.CloudProviderConfig)
	}
	return err
}

// platformOf is empty while Infrastructure does not say.
func platformOf(lister configlisters.InfrastructureLister) (configv1.PlatformType, error) {
	infrastructure, err := lister.Get(names.Cluster)
	if err != nil {
		return "", fmt.Errorf("reading infrastructure %s: %w", names.Cluster, err)
	}
	if infrastructure.Status.PlatformStatus == nil {
		return "", nil
	}
	return infrastructure.Status.PlatformStatus.Type, nil
}
