package configobserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
	"github.com/openshift/cluster-image-registry-operator/pkg/tlsprofile"
)

// Deps are what the controller needs. Each informer belongs to the lister above it.
type Deps struct {
	Client         operatorclient.Client
	ConfigInformer factory.Informer

	APIServers        configlisters.APIServerLister
	APIServerInformer factory.Informer

	Recorder events.Recorder
}

type controller struct {
	Deps
	// remarked is what was last said in the log about the profile; only the one worker touches it.
	remarked string
}

// New returns the controller.
func New(deps Deps) factory.Controller {
	c := &controller{Deps: deps}
	return factory.New().
		WithSync(queue.Retrying(names.ConfigObserver, c.sync)).
		WithInformers(deps.ConfigInformer, deps.APIServerInformer).
		ToController(names.ConfigObserver, deps.Recorder)
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) || err == nil && config.DeletionTimestamp != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	settings, failure := c.observe()
	if failure == nil {
		failure = c.write(ctx, syncCtx.Recorder(), config, settings)
	}
	if apierrors.IsConflict(failure) {
		return failure // the cache was behind, which is no news for a condition
	}
	return errors.Join(failure, c.report(ctx, config, failure))
}

// observe reads the profile.
func (c *controller) observe() (tlsprofile.Settings, error) {
	server, err := c.APIServers.Get(names.Cluster)
	if apierrors.IsNotFound(err) {
		c.remark("there is no apiserver " + names.Cluster + ": the Intermediate TLS profile applies")
		server = &configv1.APIServer{}
	} else if err != nil {
		return tlsprofile.Settings{}, fmt.Errorf("reading apiserver %s: %w", names.Cluster, err)
	}
	observation, err := tlsprofile.Observe(server.Spec.TLSSecurityProfile)
	if err != nil {
		return tlsprofile.Settings{}, unusable(err)
	}
	if len(observation.Unknown) > 0 {
		c.remark("ciphers of the TLS profile that Go does not have are left out: " + strings.Join(observation.Unknown, ", "))
	}
	return observation.Settings, nil
}

func (c *controller) remark(text string) {
	if c.remarked != text {
		klog.Warning(text)
		c.remarked = text
	}
}

// write brings the settings into Config, if they are not there.
func (c *controller) write(ctx context.Context, recorder events.Recorder, config *imageregistryv1.Config, settings tlsprofile.Settings) error {
	desired, err := settings.Encode()
	if err != nil || same(config.Spec.ObservedConfig.Raw, desired) {
		return err
	}
	if _, err := c.Client.Patch(ctx, names.ConfigObserver, config, operatorclient.Set("/spec/observedConfig", json.RawMessage(desired))); err != nil {
		if !apierrors.IsConflict(err) && !shown(config.Status.Conditions, degraded(err)) {
			recorder.Warningf("ObservedConfigWriteError", "Writing spec.observedConfig: %v", err)
		}
		return err
	}
	announce(recorder, config.Spec.ObservedConfig.Raw, settings)
	return nil
}

// report writes the condition. Good news waits for the first core conditions of a new cluster, which are an event.
func (c *controller) report(ctx context.Context, config *imageregistryv1.Config, failure error) error {
	if failure == nil && !conditions.Begun(config.Status.Conditions) {
		return nil
	}
	status := operatorclient.Status{Conditions: []operatorv1.OperatorCondition{degraded(failure)}}
	if err := c.Client.ApplyStatus(ctx, names.ConfigObserver, status); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}
