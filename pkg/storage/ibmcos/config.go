package ibmcos

import (
	"errors"
	"fmt"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	userKey   = "REGISTRY_STORAGE_IBMCOS_IAMAPIKEY"
	mintedKey = "ibmcloud_api_key"
)

// endpoints are the services that are called, without a slash at the end. An empty COS stands for that of the location.
type endpoints struct {
	COS, IAM, ResourceController, ResourceManager string
}

// cluster is what Infrastructure says about IBM Cloud.
type cluster struct {
	infrastructure string
	location       string
	// region is that of Power VS, where location could not be told from it.
	region        string
	resourceGroup string
	endpoints     endpoints
}

// powerRegions are the locations of object storage by region of Power VS.
var powerRegions = map[string]string{
	"dal": "us-south", "eu-de": "eu-de", "lon": "eu-gb", "mad": "eu-de", "mon": "ca-tor", "osa": "jp-osa", "sao": "br-sao",
	"syd": "au-syd", "tok": "jp-tok", "tor": "ca-tor", "us-east": "us-east", "us-south": "us-south", "wdc": "us-east",
}

func clusterFrom(infrastructure *configv1.Infrastructure) (cluster, error) {
	if infrastructure == nil || infrastructure.Status.PlatformStatus == nil {
		return cluster{}, errors.New("infrastructure cluster has no status.platformStatus yet")
	}
	c := cluster{infrastructure: infrastructure.Status.InfrastructureName, endpoints: endpoints{
		IAM:                "https://iam.cloud.ibm.com",
		ResourceController: "https://resource-controller.cloud.ibm.com",
		ResourceManager:    "https://resource-controller.cloud.ibm.com",
	}}
	switch platform := infrastructure.Status.PlatformStatus; {
	case platform.Type == configv1.IBMCloudPlatformType && platform.IBMCloud != nil:
		c.location, c.resourceGroup = platform.IBMCloud.Location, platform.IBMCloud.ResourceGroupName
		for _, e := range platform.IBMCloud.ServiceEndpoints {
			c.endpoints.override(string(e.Name), e.URL)
		}
	case platform.Type == configv1.PowerVSPlatformType && platform.PowerVS != nil:
		c.region, c.resourceGroup = platform.PowerVS.Region, platform.PowerVS.ResourceGroup
		c.location = powerRegions[c.region]
		for _, e := range platform.PowerVS.ServiceEndpoints {
			c.endpoints.override(e.Name, e.URL)
		}
	}
	return c, nil
}

func (e *endpoints) override(name, url string) {
	url = strings.TrimSuffix(url, "/")
	switch name {
	case string(configv1.IBMCloudServiceCOS):
		e.COS = url
	case string(configv1.IBMCloudServiceIAM):
		e.IAM = url
	case string(configv1.IBMCloudServiceResourceController):
		e.ResourceController = url
	case string(configv1.IBMCloudServiceResourceManager):
		e.ResourceManager = url
	}
}

// config is spec.storage.ibmcos with what the cluster and the cloud add.
type config struct {
	imageregistryv1.ImageRegistryConfigStorageIBMCOS
}

// completed takes location and resource group from the cluster where the administrator gave none.
func completed(given *imageregistryv1.ImageRegistryConfigStorageIBMCOS, c cluster) (config, error) {
	var complete config
	if given != nil {
		complete.ImageRegistryConfigStorageIBMCOS = *given
	}
	if complete.Location == "" {
		complete.Location = c.location
	}
	if complete.ResourceGroupName == "" {
		complete.ResourceGroupName = c.resourceGroup
	}
	switch {
	case complete.Location == "" && c.region != "":
		return config{}, incomplete("MissingLocation", fmt.Sprintf(
			"no location of object storage is known for Power VS region %s; set spec.storage.ibmcos.location", c.region))
	case complete.Location == "":
		return config{}, incomplete("MissingLocation",
			"infrastructure cluster names no location of IBM Cloud; set spec.storage.ibmcos.location")
	}
	return complete, nil
}

// incomplete is the error for something that has to be given.
func incomplete(code, message string) error {
	return &storage.Error{Status: "Unknown", ConditionReason: storage.UnknownError, Code: code, Message: code + ": " + message}
}

// resourceName is the name of the service instance and of the resource key of the cluster.
func (c cluster) resourceName() string { return c.infrastructure + "-image-registry" }

// ownerTag is what a service instance made for the cluster is tagged with.
func (c cluster) ownerTag() string { return "kubernetes.io_cluster_" + c.infrastructure + ":owned" }

// registryEndpoint is the S3 endpoint as the registry gets it: IBM's own have no scheme there.
func (b *backend) registryEndpoint() string {
	if b.cluster.endpoints.COS != "" {
		return b.cluster.endpoints.COS
	}
	return "s3." + b.config.Location + ".cloud-object-storage.appdomain.cloud"
}

// endpoint is the same as a URL, which the SDK wants.
func (b *backend) endpoint() string {
	if e := b.registryEndpoint(); strings.Contains(e, "://") {
		return e
	}
	return "https://" + b.registryEndpoint()
}

// where names the bucket and its server in messages.
func (b *backend) where() string {
	return fmt.Sprintf("bucket %s at %s", b.config.Bucket, b.registryEndpoint())
}

func apiKey(c storage.Credentials) (string, error) {
	name := mintedKey
	if c.User {
		name = userKey
	}
	values, err := c.Get(name)
	if err != nil {
		return "", err
	}
	// A line break at the end of a key is a common slip of the hand.
	return strings.TrimSpace(values[0]), nil
}

// caBundle is the cloud's CA beside the system's roots: private endpoints may have one of their own.
func caBundle(in storage.Inputs) (storage.CABundle, error) {
	pem, _, err := transport.Bundle(in, names.ManagedConfigNamespace, names.KubeCloudConfig, names.KubeCloudConfigCAKey)
	return storage.CABundle{PEM: pem, SystemRoots: true}, err
}
