package azureserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

type reference struct {
	ID string `json:"id"`
}

type endpointBody struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		Subnet      reference `json:"subnet"`
		NIC         string    `json:"customNetworkInterfaceName"`
		Connections []struct {
			Name       string `json:"name"`
			Properties struct {
				Target string   `json:"privateLinkServiceId"`
				Groups []string `json:"groupIds"`
			} `json:"properties"`
		} `json:"privateLinkServiceConnections"`
	} `json:"properties"`
}

// endpointRights are those that a private endpoint needs on what it connects.
func endpointRights([]byte) []string {
	return []string{"Microsoft.Network/virtualNetworks/subnets/join/action", accountType + "/PrivateEndpointConnectionsApproval/action"}
}

func putEndpoint(f *front, p path, body []byte) (*Resource, *apiError) {
	var b endpointBody
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	c := b.Properties.Connections
	if b.Location == "" || len(c) != 1 || !slices.Equal(c[0].Properties.Groups, []string{"blob"}) || b.Properties.NIC == "" {
		return nil, invalid("a private endpoint needs a location, an interface, and one connection with group blob.")
	}
	if f.model.resources[strings.ToLower(b.Properties.Subnet.ID)] == nil {
		return nil, &apiError{http.StatusBadRequest, "InvalidResourceReference", "Resource " + b.Properties.Subnet.ID + " referenced by resource " + p.id + " was not found."}
	}
	target := f.model.resources[strings.ToLower(c[0].Properties.Target)]
	if target == nil || target.Type != accountType {
		return nil, &apiError{http.StatusBadRequest, "LinkedInvalidPropertyId", "Property id '" + c[0].Properties.Target + "' is invalid."}
	}
	var properties map[string]any
	var all struct {
		Properties map[string]any `json:"properties"`
	}
	_ = json.Unmarshal(body, &all) // it was decoded above
	properties = all.Properties
	resource := &Resource{ID: p.id, Name: p.name(), Type: p.kind(), Location: b.Location, Tags: b.Tags, Properties: properties}
	f.model.put(resource, "Updating", func() { f.model.connect(resource, p, b.Properties.NIC, target) })
	return resource, nil
}

// connect is the end of the making of an endpoint: its interface has an address, and the account knows it.
func (m *model) connect(endpoint *Resource, p path, name string, target *Resource) {
	id := fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Network/networkInterfaces/%s", p.subscription, p.group, name)
	address := m.address()
	m.resources[strings.ToLower(id)] = &Resource{ID: id, Name: name, Type: "Microsoft.Network/networkInterfaces", Properties: map[string]any{
		"address":          address,
		"ipConfigurations": []any{map[string]any{"name": "privateEndpointIpConfig", "properties": map[string]string{"privateIPAddress": address}}},
	}}
	endpoint.Properties["networkInterfaces"] = []any{map[string]string{"id": id}}
	connections, _ := target.Properties["privateEndpointConnections"].([]any)
	target.Properties["privateEndpointConnections"] = append(connections, map[string]any{
		"id": target.ID + "/privateEndpointConnections/" + endpoint.Name, "name": endpoint.Name,
		"properties": map[string]any{"privateEndpoint": map[string]string{"id": endpoint.ID}, "provisioningState": "Succeeded"},
	})
}

// deleteEndpoint takes interface and connection with the endpoint.
func deleteEndpoint(f *front, resource *Resource) {
	interfaces, _ := resource.Properties["networkInterfaces"].([]any)
	for _, entry := range interfaces {
		if nic, ok := entry.(map[string]string); ok {
			delete(f.model.resources, strings.ToLower(nic["id"]))
		}
	}
	for _, account := range f.model.resources {
		connections, _ := account.Properties["privateEndpointConnections"].([]any)
		account.Properties["privateEndpointConnections"] = slices.DeleteFunc(connections, func(entry any) bool {
			connection, _ := entry.(map[string]any)
			return connection["name"] == resource.Name
		})
		if account.Type != accountType {
			delete(account.Properties, "privateEndpointConnections")
		}
	}
}

func zoneGroupRights([]byte) []string {
	return []string{"Microsoft.Network/privateDnsZones/join/action"}
}

