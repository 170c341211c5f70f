package operator

import (
	"k8s.io/client-go/tools/cache"

	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/bootstrap"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/registry"
	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/routes"
	storagecontroller "github.com/openshift/cluster-image-registry-operator/pkg/controllers/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

// cacheInformer is the library's informer.
type cacheInformer = cache.SharedIndexInformer

// wiring is what the constructors below share. Each controller gets the listers it reads, the informers that wake it,
// and a client for what it writes.
type wiring struct {
	Surroundings
	clients clients
	i       *informerSet
	config  operatorclient.Client
	drivers storage.Drivers
}

// NewControllers makes every controller.
func NewControllers(in *Inputs, around Surroundings) []factory.Controller {
	w := wiring{
		Surroundings: around, clients: in.clients, i: in.informers,
		drivers: newDrivers(in.clients, in.informers, around.Environment, around.Metrics.AzureKeyCache),
		config:  operatorclient.New(in.informers.config.Lister(), operatorclient.NewPatcher(in.clients.dynamic), around.Clock),
	}
	return []factory.Controller{
		newLogLevelController(w.config, w.i.config.Informer(), w.Recorder),
		w.bootstrap(),
		w.storage(),
		w.registry(),
		w.routes(),
		w.trust(),
		w.imageConfig(),
		w.configObserver(),
		w.azureStack(),
		w.leftovers(),
		w.nodeCA(),
		w.pruner(),
		w.clusterOperator(),
	}
}

func (w wiring) bootstrap() factory.Controller {
	return bootstrap.New(bootstrap.Deps{
		Client:                 w.config,
		ConfigInformer:         w.i.config.Informer(),
		ConfigClient:           w.clients.registry.ImageregistryV1().Configs(),
		Infrastructures:        w.i.infrastructure.Lister(),
		InfrastructureInformer: w.i.infrastructure.Informer(),
		APIServers:             w.i.apiServer.Lister(),
		APIServerInformer:      w.i.apiServer.Informer(),
		Default:                w.platformDefault,
		SecretInformer:         w.i.secrets.Informer(),
		DefaultInformers:       []factory.Informer{w.i.userConfigMaps.Informer(), w.i.cloudConfig.Informer()},
		ClaimClient:            w.clients.kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace),
		StorageClassClient:     w.clients.kube.StorageV1().StorageClasses(),
		Clock:                  w.Clock,
		Recorder:               w.Recorder,
	})
}

func (w wiring) storage() factory.Controller {
	return storagecontroller.New(storagecontroller.Deps{
		Client:            w.config,
		Whereabouts:       w.whereabouts(),
		Infrastructures:   w.i.infrastructure.Lister(),
		SecretClient:      w.clients.kube.CoreV1().Secrets(names.OperatorNamespace),
		Jobs:              w.i.move.Lister().Jobs(names.OperatorNamespace),
		JobClient:         w.clients.kube.BatchV1().Jobs(names.OperatorNamespace),
		Image:             w.Environment.OperatorImage,
		UserConfigMaps:    w.i.userConfigMaps.Lister().ConfigMaps(names.UserConfigNamespace),
		ManagedConfigMaps: w.i.cloudConfig.Lister().ConfigMaps(names.ManagedConfigNamespace),
		Informers: []factory.Informer{
			w.i.config.Informer(), w.i.infrastructure.Informer(), w.i.secrets.Informer(), w.i.deployment.Informer(),
			w.i.pods.Informer(), w.i.userConfigMaps.Informer(), w.i.cloudConfig.Informer(), w.i.claims.Informer(),
			w.i.move.Informer(),
		},
		Clock:    w.Clock,
		Recorder: w.Recorder,
		Metrics:  w.Metrics,
		Version:  version.Version,
	})
}

// whereabouts finds out where the registry's pods are.
func (w wiring) whereabouts() storagecontroller.Whereabouts {
	return storagecontroller.Whereabouts{
		Drivers:     w.drivers,
		Secrets:     w.i.secrets.Lister().Secrets(names.OperatorNamespace),
		Deployments: w.i.deployment.Lister().Deployments(names.OperatorNamespace),
		Pods:        w.i.pods.Lister().Pods(names.OperatorNamespace),
	}
}

func (w wiring) registry() factory.Controller {
	return registry.New(registry.Deps{
		Client:               w.config,
		ConfigInformer:       w.i.config.Informer(),
		Kube:                 w.clients.kube,
		Deployments:          w.i.deployment,
		Services:             w.i.service,
		ServiceAccounts:      w.i.serviceAccount,
		Secrets:              w.i.secrets,
		ConfigMaps:           w.i.configMaps,
		PodDisruptionBudgets: w.i.budget,
		NetworkPolicies:      w.i.networkPolicy,
		PullSecrets:          w.i.pullSecret,
		Namespaces:           w.i.namespace,
		ClusterRoles:         w.i.clusterRole,
		ClusterRoleBindings:  w.i.clusterRoleBinding,
		Proxies:              w.i.proxy,
		Infrastructures:      w.i.infrastructure,
		StorageClasses:       w.i.storageClasses,
		Nodes:                w.i.nodes,
		Drivers:              w.drivers,
		RegistryImage:        w.Environment.RegistryImage,
		ReleaseVersion:       w.Environment.ReleaseVersion,
		Clock:                w.Clock,
		Recorder:             w.Recorder,
	})
}

func (w wiring) routes() factory.Controller {
	return routes.New(routes.Deps{
		Client:         w.config,
		ConfigInformer: w.i.config.Informer(),
		Routes:         w.i.routes.Lister().Routes(names.OperatorNamespace),
		RouteInformer:  w.i.routes.Informer(),
		RouteClient:    w.clients.route.RouteV1().Routes(names.OperatorNamespace),
		Secrets:        w.i.secrets.Lister().Secrets(names.OperatorNamespace),
		SecretInformer: w.i.secrets.Informer(),
		Clock:          w.Clock,
		Recorder:       w.Recorder,
	})
}
