package swift

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// variables is the beginning of the names of all variables.
const variables = "REGISTRY_STORAGE_SWIFT_"

// Facts: what the credentials say, merged with spec.storage.swift.
const (
	factAuthURL     = "authURL"
	factAuthVersion = "authVersion"
	factDomain      = "domain"
	factDomainID    = "domainID"
	factTenant      = "tenant"
	factTenantID    = "tenantID"
	factRegion      = "region"
)

// secretFacts are the facts that the registry gets as secret variables, in the order of the variables. Unused ones are
// there too, empty.
var secretFacts = []struct{ fact, variable string }{
	{"username", keyUsername},
	{"password", keyPassword},
	{"tokenID", keyTokenID},
	{"applicationCredentialID", keyApplicationID},
	{"applicationCredentialName", keyApplicationName},
	{"applicationCredentialSecret", keyApplicationSecret},
}

// facts are everything about the access that the registry has to know.
func (a access) facts() storage.Facts {
	facts := storage.Facts{
		factAuthURL:     []byte(a.AuthURL),
		factAuthVersion: []byte(strconv.Itoa(a.AuthVersion)),
		factDomain:      []byte(a.Domain),
		factDomainID:    []byte(a.DomainID),
		factTenant:      []byte(a.Tenant),
		factTenantID:    []byte(a.TenantID),
		factRegion:      []byte(a.Region),
	}
	values := []string{a.Username, a.Password, a.TokenID, a.ApplicationID, a.ApplicationName, a.ApplicationSecret}
	for i, secret := range secretFacts {
		facts[secret.fact] = []byte(values[i])
	}
	return facts
}

// settings is what the registry needs for a container.
func settings(coordinates storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
	c := coordinates.Swift
	if c == nil {
		return storage.Settings{}, errors.New("coordinates are not of Swift")
	}
	authVersion, err := strconv.Atoi(string(facts[factAuthVersion]))
	if err != nil || len(facts[factAuthURL]) == 0 {
		return storage.Settings{}, errors.New("the access to Swift has not been recorded yet")
	}
	var env []storage.EnvVar
	add := func(name string, value any) { env = append(env, storage.EnvVar{Name: name, Value: value}) }
	add("REGISTRY_STORAGE", "swift")
	add(variables+"CONTAINER", c.Container)
	add(variables+"AUTHURL", string(facts[factAuthURL]))
	for _, secret := range secretFacts {
		env = append(env, storage.EnvVar{Name: secret.variable, Value: string(facts[secret.fact]), Secret: true})
	}
	add(variables+"AUTHVERSION", authVersion)
	for _, optional := range []struct{ name, fact string }{
		{"DOMAIN", factDomain}, {"DOMAINID", factDomainID}, {"TENANT", factTenant}, {"TENANTID", factTenantID}, {"REGION", factRegion},
	} {
		if value := string(facts[optional.fact]); value != "" {
			add(variables+optional.name, value)
		}
	}
	return storage.Settings{Env: env}, nil
}

// String keeps the credentials out of every text.
func (a access) String() string { return fmt.Sprintf("access to Swift by secret %s", a.Secret) }

// GoString does for %#v what String does for %v.
func (a access) GoString() string { return a.String() }