func putZoneGroup(f *front, p path, body []byte) (*Resource, *apiError) {
	var b struct {
		Name       string `json:"name"`
		Properties struct {
			Zones []struct {
				Name       string `json:"name"`
				Properties struct {
					Zone string `json:"privateDnsZoneId"`
				} `json:"properties"`
			} `json:"privateDnsZoneConfigs"`
		} `json:"properties"`
	}
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	if e := f.model.parent(p); e != nil {
		return nil, e
	}
	if len(b.Properties.Zones) != 1 || f.model.resources[strings.ToLower(b.Properties.Zones[0].Properties.Zone)] == nil {
		return nil, invalid("privateDnsZoneConfigs must name a zone that exists.")
	}
	resource := &Resource{ID: p.id, Name: p.name(), Type: p.kind(), Properties: map[string]any{"privateDnsZoneConfigs": b.Properties.Zones}}
	f.model.put(resource, "Updating", nil)
	return resource, nil
}

// parent refuses what is to be made below something that does not exist.
func (m *model) parent(p path) *apiError {
	id := strings.ToLower(p.id)
	for range 2 {
		id = id[:strings.LastIndex(id, "/")]
	}
	if m.resources[id] == nil {
		return &apiError{http.StatusNotFound, "ParentResourceNotFound", "Can not perform requested operation on nested resource. Parent resource not found."}
	}
	return nil
}

func putZone(f *front, p path, body []byte) (*Resource, *apiError) {
	var b struct {
		Location string            `json:"location"`
		Tags     map[string]string `json:"tags"`
	}
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	if b.Location != "global" {
		return nil, invalid("a private DNS zone is global.")
	}
	resource := &Resource{ID: p.id, Name: p.name(), Type: p.kind(), Location: b.Location, Tags: b.Tags, Properties: map[string]any{}}
	f.model.put(resource, "Creating", nil)
	return resource, nil
}

func linkRights([]byte) []string { return []string{"Microsoft.Network/virtualNetworks/join/action"} }

func putLink(f *front, p path, body []byte) (*Resource, *apiError) {
	var b struct {
		Location   string            `json:"location"`
		Tags       map[string]string `json:"tags"`
		Properties struct {
			Registration bool      `json:"registrationEnabled"`
			Network      reference `json:"virtualNetwork"`
		} `json:"properties"`
	}
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	if e := f.model.parent(p); e != nil {
		return nil, e
	}
	if b.Location != "global" || f.model.resources[strings.ToLower(b.Properties.Network.ID)] == nil {
		return nil, invalid("a link is global and names a virtual network that exists.")
	}
	for _, other := range f.model.below(p.id[:strings.LastIndex(p.id, "/")]) {
		if other.Properties["network"] == strings.ToLower(b.Properties.Network.ID) && other.Name != p.name() {
			return nil, &apiError{http.StatusConflict, "Conflict", "A virtual network cannot be linked to multiple zones with overlapping namespaces."}
		}
	}
	resource := &Resource{ID: p.id, Name: p.name(), Type: p.kind(), Location: b.Location, Tags: b.Tags, Properties: map[string]any{
		"registrationEnabled": b.Properties.Registration, "virtualNetwork": b.Properties.Network, "network": strings.ToLower(b.Properties.Network.ID),
	}}
	f.model.put(resource, "Creating", nil)
	return resource, nil
}

func putRecord(f *front, p path, body []byte) (*Resource, *apiError) {
	var b struct {
		Properties struct {
			TTL     int `json:"ttl"`
			Records []struct {
				Address string `json:"ipv4Address"`
			} `json:"aRecords"`
		} `json:"properties"`
	}
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	if e := f.model.parent(p); e != nil {
		return nil, e
	}
	if len(b.Properties.Records) != 1 || b.Properties.TTL < 1 {
		return nil, invalid("a record needs a time to live and an address.")
	}
	resource := &Resource{ID: p.id, Name: p.name(), Type: p.kind(), Properties: map[string]any{
		"ttl": b.Properties.TTL, "aRecords": b.Properties.Records, "address": b.Properties.Records[0].Address,
	}}
	f.model.resources[strings.ToLower(p.id)] = resource
	return resource, nil
}
