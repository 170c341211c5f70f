package azure

import (
	"context"
	"fmt"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// networkTags mark virtual networks of the cluster, with the value owned or shared.
var networkTags = []string{"sigs.k8s.io_cluster-api-provider-azure_cluster_", clusterTag}

// discover finds the network and subnet of the private endpoint, and records their names where none were given. It
// returns their ids.
func (p *private) discover(ctx context.Context) (networkID, subnetID string, err error) {
	if p.access.VNetName == "" {
		networks, err := do(ctx, p.backend, func(ctx context.Context) ([]virtualNetwork, error) {
			return list[virtualNetwork](ctx, p.clients.network, p.clients.network.id(p.group, "virtualNetworks"))
		})
		if err != nil {
			return "", "", p.undiscovered(ctx, "listing the virtual networks of resource group "+p.group, err)
		}
		if p.access.VNetName = p.ofCluster(networks); p.access.VNetName == "" {
			none := finding(fmt.Sprintf("none of the %d in resource group %s has a tag %s%s or %s%s",
				len(networks), p.group, networkTags[0], p.infrastructure, networkTags[1], p.infrastructure))
			return "", "", p.undiscovered(ctx, "looking for the virtual network of the cluster", none)
		}
	}
	if p.access.SubnetName == "" {
		subnets, err := do(ctx, p.backend, func(ctx context.Context) ([]subnet, error) {
			return list[subnet](ctx, p.clients.network, p.clients.network.id(p.group, "virtualNetworks", p.access.VNetName, "subnets"))
		})
		if err != nil {
			return "", "", p.undiscovered(ctx, "listing the subnets of virtual network "+p.access.VNetName, err)
		}
		if len(subnets) == 0 {
			return "", "", p.undiscovered(ctx, "looking for a subnet", finding("virtual network "+p.access.VNetName+" has none"))
		}
		p.access.SubnetName = subnets[0].Name
	}
	n := p.clients.network
	return n.id(p.group, "virtualNetworks", p.access.VNetName), n.id(p.group, "virtualNetworks", p.access.VNetName, "subnets", p.access.SubnetName), nil
}

// ofCluster is the first network of the cluster.
func (p *private) ofCluster(networks []virtualNetwork) string {
	for _, network := range networks {
		for _, tag := range networkTags {
			if value := network.Tags[tag+p.infrastructure]; value == owned || value == "shared" {
				return network.Name
			}
		}
	}
	return ""
}

// undiscovered makes the error of a discovery, which the administrator can always do without.
func (p *private) undiscovered(ctx context.Context, action string, err error) error {
	if transport.Cancelled(ctx) {
		return p.failed(ctx, action, err)
	}
	failure := p.failure(action, err)
	failure.Message += "; give networkResourceGroupName, vnetName and subnetName in spec.storage.azure.networkAccess.internal"
	return failure
}
