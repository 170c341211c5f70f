package swift

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Keys of the Secrets. Those of the administrator's are also the registry's variables.
const (
	keyUsername          = variables + "USERNAME"
	keyPassword          = variables + "PASSWORD"
	keyTokenID           = variables + "TOKENID"
	keyApplicationID     = variables + "APPLICATIONCREDENTIALID"
	keyApplicationName   = variables + "APPLICATIONCREDENTIALNAME"
	keyApplicationSecret = variables + "APPLICATIONCREDENTIALSECRET"
	keyClouds            = "clouds.yaml"

	userKeys = keyUsername + " and " + keyPassword + "; or " + keyApplicationID + ", " + keyApplicationName + " and " +
		keyApplicationSecret + "; or " + keyTokenID
)

// defaultCloud is the entry of clouds.yaml where Infrastructure names none, defaultVersion that of Keystone's API.
const (
	defaultCloud   = "openstack"
	defaultVersion = 3
)

// cluster is what Infrastructure says about Swift.
type cluster struct{ name, cloud string }

func clusterFrom(infrastructure *configv1.Infrastructure) (cluster, error) {
	if infrastructure == nil || infrastructure.Status.PlatformStatus == nil {
		return cluster{}, errors.New("infrastructure cluster has no status.platformStatus yet")
	}
	c := cluster{name: infrastructure.Status.InfrastructureName, cloud: defaultCloud}
	if o := infrastructure.Status.PlatformStatus.OpenStack; o != nil && o.CloudName != "" {
		c.cloud = o.CloudName
	}
	return c, nil
}

// access is how to get at Swift: the credentials, and where they count.
type access struct {
	// Secret is where the credentials are from, for messages.
	Secret string

	AuthURL     string
	AuthVersion int

	Username, Password                             string
	TokenID                                        string
	ApplicationID, ApplicationName                 string
	ApplicationSecret                              string
	Domain, DomainID, Tenant, TenantID, Region     string
	givenURL, identityVersion, givenURLFrom, cloud string
}

// accessFrom merges the Secret that counts with spec.storage.swift, which has the last word on each field it fills.
func accessFrom(in storage.Inputs, cloud string) (access, error) {
	credentials, err := storage.CredentialsFrom(in, userKeys, keyClouds)
	if err != nil {
		return access{}, err
	}
	a := access{Secret: credentials.Secret, cloud: cloud}
	if credentials.User {
		err = a.readUser(credentials)
	} else {
		err = a.readClouds(credentials)
	}
	if err != nil {
		return access{}, err
	}
	if in.Coordinates.Swift != nil {
		a.override(in.Coordinates.Swift)
	}
	return a, a.complete(credentials.User)
}

// readUser takes the administrator's keys: each is optional, but one group has to be complete.
func (a *access) readUser(c storage.Credentials) error {
	// A line break at the end of a value is a common slip of the hand.
	value := func(key string) string { return strings.TrimRight(string(c.Data[key]), "\r\n") }
	a.Username, a.Password, a.TokenID = value(keyUsername), value(keyPassword), value(keyTokenID)
	a.ApplicationID, a.ApplicationName, a.ApplicationSecret = value(keyApplicationID), value(keyApplicationName), value(keyApplicationSecret)
	switch {
	case a.Username != "" && a.Password != "", a.TokenID != "":
		return nil
	case a.ApplicationID != "" && a.ApplicationName != "" && a.ApplicationSecret != "":
		return nil
	}
	return storage.WaitingForCredentials(fmt.Sprintf("secret %s is not complete for Swift: it needs %s; add what is missing", c.Secret, userKeys))
}

