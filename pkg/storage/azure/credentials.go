package azure

import (
	"fmt"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Keys of the Secrets.
const (
	userAccountKey = "REGISTRY_STORAGE_AZURE_ACCOUNTKEY"

	mintedSubscription  = "azure_subscription_id"
	mintedClient        = "azure_client_id"
	mintedSecret        = "azure_client_secret"
	mintedTenant        = "azure_tenant_id"
	mintedResourceGroup = "azure_resourcegroup"
	mintedRegion        = "azure_region"
	mintedTokenFile     = "azure_federated_token_file"

	userKeys   = userAccountKey
	mintedKeys = mintedSubscription + ", " + mintedTenant + ", " + mintedClient + ", " + mintedRegion + ", " + mintedResourceGroup +
		", and " + mintedSecret + " or " + mintedTokenFile
)

// identity is whom we are to Azure.
type identity struct {
	// from is the Secret it comes from, as namespace/name.
	from string
	// accountKey is the administrator's; everything below is empty then.
	accountKey string

	subscription, tenant, client, secret, tokenFile string
	// group and region are where the operator creates.
	group, region string
}

// federated tells that the token of a ServiceAccount takes the place of keys, for the registry as well.
func (i identity) federated() bool { return i.tokenFile != "" }

// identityFrom reads the Secret that counts. hosted tells that a certificate is read from a file instead of a secret.
func identityFrom(in storage.Inputs, hosted bool) (identity, error) {
	credentials, err := storage.CredentialsFrom(in, userKeys, mintedKeys)
	if err != nil {
		return identity{}, err
	}
	if credentials.User {
		values, err := credentials.Get(userAccountKey)
		if err != nil {
			return identity{}, err
		}
		return identity{from: credentials.Secret, accountKey: values[0]}, nil
	}
	text := func(key string) string { return string(credentials.Data[key]) }
	i := identity{
		from: credentials.Secret, subscription: text(mintedSubscription), tenant: text(mintedTenant), client: text(mintedClient),
		secret: text(mintedSecret), tokenFile: text(mintedTokenFile), group: text(mintedResourceGroup), region: text(mintedRegion),
	}
	if strings.TrimSpace(i.secret) == "" {
		i.secret = ""
	}
	if platform := platformStatus(in); i.group == "" && platform != nil {
		// Secrets for federated tokens do not name it.
		i.group = platform.ResourceGroupName
	}
	needed := []string{mintedSubscription}
	if !hosted {
		needed = append(needed, mintedTenant, mintedClient)
	}
	if _, err := credentials.Get(needed...); err != nil {
		return identity{}, err
	}
	return i, i.complete(hosted)
}

// complete tells what is missing beyond single keys.
func (i identity) complete(hosted bool) error {
	switch {
	case !hosted && i.secret == "" && i.tokenFile == "":
		return storage.WaitingForCredentials(fmt.Sprintf("secret %s has no value for %s nor for %s; add one of them", i.from, mintedSecret, mintedTokenFile))
	case i.group == "":
		return storage.WaitingForCredentials(fmt.Sprintf("secret %s has no value for %s, and infrastructure cluster names no resource group either; add it",
			i.from, mintedResourceGroup))
	}
	return nil
}
