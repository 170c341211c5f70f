package operator

import (
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/configobserver"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/imageconfig"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/platform"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// importModeGate is the feature gate for status.imageStreamImportMode of Image.
const importModeGate = "ImageStreamImportMode"

func (w wiring) imageConfig() factory.Controller {
	return imageconfig.New(imageconfig.Deps{
		Client:                 w.config,
		ConfigInformer:         w.i.config.Informer(),
		Images:                 w.i.image.Lister(),
		ImageInformer:          w.i.image.Informer(),
		ImageClient:            w.clients.config.ConfigV1().Images(),
		Services:               w.i.service.Lister().Services(names.OperatorNamespace),
		ServiceInformer:        w.i.service.Informer(),
		Routes:                 w.i.routes.Lister().Routes(names.OperatorNamespace),
		RouteInformer:          w.i.routes.Informer(),
		ClusterVersions:        w.i.clusterVersion.Lister(),
		ClusterVersionInformer: w.i.clusterVersion.Informer(),
		ImportMode:             w.ImportMode,
		Clock:                  w.Clock,
		Recorder:               w.Recorder,
	})
}

func (w wiring) configObserver() factory.Controller {
	return configobserver.New(configobserver.Deps{
		Client:            w.config,
		ConfigInformer:    w.i.config.Informer(),
		APIServers:        w.i.apiServer.Lister(),
		APIServerInformer: w.i.apiServer.Informer(),
		Recorder:          w.Recorder,
	})
}

func (w wiring) azureStack() factory.Controller {
	return platform.NewAzureStack(platform.AzureStackDeps{
		Client:                 w.config,
		ConfigInformer:         w.i.config.Informer(),
		Infrastructures:        w.i.infrastructure.Lister(),
		InfrastructureInformer: w.i.infrastructure.Informer(),
		ConfigMaps:             w.i.userConfigMaps.Lister().ConfigMaps(names.UserConfigNamespace),
		ConfigMapInformer:      w.i.userConfigMaps.Informer(),
		File:                   w.Environment.AzureEnvironmentFile,
		Recorder:               w.Recorder,
	})
}

func (w wiring) leftovers() factory.Controller {
	return platform.NewLeftovers(platform.LeftoversDeps{
		Client:                 w.config,
		ConfigInformer:         w.i.config.Informer(),
		Infrastructures:        w.i.infrastructure.Lister(),
		InfrastructureInformer: w.i.infrastructure.Informer(),
		Jobs:                   w.clients.kube.BatchV1().Jobs(names.OperatorNamespace),
		Recorder:               w.Recorder,
	})
}
