package azure

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/privatedns/armprivatedns"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	succeeded = "Succeeded"
	// recordTTL is short: an endpoint that is made anew has another address.
	recordTTL = 10
	global    = "global"
)

// internalNetwork is what the administrator asked for when access is to be Internal; nil otherwise.
func internalNetwork(c *imageregistryv1.ImageRegistryConfigStorageAzure) *imageregistryv1.AzureNetworkAccessInternal {
	if c.NetworkAccess == nil || c.NetworkAccess.Type != imageregistryv1.AzureNetworkAccessTypeInternal {
		return nil
	}
	if c.NetworkAccess.Internal == nil {
		return &imageregistryv1.AzureNetworkAccessInternal{}
	}
	return c.NetworkAccess.Internal
}

// nameEndpoint chooses the name of the private endpoint, so that it is stored before there is one.
func (b *backend) nameEndpoint(c *imageregistryv1.ImageRegistryConfigStorageAzure) {
	access := internalNetwork(c)
	if access == nil || access.PrivateEndpointName != "" {
		return
	}
	access.PrivateEndpointName = storage.RandomAccountName(b.infrastructure)
	c.NetworkAccess.Internal = access
}

// private is the way to an account through a virtual network of the cluster.
type private struct {
	*backend
	account *armstorage.Account
	access  *imageregistryv1.AzureNetworkAccessInternal
	// group has the network; what we make goes into the cluster's own.
	group string
}

// ensureNetwork gives the account the access that is asked for.
func (b *backend) ensureNetwork(ctx context.Context, result *storage.Result) (waiting string, err error) {
	access := internalNetwork(result.Coordinates.Azure)
	if b.cloud.stack {
		if access == nil {
			return "", nil
		}
		return "", configError("spec.storage.azure.networkAccess Internal needs private endpoints, which an Azure Stack Hub has not; use External", nil)
	}
	account, err := b.getAccount(ctx)
	if isRefused(err) && access == nil {
		return "", nil
	}
	if err != nil {
		return "", b.failed(ctx, "reading "+b.accountText(), err)
	}
	if access == nil {
		return b.open(ctx, account)
	}
	result.Coordinates.Azure.NetworkAccess.Internal = access
	if isPrivate(account) {
		// The last step is done, and repairNetwork has seen to the others; or somebody else has closed the account.
		return "", nil
	}
	return b.wayTo(account, access).close(ctx)
}

// repairNetwork makes anew what was lost of the private way to an account that is closed already. It comes before the
// container, which is behind that way.
func (b *backend) repairNetwork(ctx context.Context, result *storage.Result) (waiting string, err error) {
	access := internalNetwork(result.Coordinates.Azure)
	if access == nil || b.cloud.stack {
		return "", nil
	}
	account, err := b.getAccount(ctx)
	if isRefused(err) {
		return "", nil
	}
	if err != nil {
		return "", b.failed(ctx, "reading "+b.accountText(), err)
	}
	if ours, err := b.closedByUs(ctx, account, access); err != nil || !ours {
		return "", err
	}
	result.Coordinates.Azure.NetworkAccess.Internal = access
	return b.wayTo(account, access).close(ctx)
}

// closedByUs tells whether a closed account is one that we keep closed: our own, or one with a private endpoint of ours.
// Any other has a way that somebody else made.
func (b *backend) closedByUs(
	ctx context.Context, account *armstorage.Account, access *imageregistryv1.AzureNetworkAccessInternal,
) (bool, error) {
	if !isPrivate(account) || b.owns(account) || access.PrivateEndpointName == "" {
		return isPrivate(account) && b.owns(account), nil
	}
	endpoint, err := b.ownEndpoint(ctx, access.PrivateEndpointName)
	return endpoint != nil, err
}

func (b *backend) wayTo(account *armstorage.Account, access *imageregistryv1.AzureNetworkAccessInternal) *private {
	return &private{backend: b, account: account, access: access, group: cmp.Or(access.NetworkResourceGroupName, b.identity.group)}
}

