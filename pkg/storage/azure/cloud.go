package azure

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Cloud is where one of Azure's clouds is served.
type Cloud struct {
	// AuthorityHost gives tokens.
	AuthorityHost string
	// ResourceManager is the endpoint of Azure Resource Manager, and Audience whom its tokens are for.
	ResourceManager, Audience string
	// BlobSuffix follows <account>.blob. in the host name of an account.
	BlobSuffix string
	// stack tells an Azure Stack Hub; private that Azure's own directory does not know the authority host.
	stack, private bool
}

const (
	publicCloud = "AzurePublicCloud"
	stackCloud  = "AzureStackCloud"
)

// clouds are Azure's own, by their name in lower case. Their resource manager is the audience of its tokens.
var clouds = func() map[string]Cloud {
	at := func(authority, manager, suffix string) Cloud {
		return Cloud{AuthorityHost: "https://login." + authority + "/", ResourceManager: "https://management." + manager, BlobSuffix: suffix}
	}
	public := at("microsoftonline.com", "azure.com", "core.windows.net")
	government := at("microsoftonline.us", "usgovcloudapi.net", "core.usgovcloudapi.net")
	china := at("chinacloudapi.cn", "chinacloudapi.cn", "core.chinacloudapi.cn")
	german := at("microsoftonline.de", "microsoftazure.de", "core.cloudapi.de")
	all := map[string]Cloud{
		"azurepubliccloud": public, "azurecloud": public, "azureusgovernmentcloud": government, "azureusgovernment": government,
		"azurechinacloud": china, "azuregermancloud": german,
	}
	for name, c := range all {
		c.Audience = c.ResourceManager
		all[name] = c
	}
	return all
}()

func isStack(name string) bool { return strings.EqualFold(name, stackCloud) }

// cloudFor is the cloud of that name; empty is the public one. endpoints are those of a Stack Hub where they are known; empty
// has them read from the file.
func cloudFor(name string, o Options, endpoints string) (Cloud, error) {
	if name == "" {
		name = publicCloud
	}
	switch {
	case isStack(name) && endpoints != "":
		return stackFrom([]byte(endpoints), "the record of the move")
	case isStack(name):
		return stackFromFile(o.EnvironmentFile)
	}
	for given, c := range o.Clouds {
		if strings.EqualFold(given, name) {
			c.private = true
			return c, nil
		}
	}
	c, found := clouds[strings.ToLower(name)]
	if !found {
		return Cloud{}, configError(fmt.Sprintf("spec.storage.azure.cloudName %q is not one of AzurePublicCloud, AzureUSGovernmentCloud, "+
			"AzureChinaCloud, AzureGermanCloud, AzureStackCloud; correct it", name), nil)
	}
	return c, nil
}

// environment is the file of an Azure Stack Hub, as far as it is about storage.
type environment struct {
	ActiveDirectoryEndpoint string `json:"activeDirectoryEndpoint"`
	ResourceManagerEndpoint string `json:"resourceManagerEndpoint"`
	TokenAudience           string `json:"tokenAudience"`
	StorageEndpointSuffix   string `json:"storageEndpointSuffix"`
}

const stackCure = "correct key endpoints of configmap openshift-config/cloud-provider-config, from which the file is written"

func stackFromFile(file string) (Cloud, error) {
	if file == "" {
		return Cloud{}, configError("the cloud is an Azure Stack Hub, and AZURE_ENVIRONMENT_FILEPATH, which names the file with its endpoints, "+
			"is not set for the operator", nil)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Cloud{}, configError(fmt.Sprintf("reading the endpoints of the Azure Stack Hub: %v; %s", err, stackCure), err)
	}
	return stackFrom(text, "file "+file)
}

// stackFrom reads the endpoints that are in origin.
func stackFrom(text []byte, origin string) (Cloud, error) {
	var e environment
	if err := json.Unmarshal(text, &e); err != nil {
		return Cloud{}, configError(fmt.Sprintf("%s with the endpoints of the Azure Stack Hub is no JSON: %v; %s", origin, err, stackCure), err)
	}
	missing := map[string]string{
		"activeDirectoryEndpoint": e.ActiveDirectoryEndpoint, "resourceManagerEndpoint": e.ResourceManagerEndpoint,
		"tokenAudience": e.TokenAudience, "storageEndpointSuffix": e.StorageEndpointSuffix,
	}
	maps.DeleteFunc(missing, func(_, value string) bool { return value != "" })
	if len(missing) > 0 {
		return Cloud{}, configError(fmt.Sprintf("%s with the endpoints of the Azure Stack Hub lacks %s; %s",
			origin, strings.Join(slices.Sorted(maps.Keys(missing)), ", "), stackCure), nil)
	}
	return Cloud{
		AuthorityHost:   e.ActiveDirectoryEndpoint,
		ResourceManager: strings.TrimSuffix(e.ResourceManagerEndpoint, "/"),
		// The SDK appends /.default to it.
		Audience:   strings.TrimSuffix(e.TokenAudience, "/"),
		BlobSuffix: e.StorageEndpointSuffix,
		stack:      true,
		private:    true,
	}, nil
}

// configuration is the cloud in the SDK's words.
func (c Cloud) configuration() cloud.Configuration {
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: c.AuthorityHost,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: c.ResourceManager, Audience: c.Audience},
		},
	}
}

// containerURL is where the container is.
func (c Cloud) containerURL(account, container string) string {
	return fmt.Sprintf("https://%s.blob.%s/%s", account, c.BlobSuffix, container)
}

// zone is the private DNS zone in which the names of accounts lead to private endpoints.
func (c Cloud) zone() string { return "privatelink.blob." + c.BlobSuffix }

// observed changes with what is read from files: the endpoints of a Stack Hub.
func observed(in storage.Inputs, o Options) string {
	if in.Coordinates.Azure == nil || !isStack(cloudName(in)) || o.EnvironmentFile == "" {
		return ""
	}
	text, err := os.ReadFile(o.EnvironmentFile)
	if err != nil {
		return "unreadable"
	}
	return string(text)
}

// cloudName is the cloud of the coordinates. It is taken from the cluster only while there is no account either: an
// account that was given without its cloud has always been looked for in the public one.
func cloudName(in storage.Inputs) string {
	c := in.Coordinates.Azure
	if c.CloudName == "" && c.AccountName == "" {
		if platform := platformStatus(in); platform != nil {
			return string(platform.CloudName)
		}
	}
	return string(c.CloudName)
}

// platformStatus is what Infrastructure says about Azure; nil elsewhere.
func platformStatus(in storage.Inputs) *configv1.AzurePlatformStatus {
	if in.Infrastructure == nil || in.Infrastructure.Status.PlatformStatus == nil {
		return nil
	}
	return in.Infrastructure.Status.PlatformStatus.Azure
}

// configError is a failure of what was configured, before any cloud was asked.
func configError(message string, err error) *storage.Error {
	return &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: reasonConfig, Code: reasonConfig, Message: message, Err: err}
}
