package azure

import (
	"errors"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Facts.
const (
	factAccountKey    = "accountkey"
	factClient        = "clientid"
	factTenant        = "tenantid"
	factTokenFile     = "tokenfile"
	factAuthorityHost = "authorityhost"
	factRealm         = "realm"
)

// facts are what the registry needs beside the coordinates. Without a key it gets tokens as we do.
func (b *backend) facts(key string) storage.Facts {
	facts := storage.Facts{factRealm: []byte(b.cloud.BlobSuffix)}
	if key != "" {
		facts[factAccountKey] = []byte(key)
	}
	if b.identity.federated() {
		facts[factClient], facts[factTenant] = []byte(b.identity.client), []byte(b.identity.tenant)
		facts[factTokenFile], facts[factAuthorityHost] = []byte(b.identity.tokenFile), []byte(b.cloud.AuthorityHost)
	}
	return facts
}

// settings is what the registry needs for a container. The four variables without prefix are read by the Azure SDK in
// it. The token comes with the volume that every pod of the registry has.
func settings(coordinates storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
	c := coordinates.Azure
	if c == nil {
		return storage.Settings{}, errors.New("coordinates are not of Azure")
	}
	key, token := facts[factAccountKey], facts[factTokenFile]
	if len(key) == 0 && len(token) == 0 {
		return storage.Settings{}, errors.New("the credentials for Azure have not been recorded yet")
	}
	var s storage.Settings
	add := func(name, value string) { s.Env = append(s.Env, storage.EnvVar{Name: name, Value: value}) }
	if len(key) > 0 {
		s.Env = append(s.Env, storage.EnvVar{Name: "REGISTRY_STORAGE_AZURE_ACCOUNTKEY", Value: string(key), Secret: true})
	}
	if len(token) > 0 {
		add("AZURE_CLIENT_ID", string(facts[factClient]))
		add("AZURE_TENANT_ID", string(facts[factTenant]))
		add("AZURE_FEDERATED_TOKEN_FILE", string(token))
		add("AZURE_AUTHORITY_HOST", string(facts[factAuthorityHost]))
	}
	add("REGISTRY_STORAGE", "azure")
	add("REGISTRY_STORAGE_AZURE_CONTAINER", c.Container)
	add("REGISTRY_STORAGE_AZURE_ACCOUNTNAME", c.AccountName)
	if c.CloudName != "" {
		if len(facts[factRealm]) == 0 {
			return storage.Settings{}, errors.New("the realm of the Azure cloud has not been recorded yet")
		}
		add("REGISTRY_STORAGE_AZURE_REALM", string(facts[factRealm]))
	}
	return s, nil
}