// behindLostWay tells whether err, of a look at the container, may be that the private way to it is broken, which Ensure
// repairs.
func (b *backend) behindLostWay(ctx context.Context, err error) bool {
	access := internalNetwork(b.in.Coordinates.Azure)
	if access == nil || b.cloud.stack || status(err) != 0 && !isCode(err, codeNetworkRefused) {
		return false
	}
	account, err := b.getAccount(ctx)
	if err != nil {
		return false
	}
	ours, err := b.closedByUs(ctx, account, access)
	return ours && err == nil
}

func isPrivate(account *armstorage.Account) bool {
	access := account.Properties.PublicNetworkAccess
	return access != nil && *access == armstorage.PublicNetworkAccessDisabled
}

// close makes the private way and then ends the public one. Each step is skipped when it is done.
func (p *private) close(ctx context.Context) (waiting string, err error) {
	if p.access.PrivateEndpointName == "" {
		return "", configError("the private endpoint has no name yet", nil)
	}
	network, subnetID, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	endpoint, waiting, err := p.ensureEndpoint(ctx, subnetID)
	if err != nil || waiting != "" {
		return waiting, err
	}
	for _, step := range []func() (string, error){
		func() (string, error) { return p.ensureZone(ctx) },
		func() (string, error) { return "", p.ensureRecord(ctx, endpoint) },
		func() (string, error) { return p.ensureZoneGroup(ctx) },
		func() (string, error) { return p.ensureLink(ctx, network) },
	} {
		if waiting, err := step(); err != nil || waiting != "" {
			return waiting, err
		}
	}
	if isPrivate(p.account) {
		return "", nil
	}
	return "", p.setPublic(ctx, armstorage.PublicNetworkAccessDisabled)
}

// setPublic opens or closes the account to public networks.
func (b *backend) setPublic(ctx context.Context, access armstorage.PublicNetworkAccess) error {
	klog.InfoS("updating storage", "kind", storage.Azure, "account", b.account, "publicNetworkAccess", access)
	_, err := do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientUpdateResponse, error) {
		return b.clients.accounts.Update(ctx, b.identity.group, b.account, armstorage.AccountUpdateParameters{
			Properties: &armstorage.AccountPropertiesUpdateParameters{PublicNetworkAccess: &access},
		}, nil)
	})
	if err != nil {
		return b.failed(ctx, "setting the public network access of "+b.accountText(), err)
	}
	return nil
}

// ensureEndpoint makes the private endpoint. One that is there and not ours is used as it is.
func (p *private) ensureEndpoint(ctx context.Context, subnetID string) (endpoint *privateEndpoint, waiting string, err error) {
	name, id := p.access.PrivateEndpointName, p.clients.network.endpointID(p.identity.group, p.access.PrivateEndpointName)
	text := "private endpoint " + name
	found, err := do(ctx, p.backend, func(ctx context.Context) (*privateEndpoint, error) {
		return read[privateEndpoint](ctx, p.clients.network, id)
	})
	switch {
	case err == nil && found.Properties.ProvisioningState == succeeded:
		return found, "", p.leadsHere(found)
	case err == nil && found.Properties.ProvisioningState != "Failed":
		return nil, text + " is being made", nil
	case err != nil && !isGone(err):
		return nil, "", p.failed(ctx, "looking for "+text, err)
	}
	wanted := &privateEndpoint{Location: p.identity.region, Tags: p.tags(), Properties: privateEndpointProperties{
		Subnet: &reference{subnetID}, CustomNetworkInterfaceName: name + "-nic",
		PrivateLinkServiceConnections: []linkServiceConnection{{
			Name: name, Properties: linkServiceConnectionProperties{PrivateLinkServiceID: *p.account.ID, GroupIDs: []string{"blob"}},
		}},
	}}
	klog.InfoS("creating private endpoint", "name", name, "subnet", subnetID)
	_, err = advance(ctx, p.backend, operationOf("create", "endpoint", name), func(ctx context.Context) (*runtime.Poller[privateEndpoint], error) {
		return beginPut(ctx, p.clients.network, id, wanted)
	})
	if err != nil {
		return nil, "", p.failed(ctx, "creating "+text, err)
	}
	// Its address is known when it is read again.
	return nil, text + " is being made", nil
}

