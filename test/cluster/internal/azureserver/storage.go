package azureserver

import (
	"net/http"
	"regexp"
	"strings"
)

// sku is the only part of an account that is neither property nor tag.
type sku struct {
	Name string `json:"name"`
	Tier string `json:"tier,omitempty"`
}

// accountBody is what may be sent for an account; the properties that the model knows are all that is admitted.
type accountBody struct {
	Kind       string            `json:"kind"`
	Location   string            `json:"location"`
	SKU        *sku              `json:"sku"`
	Tags       map[string]string `json:"tags"`
	Properties *struct {
		AllowBlobPublicAccess *bool   `json:"allowBlobPublicAccess,omitempty"`
		AllowSharedKeyAccess  *bool   `json:"allowSharedKeyAccess,omitempty"`
		MinimumTLSVersion     *string `json:"minimumTlsVersion,omitempty"`
		SupportsHTTPSOnly     *bool   `json:"supportsHttpsTrafficOnly,omitempty"`
		PublicNetworkAccess   *string `json:"publicNetworkAccess,omitempty"`
	} `json:"properties"`
}

func (b accountBody) properties() map[string]any {
	properties := map[string]any{}
	if b.Properties == nil {
		return properties
	}
	for name, value := range map[string]*bool{
		"allowBlobPublicAccess": b.Properties.AllowBlobPublicAccess, "allowSharedKeyAccess": b.Properties.AllowSharedKeyAccess,
		"supportsHttpsTrafficOnly": b.Properties.SupportsHTTPSOnly,
	} {
		if value != nil {
			properties[name] = *value
		}
	}
	for name, value := range map[string]*string{"minimumTlsVersion": b.Properties.MinimumTLSVersion, "publicNetworkAccess": b.Properties.PublicNetworkAccess} {
		if value != nil {
			properties[name] = *value
		}
	}
	return properties
}

var accountName = regexp.MustCompile(`^[0-9a-z]{3,24}$`)

// nameFault tells why a name can be nobody's new account; empty when it can.
func (m *model) nameFault(name string) (reason, message string) {
	switch {
	case !accountName.MatchString(name):
		return "AccountNameInvalid", name + " is not a valid storage account name."
	case m.taken[name] || m.accountNamed(name) != nil:
		return "AlreadyExists", "The storage account named " + name + " is already taken."
	}
	return "", ""
}

func putAccount(f *front, p path, body []byte) (*Resource, *apiError) {
	var b accountBody
	if e := decode(body, &b); e != nil {
		return nil, e
	}
	if b.Location == "" || b.SKU == nil || b.SKU.Name == "" || b.Kind == "" {
		return nil, &apiError{http.StatusBadRequest, "InvalidRequest", "location, sku and kind are required."}
	}
	old := f.model.resources[strings.ToLower(p.id)]
	if reason, message := f.model.nameFault(p.name()); old == nil && reason != "" {
		if reason == "AlreadyExists" {
			return nil, &apiError{http.StatusConflict, "StorageAccountAlreadyTaken", message}
		}
		return nil, &apiError{http.StatusBadRequest, reason, message}
	}
	resource := &Resource{ID: p.id, Name: p.name(), Type: accountType, Location: b.Location, Kind: b.Kind, Tags: b.Tags, Properties: b.properties()}
	resource.Properties["privateEndpointConnections"] = []any{}
	if old == nil {
		if err := f.model.giveKeys(p.name()); err != nil {
			return nil, &apiError{http.StatusInternalServerError, "InternalError", err.Error()}
		}
	} else {
		resource.Properties["privateEndpointConnections"] = old.Properties["privateEndpointConnections"]
	}
	f.model.put(resource, "Creating", nil)
	return resource, nil
}

func patchAccount(_ *front, resource *Resource, body []byte) *apiError {
	var b accountBody
	if e := decode(body, &b); e != nil {
		return e
	}
	if b.Tags != nil {
		resource.Tags = b.Tags
	}
	for name, value := range b.properties() {
		resource.Properties[name] = value
	}
	return nil
}

func deleteAccount(f *front, resource *Resource) {
	_ = f.model.blobs.set(strings.ToLower(resource.Name))
}

// post serves what is neither read nor written.
func (f *front) post(w http.ResponseWriter, p path, body []byte) {
	switch p.verb {
	case "checkNameAvailability":
		var b struct {
			Name string `json:"name"`
			Type string `json:"type"`
		}
		if e := decode(body, &b); e != nil || b.Type != accountType {
			refuse(w, hostManagement, http.StatusBadRequest, "InvalidRequest", "name and type are required.")
			return
		}
		answer := map[string]any{"nameAvailable": true}
		if reason, message := f.model.nameFault(b.Name); reason != "" {
			answer = map[string]any{"nameAvailable": false, "reason": reason, "message": message}
		}
		writeJSON(w, http.StatusOK, answer)
	case "listKeys":
		account := f.model.get(p.id)
		if account == nil {
			refuse(w, hostManagement, http.StatusNotFound, "ResourceNotFound", "The Resource '"+accountType+"/"+p.name()+"' under resource group '"+p.group+"' was not found.")
			return
		}
		keys := f.model.keys[strings.ToLower(p.name())]
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{
			map[string]string{"keyName": "key1", "value": keys[0], "permissions": "FULL"},
			map[string]string{"keyName": "key2", "value": keys[1], "permissions": "FULL"},
		}})
	default:
		refuse(w, hostManagement, http.StatusNotFound, "InvalidResourceType", "There is no "+p.verb+".")
	}
}
