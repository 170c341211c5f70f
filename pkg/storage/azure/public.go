package azure

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/privatedns/armprivatedns"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"k8s.io/klog/v2"
)

// open ends what private access left when External is asked for again. Only endpoints with our mark count: an account
// that somebody else has closed stays closed.
func (b *backend) open(ctx context.Context, account *armstorage.Account) (waiting string, err error) {
	for _, connection := range account.Properties.PrivateEndpointConnections {
		name := b.endpointOf(connection)
		if name == "" {
			continue
		}
		endpoint, err := b.ownEndpoint(ctx, name)
		if err != nil {
			return "", err
		}
		if endpoint == nil {
			continue
		}
		// First, so that a crash leaves the endpoint, by which the next run sees that there is something left to do.
		if isPrivate(account) {
			if err := b.setPublic(ctx, armstorage.PublicNetworkAccessEnabled); err != nil {
				return "", err
			}
			account.Properties.PublicNetworkAccess = nil
		}
		if waiting, _, err := b.dropEndpoint(ctx, name); waiting != "" || err != nil {
			return waiting, err
		}
	}
	return "", nil
}

// endpointOf is the name of the endpoint of a connection, if it is in the cluster's resource group.
func (b *backend) endpointOf(connection *armstorage.PrivateEndpointConnection) string {
	if connection == nil || connection.Properties == nil || connection.Properties.PrivateEndpoint == nil ||
		connection.Properties.PrivateEndpoint.ID == nil {
		return ""
	}
	id, err := arm.ParseResourceID(*connection.Properties.PrivateEndpoint.ID)
	if err != nil || !strings.EqualFold(id.ResourceGroupName, b.identity.group) {
		return ""
	}
	return id.Name
}

// ownEndpoint reads a private endpoint; nil when there is none or it is not ours.
func (b *backend) ownEndpoint(ctx context.Context, name string) (*privateEndpoint, error) {
	found, err := do(ctx, b, func(ctx context.Context) (*privateEndpoint, error) {
		return read[privateEndpoint](ctx, b.clients.network, b.clients.network.endpointID(b.identity.group, name))
	})
	switch {
	case isGone(err), isRefused(err):
		return nil, nil
	case err != nil:
		return nil, b.failed(ctx, "looking for private endpoint "+name, err)
	case !b.ownTags(found.Tags):
		return nil, nil
	}
	return found, nil
}

// dropEndpoint deletes a private endpoint of ours and what was made for it; the zone stays, others may use it. The
// endpoint goes last: while it is there, the rest is looked for. refused names all that we may not delete.
func (b *backend) dropEndpoint(ctx context.Context, name string) (waiting string, refused []string, err error) {
	zone, group, endpoint := b.cloud.zone(), b.identity.group, "private endpoint "+name
	record := "record " + b.account + " of DNS zone " + zone
	_, err = do(ctx, b, func(ctx context.Context) (armprivatedns.RecordSetsClientDeleteResponse, error) {
		return b.clients.records.Delete(ctx, group, zone, armprivatedns.RecordTypeA, b.account, nil)
	})
	switch {
	case isRefused(err):
		refused = append(refused, noteRefused(record, err))
	case err != nil && !isGone(err):
		return "", nil, b.failed(ctx, "deleting "+record, err)
	}
	for _, step := range []func() (string, string, error){
		func() (string, string, error) {
			return erase(ctx, b, "DNS zone group of "+endpoint, func(ctx context.Context) (*runtime.Poller[nothing], error) {
				return beginDelete(ctx, b.clients.network, b.clients.network.zoneGroupID(group, name, b.cloud.zoneGroupName()))
			})
		},
		func() (string, string, error) {
			return erase(ctx, b, "link "+b.account+" of DNS zone "+zone, func(ctx context.Context) (*unlinkOperation, error) {
				return b.clients.links.BeginDelete(ctx, group, zone, b.account, nil)
			})
		},
		func() (string, string, error) {
			return erase(ctx, b, endpoint, func(ctx context.Context) (*runtime.Poller[nothing], error) {
				return beginDelete(ctx, b.clients.network, b.clients.network.endpointID(group, name))
			})
		},
	} {
		waiting, left, err := step()
		if waiting != "" || err != nil {
			b.clients.operations.set(leftOf(name), refused)
			return waiting, nil, err
		}
		if left != "" {
			refused = append(refused, left)
		}
	}
	return "", refused, nil
}

// leftOf is where operations remember what the deletion of an endpoint could not take along: the endpoint may be gone when it
// is looked for the next time.
func leftOf(endpoint string) string { return operationOf("leave", "beside", endpoint) }

// noteRefused tells the log of a resource that may not be deleted.
func noteRefused(what string, err error) string {
	klog.InfoS("may not be deleted with these credentials", "resource", what, "code", code(err))
	return what
}

// unlinkOperation is the deletion of a link that is under way.
type unlinkOperation = runtime.Poller[armprivatedns.VirtualNetworkLinksClientDeleteResponse]

// erase deletes a resource; one that is gone is deleted. A right to delete is one that roles of earlier releases lack: a
// refusal leaves the resource where it is.
func erase[T any](
	ctx context.Context, b *backend, what string, begin func(context.Context) (*runtime.Poller[T], error),
) (waiting, refused string, err error) {
	done, err := advance(ctx, b, operationOf("delete", what, ""), begin)
	switch {
	case isGone(err), err == nil && done:
		return "", "", nil
	case isRefused(err):
		return "", noteRefused(what, err), nil
	case err != nil:
		return "", "", b.failed(ctx, "deleting "+what, err)
	}
	return what + " is being deleted", "", nil
}