// leadsHere refuses an endpoint of that name that leads to something else.
func (p *private) leadsHere(endpoint *privateEndpoint) error {
	for _, connection := range endpoint.Properties.PrivateLinkServiceConnections {
		if p.account.ID != nil && strings.EqualFold(connection.Properties.PrivateLinkServiceID, *p.account.ID) {
			return nil
		}
	}
	return configError(fmt.Sprintf("private endpoint %s in resource group %s does not lead to %s; choose another name in "+
		"spec.storage.azure.networkAccess.internal.privateEndpointName, or delete it", p.access.PrivateEndpointName, p.identity.group, p.accountText()), nil)
}

// ensureZone makes the private DNS zone.
func (p *private) ensureZone(ctx context.Context) (waiting string, err error) {
	zone := p.cloud.zone()
	found, err := do(ctx, p.backend, func(ctx context.Context) (armprivatedns.PrivateZonesClientGetResponse, error) {
		return p.clients.zones.Get(ctx, p.identity.group, zone, nil)
	})
	switch {
	case err == nil && found.Properties != nil && isBusy(found.Properties.ProvisioningState):
		return "DNS zone " + zone + " is being made", nil
	case err == nil:
		return "", nil
	case !isGone(err):
		return "", p.failed(ctx, "looking for DNS zone "+zone, err)
	}
	done, err := advance(ctx, p.backend, operationOf("create", "zone", zone), func(ctx context.Context) (*zoneOperation, error) {
		wanted := armprivatedns.PrivateZone{Location: to.Ptr(global), Tags: p.tags()}
		return p.clients.zones.BeginCreateOrUpdate(ctx, p.identity.group, zone, wanted, nil)
	})
	return p.outcome(ctx, done, err, "DNS zone "+zone)
}

// zoneOperation and linkOperation are creations that are under way.
type (
	zoneOperation = runtime.Poller[armprivatedns.PrivateZonesClientCreateOrUpdateResponse]
	linkOperation = runtime.Poller[armprivatedns.VirtualNetworkLinksClientCreateOrUpdateResponse]
)

// isBusy tells that a resource of DNS is being made.
func isBusy(state *armprivatedns.ProvisioningState) bool {
	return state != nil && (*state == armprivatedns.ProvisioningStateCreating || *state == armprivatedns.ProvisioningStateUpdating)
}

// outcome is what a step that began an operation has to say.
func (p *private) outcome(ctx context.Context, done bool, err error, what string) (waiting string, _ error) {
	switch {
	case err != nil:
		return "", p.failed(ctx, "creating "+what, err)
	case !done:
		return what + " is being made", nil
	}
	return "", nil
}

// ensureRecord makes the name of the account lead to the endpoint's address.
func (p *private) ensureRecord(ctx context.Context, endpoint *privateEndpoint) error {
	address, err := p.address(ctx, endpoint)
	if err != nil {
		return err
	}
	zone, text := p.cloud.zone(), "record "+p.backend.account+" of DNS zone "+p.cloud.zone()
	found, err := do(ctx, p.backend, func(ctx context.Context) (armprivatedns.RecordSetsClientGetResponse, error) {
		return p.clients.records.Get(ctx, p.identity.group, zone, armprivatedns.RecordTypeA, p.backend.account, nil)
	})
	switch {
	case err == nil && leadsTo(found.RecordSet, address), isRefused(err) && isPrivate(p.account):
		return nil
	case err != nil && !isGone(err) && !isRefused(err):
		// Reading it is a right that roles of earlier releases lack. They write it once, before the account is closed.
		return p.failed(ctx, "looking for "+text, err)
	}
	_, err = do(ctx, p.backend, func(ctx context.Context) (armprivatedns.RecordSetsClientCreateOrUpdateResponse, error) {
		return p.clients.records.CreateOrUpdate(ctx, p.identity.group, zone, armprivatedns.RecordTypeA, p.backend.account, armprivatedns.RecordSet{
			Properties: &armprivatedns.RecordSetProperties{TTL: to.Ptr[int64](recordTTL), ARecords: []*armprivatedns.ARecord{{IPv4Address: &address}}},
		}, nil)
	})
	if err != nil {
		return p.failed(ctx, "creating "+text, err)
	}
	return nil
}