// readClouds takes the entry of clouds.yaml for this cluster.
func (a *access) readClouds(c storage.Credentials) error {
	values, err := c.Get(keyClouds)
	if err != nil {
		return err
	}
	var file cloudsFile
	if err := yaml.Unmarshal([]byte(values[0]), &file); err != nil {
		// The parser's error may quote what it stumbles over.
		return noClient("InvalidCloudsFile", fmt.Sprintf("key %s of secret %s is not a clouds.yaml; correct it", keyClouds, c.Secret))
	}
	entry, found := file.Clouds[a.cloud]
	if !found {
		return noClient("NoSuchCloud", fmt.Sprintf("key %s of secret %s has no cloud %q (it has: %s); add it", keyClouds, c.Secret,
			a.cloud, strings.Join(slices.Sorted(maps.Keys(file.Clouds)), ", ")))
	}
	auth := entry.Auth
	a.givenURL, a.identityVersion = string(auth.AuthURL), string(entry.IdentityVersion)
	a.Username, a.Password, a.TokenID = string(auth.Username), string(auth.Password), string(auth.Token)
	a.ApplicationID, a.ApplicationName = string(auth.ApplicationID), string(auth.ApplicationName)
	a.ApplicationSecret = string(auth.ApplicationSecret)
	a.Domain, a.DomainID = string(first(auth.DomainName, auth.UserDomainName)), string(first(auth.DomainID, auth.UserDomainID))
	a.Tenant, a.TenantID, a.Region = string(auth.ProjectName), string(auth.ProjectID), string(entry.Region)
	return nil
}

// cloudsFile is the part of clouds.yaml that is read.
type cloudsFile struct {
	Clouds map[string]struct {
		Auth struct {
			AuthURL           text `json:"auth_url"`
			Username          text `json:"username"`
			Password          text `json:"password"`
			Token             text `json:"token"`
			ApplicationID     text `json:"application_credential_id"`
			ApplicationName   text `json:"application_credential_name"`
			ApplicationSecret text `json:"application_credential_secret"`
			ProjectName       text `json:"project_name"`
			ProjectID         text `json:"project_id"`
			DomainName        text `json:"domain_name"`
			DomainID          text `json:"domain_id"`
			UserDomainName    text `json:"user_domain_name"`
			UserDomainID      text `json:"user_domain_id"`
		} `json:"auth"`
		Region          text `json:"region_name"`
		IdentityVersion text `json:"identity_api_version"`
	} `json:"clouds"`
}

// text is a value that people write with and without quotes: a version, a project called 12.
type text string

// UnmarshalJSON takes strings, numbers and booleans.
func (t *text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	if data[0] == '{' || data[0] == '[' {
		return errors.New("a text is expected")
	}
	*t = text(data)
	return nil
}

func first(values ...text) text {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// override gives the fields of spec.storage.swift the last word.
func (a *access) override(c *imageregistryv1.ImageRegistryConfigStorageSwift) {
	for _, field := range []struct {
		spec  string
		value *string
	}{
		{c.AuthURL, &a.givenURL},
		{c.AuthVersion, &a.identityVersion},
		{c.Domain, &a.Domain},
		{c.DomainID, &a.DomainID},
		{c.Tenant, &a.Tenant},
		{c.TenantID, &a.TenantID},
		{c.RegionName, &a.Region},
	} {
		if field.spec != "" {
			*field.value = field.spec
		}
	}
	if c.AuthURL != "" {
		a.givenURLFrom = "spec.storage.swift.authURL"
	}
}

// complete works out version and URL.
func (a *access) complete(user bool) error {
	a.AuthVersion = defaultVersion
	if a.identityVersion != "" {
		number, err := strconv.Atoi(a.identityVersion)
		if err != nil {
			return noClient("InvalidAuthVersion", fmt.Sprintf(
				"the version of Keystone's API %q is not a number; correct spec.storage.swift.authVersion, or identity_api_version in secret %s",
				a.identityVersion, a.Secret))
		}
		a.AuthVersion = number
	}
	source := a.givenURLFrom
	if source == "" {
		source = fmt.Sprintf("auth_url of cloud %s in secret %s", a.cloud, a.Secret)
	}
	switch {
	case a.givenURL == "" && user:
		return noClient("MissingAuthURL", fmt.Sprintf("no URL of Keystone: with secret %s, %s/%s is not read; "+
			"set spec.storage.swift.authURL (and domain, tenant and regionName as the cloud needs them)",
			a.Secret, names.OperatorNamespace, names.CloudCredentials))
	case a.givenURL == "":
		return noClient("MissingAuthURL", fmt.Sprintf("no URL of Keystone: set %s, or spec.storage.swift.authURL", source))
	}
	var err error
	if a.AuthURL, err = normalAuthURL(a.givenURL, a.AuthVersion); err != nil {
		return noClient("InvalidAuthURL", fmt.Sprintf("the URL of Keystone is not valid: %v; correct %s", err, source))
	}
	return nil
}
