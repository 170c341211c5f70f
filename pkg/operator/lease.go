package operator

import (
	"context"
	"fmt"
	"os"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	configinformers "github.com/openshift/client-go/config/informers/externalversions/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// topologyTime is how long the start waits for the topology.
const topologyTime = 10 * time.Second

// readTimings picks the timings of the lease by the topology, and those of a highly available control plane when it
// cannot be read soon.
func readTimings(ctx context.Context, informer configinformers.InfrastructureInformer) (timings, error) {
	ctx, cancel := context.WithTimeout(ctx, topologyTime)
	defer cancel()
	if !synced(ctx, informer.Informer().HasSynced) {
		return timingsFor(""), fmt.Errorf("waiting for infrastructure %s: %w", names.Cluster, context.Cause(ctx))
	}
	infrastructure, err := informer.Lister().Get(names.Cluster)
	if err != nil {
		return timingsFor(""), fmt.Errorf("reading the control plane topology: %w", err)
	}
	return timingsFor(infrastructure.Status.ControlPlaneTopology), nil
}

func newIdentity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("making the identity for the leader election: %w", err)
	}
	return host + "_" + string(uuid.NewUUID()), nil
}

// leaseReleases watches the one Lease. It is only used while somebody else leads.
func leaseReleases(client kubernetes.Interface) func(context.Context, chan<- struct{}) {
	return func(ctx context.Context, released chan<- struct{}) {
		factory := one(client, names.OperatorNamespace, names.Lease)
		informer := factory.Coordination().V1().Leases().Informer()
		signal := func(obj any) {
			if lease, ok := obj.(*coordinationv1.Lease); ok && !isReleased(lease) {
				return
			}
			select {
			case released <- struct{}{}:
			default:
			}
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    signal,
			UpdateFunc: func(_, obj any) { signal(obj) },
			DeleteFunc: func(any) { signal(nil) },
		})
		if err != nil {
			klog.Warningf("Not watching the lease, a release will be noticed at the next try: %v", err)
			return
		}
		factory.Start(ctx.Done())
	}
}