func leadsTo(record armprivatedns.RecordSet, address string) bool {
	if record.Properties == nil || len(record.Properties.ARecords) != 1 {
		return false
	}
	a := record.Properties.ARecords[0]
	return a != nil && a.IPv4Address != nil && *a.IPv4Address == address
}

// address is that of the first interface of the endpoint.
func (p *private) address(ctx context.Context, endpoint *privateEndpoint) (string, error) {
	text := "the address of private endpoint " + p.access.PrivateEndpointName
	if len(endpoint.Properties.NetworkInterfaces) == 0 {
		return "", p.failed(ctx, "reading "+text, finding("it has no network interface"))
	}
	nic, err := do(ctx, p.backend, func(ctx context.Context) (*networkInterface, error) {
		return read[networkInterface](ctx, p.clients.network, endpoint.Properties.NetworkInterfaces[0].ID)
	})
	if err != nil {
		return "", p.failed(ctx, "reading "+text, err)
	}
	for _, configuration := range nic.Properties.IPConfigurations {
		if configuration.Properties.PrivateIPAddress != "" {
			return configuration.Properties.PrivateIPAddress, nil
		}
	}
	return "", p.failed(ctx, "reading "+text, finding("its network interface has none"))
}

// zoneGroupName is the zone with dashes.
func (c Cloud) zoneGroupName() string { return strings.ReplaceAll(c.zone(), ".", "-") }

// ensureZoneGroup ties endpoint and zone together, so that Azure keeps the record.
func (p *private) ensureZoneGroup(ctx context.Context) (waiting string, err error) {
	name := p.cloud.zoneGroupName()
	id := p.clients.network.zoneGroupID(p.identity.group, p.access.PrivateEndpointName, name)
	found, err := do(ctx, p.backend, func(ctx context.Context) (*zoneGroup, error) { return read[zoneGroup](ctx, p.clients.network, id) })
	text := "DNS zone group of private endpoint " + p.access.PrivateEndpointName
	switch {
	case err == nil && found.Properties.ProvisioningState == "Updating":
		return text + " is being made", nil
	case err == nil:
		return "", nil
	case !isGone(err):
		return "", p.failed(ctx, "looking for the "+text, err)
	}
	wanted := &zoneGroup{Name: name, Properties: zoneGroupProperties{PrivateDNSZoneConfigs: []zoneConfig{{
		Name: name, Properties: zoneConfigProperties{p.clients.network.zoneID(p.identity.group, p.cloud.zone())},
	}}}}
	done, err := advance(ctx, p.backend, operationOf("create", "zone group", p.access.PrivateEndpointName), func(ctx context.Context) (*runtime.Poller[zoneGroup], error) {
		return beginPut(ctx, p.clients.network, id, wanted)
	})
	return p.outcome(ctx, done, err, text)
}

// ensureLink shows the zone to the virtual network.
func (p *private) ensureLink(ctx context.Context, networkID string) (waiting string, err error) {
	zone, name := p.cloud.zone(), p.backend.account
	text := "link " + name + " of DNS zone " + zone
	found, err := do(ctx, p.backend, func(ctx context.Context) (armprivatedns.VirtualNetworkLinksClientGetResponse, error) {
		return p.clients.links.Get(ctx, p.identity.group, zone, name, nil)
	})
	switch {
	case err == nil && found.Properties != nil && isBusy(found.Properties.ProvisioningState):
		return text + " is being made", nil
	case err == nil:
		return "", nil
	case !isGone(err):
		return "", p.failed(ctx, "looking for "+text, err)
	}
	done, err := advance(ctx, p.backend, operationOf("create", "link", name), func(ctx context.Context) (*linkOperation, error) {
		return p.clients.links.BeginCreateOrUpdate(ctx, p.identity.group, zone, name, armprivatedns.VirtualNetworkLink{
			Location: to.Ptr(global), Tags: p.tags(),
			Properties: &armprivatedns.VirtualNetworkLinkProperties{
				RegistrationEnabled: to.Ptr(false), VirtualNetwork: &armprivatedns.SubResource{ID: &networkID},
			},
		}, nil)
	})
	if isCode(err, codeConflict) {
		// The network is linked with the zone already, under another name.
		return "", nil
	}
	return p.outcome(ctx, done, err, text)
}
