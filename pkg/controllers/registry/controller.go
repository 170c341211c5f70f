package registry

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	configinformers "github.com/openshift/client-go/config/informers/externalversions/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/informers"
	appsinformers "k8s.io/client-go/informers/apps/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	networkinginformers "k8s.io/client-go/informers/networking/v1"
	policyinformers "k8s.io/client-go/informers/policy/v1"
	rbacinformers "k8s.io/client-go/informers/rbac/v1"
	storageinformers "k8s.io/client-go/informers/storage/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// longestPause bounds the back-off of the queue, which would grow to a quarter of an hour.
const longestPause = 2 * time.Minute

// Deps are what the controller is made of.
type Deps struct {
	// Client reads and writes Config; ConfigInformer is the one behind it.
	Client         operatorclient.Client
	ConfigInformer factory.Informer
	// Kube writes the registry's objects.
	Kube kubernetes.Interface

	// Informers of the operator namespace.
	Deployments          appsinformers.DeploymentInformer
	Services             coreinformers.ServiceInformer
	ServiceAccounts      coreinformers.ServiceAccountInformer
	Secrets              coreinformers.SecretInformer
	ConfigMaps           coreinformers.ConfigMapInformer
	PodDisruptionBudgets policyinformers.PodDisruptionBudgetInformer
	NetworkPolicies      networkinginformers.NetworkPolicyInformer
	// PullSecrets needs to hold only pull-secret of openshift-config, Namespaces only the operator namespace,
	// ClusterRoles and ClusterRoleBindings only the registry's, Proxies and Infrastructures only cluster.
	PullSecrets         coreinformers.SecretInformer
	Namespaces          coreinformers.NamespaceInformer
	ClusterRoles        rbacinformers.ClusterRoleInformer
	ClusterRoleBindings rbacinformers.ClusterRoleBindingInformer
	Proxies             configinformers.ProxyInformer
	Infrastructures     configinformers.InfrastructureInformer
	StorageClasses      storageinformers.StorageClassInformer
	// Nodes is a metadata informer: only labels matter.
	Nodes informers.GenericInformer

	// Drivers are the kinds of storage.
	Drivers storage.Drivers
	// RegistryImage (IMAGE) and ReleaseVersion (RELEASE_VERSION) are from the operator's environment.
	RegistryImage, ReleaseVersion string
	Clock                         clock.PassiveClock
	Recorder                      events.Recorder
}

type controller struct {
	Deps
	applier *apply.Applier
	// zoned is what the last sync read about zones.
	zoned    atomic.Bool
	patience apply.Patience
	// state is what Config asked for at the last sync.
	state lastState
	// silent is since when a first installation has had nothing to say.
	silent time.Time
}

// Informers lists every informer that gather reads.
func Informers(d Deps) []factory.Informer {
	return []factory.Informer{
		d.ConfigInformer, d.Deployments.Informer(), d.Services.Informer(), d.ServiceAccounts.Informer(),
		d.Secrets.Informer(), d.ConfigMaps.Informer(), d.PodDisruptionBudgets.Informer(), d.NetworkPolicies.Informer(),
		d.PullSecrets.Informer(), d.Namespaces.Informer(), d.ClusterRoles.Informer(), d.ClusterRoleBindings.Informer(),
		d.Proxies.Informer(), d.Infrastructures.Informer(), d.StorageClasses.Informer(),
	}
}

// New makes the controller. See the package comment for what it reads, writes and reports.
func New(deps Deps) factory.Controller {
	c := newController(deps)
	return factory.New().
		WithSync(queue.Observed(names.RegistryController, c.sync)).
		WithInformers(Informers(deps)...).
		WithFilteredEventsInformers(c.zonesChanged, deps.Nodes.Informer()).
		ToController(names.RegistryController, deps.Recorder)
}

func newController(deps Deps) *controller {
	return &controller{Deps: deps, applier: apply.NewApplier(deps.Recorder)}
}

func (c *controller) sync(ctx context.Context, syncCtx factory.SyncContext) error {
	again, err := c.pass(ctx)
	if again > 0 {
		syncCtx.Queue().AddAfter(syncCtx.QueueKey(), again)
	}
	return err
}

// pass does one sync. It returns after how long to look again whatever happens, zero for never.
func (c *controller) pass(ctx context.Context) (time.Duration, error) {
	config, err := c.Client.Config()
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	in, err := c.gather(config)
	if err != nil {
		return longestPause, err
	}
	c.zoned.Store(in.Zones)
	done := c.reconcile(ctx, in)
	if c.patience.Behind(done.applied) {
		return 0, done.applied
	}
	now := c.Clock.Now()
	if wait := c.holdBack(done, now); wait > 0 {
		return wait, nil
	}
	status, next := statusOf(in, done, now)
	if err := c.Client.ApplyStatus(ctx, names.RegistryController, status); err != nil {
		return longestPause, fmt.Errorf("applying status of config %s: %w", config.Name, err)
	}
	c.tell(done.config, status.Conditions)
	again := until(next, now)
	if err := transient(done); err != nil {
		if again == 0 || again > longestPause {
			again = longestPause
		}
		return again, err
	}
	return again, nil
}
