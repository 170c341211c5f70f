package s3

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// cluster is what Infrastructure says about S3.
type cluster struct {
	infrastructure string
	region         string
	endpoint       string
	stsEndpoint    string
	tags           []configv1.AWSResourceTag
}

func clusterFrom(infrastructure *configv1.Infrastructure) (cluster, error) {
	if infrastructure == nil || infrastructure.Status.PlatformStatus == nil {
		return cluster{}, errors.New("infrastructure cluster has no status.platformStatus yet")
	}
	c := cluster{infrastructure: infrastructure.Status.InfrastructureName}
	platform := infrastructure.Status.PlatformStatus
	if platform.Type != configv1.AWSPlatformType || platform.AWS == nil {
		return c, nil
	}
	c.region, c.tags = platform.AWS.Region, platform.AWS.ResourceTags
	for _, endpoint := range platform.AWS.ServiceEndpoints {
		switch endpoint.Name {
		case "s3":
			c.endpoint = endpoint.URL
		case "sts":
			c.stsEndpoint = endpoint.URL
		}
	}
	return c, nil
}

// effective is spec.storage.s3 completed from the cluster.
type effective struct {
	imageregistryv1.ImageRegistryConfigStorageS3
}

// effectiveConfig completes region and endpoint only when neither is given: one of them alone is the administrator
// saying where the bucket is. Operator and registry both use the result, so that they never talk to different servers.
func effectiveConfig(given *imageregistryv1.ImageRegistryConfigStorageS3, c cluster) effective {
	e := effective{}
	if given != nil {
		e.ImageRegistryConfigStorageS3 = *given.DeepCopy()
	}
	if e.Region == "" && e.RegionEndpoint == "" {
		e.Region, e.RegionEndpoint = c.region, c.endpoint
		if c.endpoint != "" {
			e.VirtualHostedStyle = true
		}
	}
	return e
}

func (e effective) validate() error {
	if e.Region == "" {
		return &storage.Error{
			Status: "Unknown", ConditionReason: storage.UnknownError, Code: "MissingRegion",
			Message: "MissingRegion: no region for S3; set spec.storage.s3.region" +
				" (with a regionEndpoint of your own, the region that its server expects, often us-east-1)",
		}
	}
	if e.RegionEndpoint == "" {
		return nil
	}
	host, valid := hostOf(e.endpoint())
	if !valid {
		return invalidEndpoint(fmt.Sprintf("spec.storage.s3.regionEndpoint %q is not a URL such as https://s3.example.com or https://[fd00::9]:9000", e.RegionEndpoint))
	}
	if _, err := netip.ParseAddr(host); err == nil && e.VirtualHostedStyle {
		return invalidEndpoint(fmt.Sprintf("spec.storage.s3.regionEndpoint %q is an address, which cannot have the bucket's name before it: "+
			"give a host name, or set spec.storage.s3.virtualHostedStyle to false", e.RegionEndpoint))
	}
	return nil
}

func invalidEndpoint(message string) error {
	return &storage.Error{Status: "Unknown", ConditionReason: storage.UnknownError, Code: "InvalidEndpointURL", Message: message}
}

// hostOf is the host of a URL. An IPv6 address has to be in brackets: without them nobody can tell where the port begins.
func hostOf(endpoint string) (host string, valid bool) {
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Hostname() == "" {
		return "", false
	}
	bracketed := strings.HasPrefix(parsed.Host, "[")
	return parsed.Hostname(), bracketed || strings.Count(parsed.Host, ":") <= 1
}

// endpoint is the URL of the server, or empty for Amazon's own of the region. The registry takes an endpoint without
// scheme for https; the SDK does not.
func (e effective) endpoint() string {
	if e.RegionEndpoint == "" || strings.Contains(e.RegionEndpoint, "://") {
		return e.RegionEndpoint
	}
	return "https://" + e.RegionEndpoint
}

// pathStyle tells whether the bucket is in the path of the URL rather than in its host.
func (e effective) pathStyle() bool { return e.RegionEndpoint != "" && !e.VirtualHostedStyle }

// isolated are the regions of partitions without dual-stack S3. The SDK makes up a dual-stack name for every region.
var isolated = []string{"us-iso-", "us-isob-", "eu-isoe-", "us-isof-"}

// dualStackRegion tells whether Amazon's S3 of the region has a dual-stack name. A region nobody knows counts as one of
// the main partition.
func dualStackRegion(region string) bool {
	if region == "" {
		return false
	}
	for _, prefix := range isolated {
		if strings.HasPrefix(region, prefix) {
			return false
		}
	}
	return true
}

// where names the bucket and its server in messages.
func (e effective) where() string {
	if e.RegionEndpoint != "" {
		return fmt.Sprintf("bucket %s at %s", e.Bucket, e.RegionEndpoint)
	}
	return fmt.Sprintf("bucket %s in region %s", e.Bucket, e.Region)
}

// server names the server in messages.
func (e effective) server() string {
	if e.RegionEndpoint != "" {
		return "S3 endpoint " + e.RegionEndpoint
	}
	return "S3 in region " + e.Region
}
