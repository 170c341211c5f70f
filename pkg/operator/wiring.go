package operator

import (
	"context"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/clusteroperator"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/nodeca"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/trust"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func (w wiring) trust() factory.Controller {
	return trust.New(trust.Deps{
		Client:                w.config,
		ConfigInformer:        w.i.config.Informer(),
		ConfigMaps:            w.i.configMaps.Lister().ConfigMaps(names.OperatorNamespace),
		ConfigMapInformer:     w.i.configMaps.Informer(),
		RegistryCA:            w.i.registryCA.Lister().ConfigMaps(names.ManagedConfigNamespace),
		RegistryCAInformer:    w.i.registryCA.Informer(),
		UserConfigMaps:        w.i.userConfigMaps.Lister().ConfigMaps(names.UserConfigNamespace),
		UserConfigMapInformer: w.i.userConfigMaps.Informer(),
		Services:              w.i.service.Lister().Services(names.OperatorNamespace),
		ServiceInformer:       w.i.service.Informer(),
		Images:                w.i.image.Lister(),
		ImageInformer:         w.i.image.Informer(),
		ConfigMapClient:       w.clients.kube.CoreV1(),
		Drivers:               w.drivers,
		StorageInputs:         w.storageInputs().gather,
		StorageInformers:      []factory.Informer{w.i.infrastructure.Informer(), w.i.cloudConfig.Informer()},
		Settled:               w.whereabouts().Settled,
		SettledInformers:      []factory.Informer{w.i.deployment.Informer(), w.i.pods.Informer()},
		SecretInformer:        w.i.secrets.Informer(),
		Clock:                 w.Clock,
		Recorder:              w.Recorder,
	})
}

func (w wiring) storageInputs() storageInputs {
	return storageInputs{
		Whereabouts:     w.whereabouts(),
		infrastructures: w.i.infrastructure.Lister(),
		userConfigMaps:  w.i.userConfigMaps.Lister().ConfigMaps(names.UserConfigNamespace),
		cloudConfig:     w.i.cloudConfig.Lister().ConfigMaps(names.ManagedConfigNamespace),
	}
}

// platformDefault is what a Config that does not exist yet gets.
func (w wiring) platformDefault(ctx context.Context, infrastructure *configv1.Infrastructure) (storage.Default, error) {
	in, err := w.storageInputs().gather(&imageregistryv1.Config{}, storage.Coordinates{})
	if err != nil {
		return storage.Default{}, err
	}
	in.Infrastructure = infrastructure
	return w.drivers.Default(ctx, in)
}

func (w wiring) nodeCA() factory.Controller {
	return nodeca.New(nodeca.Deps{
		Client:            w.config,
		ConfigInformer:    w.i.config.Informer(),
		DaemonSets:        w.i.nodeCA.Lister().DaemonSets(names.OperatorNamespace),
		DaemonSetInformer: w.i.nodeCA.Informer(),
		DaemonSetClient:   w.clients.kube.AppsV1().DaemonSets(names.OperatorNamespace),
		Image:             w.Environment.OperatorImage,
		Clock:             w.Clock,
		Recorder:          w.Recorder,
	})
}

func (w wiring) clusterOperator() factory.Controller {
	return clusteroperator.New(clusteroperator.Deps{
		Client:                  w.config,
		ConfigInformer:          w.i.config.Informer(),
		ImagePruners:            w.i.pruner.Lister(),
		ImagePrunerInformer:     w.i.pruner.Informer(),
		Deployments:             w.i.deployment.Lister().Deployments(names.OperatorNamespace),
		DeploymentInformer:      w.i.deployment.Informer(),
		ClusterOperators:        w.i.clusterOperator.Lister(),
		ClusterOperatorInformer: w.i.clusterOperator.Informer(),
		ClusterOperatorClient:   w.clients.config.ConfigV1().ClusterOperators(),
		ReleaseVersion:          w.Environment.ReleaseVersion,
		Clock:                   w.Clock,
		Recorder:                w.Recorder,
	})
}
