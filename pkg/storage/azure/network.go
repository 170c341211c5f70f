package azure

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// network is a client of Microsoft.Network for the seven calls that private access takes, over the SDK's own pipeline
// (tokens, retries, operations). The generated client is 8 MB of source for a few hundred kinds of resource; what of
// them matters here fits into this file.
type network struct {
	arm          *arm.Client
	subscription string
}

// networkVersion has customNetworkInterfaceName, and is served by all of Azure's clouds.
const networkVersion = "2022-07-01"

func newNetwork(subscription string, tokens azcore.TokenCredential, options *arm.ClientOptions) (*network, error) {
	client, err := arm.NewClient("network", "v1.0.0", tokens, options)
	if err != nil {
		return nil, err
	}
	return &network{arm: client, subscription: subscription}, nil
}

// reference names another resource.
type reference struct {
	ID string `json:"id,omitempty"`
}

// privateEndpoint is an address in a virtual network that leads to an account.
type privateEndpoint struct {
	ID         string                    `json:"id,omitempty"`
	Location   string                    `json:"location,omitempty"`
	Tags       map[string]*string        `json:"tags,omitempty"`
	Properties privateEndpointProperties `json:"properties"`
}

type privateEndpointProperties struct {
	Subnet                        *reference              `json:"subnet,omitempty"`
	CustomNetworkInterfaceName    string                  `json:"customNetworkInterfaceName,omitempty"`
	PrivateLinkServiceConnections []linkServiceConnection `json:"privateLinkServiceConnections,omitempty"`
	NetworkInterfaces             []reference             `json:"networkInterfaces,omitempty"`
	ProvisioningState             string                  `json:"provisioningState,omitempty"`
}

type linkServiceConnection struct {
	Name       string                          `json:"name"`
	Properties linkServiceConnectionProperties `json:"properties"`
}

type linkServiceConnectionProperties struct {
	PrivateLinkServiceID string   `json:"privateLinkServiceId"`
	GroupIDs             []string `json:"groupIds"`
}

// zoneGroup ties a private endpoint to a DNS zone.
type zoneGroup struct {
	Name       string              `json:"name,omitempty"`
	Properties zoneGroupProperties `json:"properties"`
}

type zoneGroupProperties struct {
	PrivateDNSZoneConfigs []zoneConfig `json:"privateDnsZoneConfigs"`
	ProvisioningState     string       `json:"provisioningState,omitempty"`
}

type zoneConfig struct {
	Name       string               `json:"name"`
	Properties zoneConfigProperties `json:"properties"`
}

type zoneConfigProperties struct {
	PrivateDNSZoneID string `json:"privateDnsZoneId"`
}

// networkInterface is what a private endpoint has its address on.
type networkInterface struct {
	Properties struct {
		IPConfigurations []struct {
			Properties struct {
				PrivateIPAddress string `json:"privateIPAddress"`
			} `json:"properties"`
		} `json:"ipConfigurations"`
	} `json:"properties"`
}

// virtualNetwork and subnet are only looked for.
type virtualNetwork struct {
	ID   string            `json:"id"`
	Name string            `json:"name"`
	Tags map[string]string `json:"tags"`
}

type subnet struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type page[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink"`
}

// id is the id of a resource of this provider; parts are its types and names in turn.
func (n *network) id(group string, parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return "/subscriptions/" + url.PathEscape(n.subscription) + "/resourceGroups/" + url.PathEscape(group) +
		"/providers/Microsoft.Network/" + strings.Join(escaped, "/")
}

func (n *network) endpointID(group, name string) string { return n.id(group, "privateEndpoints", name) }

func (n *network) zoneGroupID(group, endpoint, name string) string {
	return n.id(group, "privateEndpoints", endpoint, "privateDnsZoneGroups", name)
}

// zoneID is that of a private DNS zone, which is of the same provider.
func (n *network) zoneID(group, name string) string { return n.id(group, "privateDnsZones", name) }

// send makes one request; good lists the statuses that are no error.
func (n *network) send(ctx context.Context, method, address string, body any, good ...int) (*http.Response, error) {
	request, err := runtime.NewRequest(ctx, method, address)
	if err != nil {
		return nil, err
	}
	query := request.Raw().URL.Query()
	if !query.Has("api-version") {
		query.Set("api-version", networkVersion)
		request.Raw().URL.RawQuery = query.Encode()
	}
	request.Raw().Header.Set("Accept", "application/json")
	if body != nil {
		if err := runtime.MarshalAsJSON(request, body); err != nil {
			return nil, err
		}
	}
	response, err := n.arm.Pipeline().Do(request)
	if err != nil {
		return nil, err
	}
	if !runtime.HasStatusCode(response, good...) {
		return nil, runtime.NewResponseError(response)
	}
	return response, nil
}

// read reads the resource of that id.
func read[T any](ctx context.Context, n *network, id string) (*T, error) {
	response, err := n.send(ctx, http.MethodGet, n.arm.Endpoint()+id, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	resource := new(T)
	return resource, runtime.UnmarshalAsJSON(response, resource)
}

// maxPages bounds a listing.
const maxPages = 50

// list reads all resources of a collection.
func list[T any](ctx context.Context, n *network, id string) ([]T, error) {
	var all []T
	address := n.arm.Endpoint() + id
	for range maxPages {
		response, err := n.send(ctx, http.MethodGet, address, nil, http.StatusOK)
		if err != nil {
			return nil, err
		}
		var p page[T]
		if err := runtime.UnmarshalAsJSON(response, &p); err != nil {
			return nil, err
		}
		all = append(all, p.Value...)
		if p.NextLink == "" {
			break
		}
		address = p.NextLink
	}
	return all, nil
}

// beginPut creates or updates the resource of that id.
func beginPut[T any](ctx context.Context, n *network, id string, resource *T) (*runtime.Poller[T], error) {
	response, err := n.send(ctx, http.MethodPut, n.arm.Endpoint()+id, resource, http.StatusOK, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return nil, err
	}
	return runtime.NewPoller(response, n.arm.Pipeline(), &runtime.NewPollerOptions[T]{FinalStateVia: runtime.FinalStateViaAzureAsyncOp})
}

// nothing is the result of a deletion.
type nothing struct{}

func beginDelete(ctx context.Context, n *network, id string) (*runtime.Poller[nothing], error) {
	response, err := n.send(ctx, http.MethodDelete, n.arm.Endpoint()+id, nil, http.StatusOK, http.StatusAccepted, http.StatusNoContent)
	if err != nil {
		return nil, err
	}
	return runtime.NewPoller(response, n.arm.Pipeline(), &runtime.NewPollerOptions[nothing]{FinalStateVia: runtime.FinalStateViaLocation})
}
