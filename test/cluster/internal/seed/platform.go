package seed

import (
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// platformSpec is what an installer would have been asked for.
func platformSpec(o Options) object {
	spec := object{"type": string(o.Platform)}
	if o.S3.Endpoint != "" {
		spec["aws"] = object{"serviceEndpoints": s3Endpoints(o.S3)}
	}
	return spec
}

func s3Endpoints(s S3) []any {
	return []any{object{"name": "s3", "url": s.Endpoint}, object{"name": "sts", "url": s.STSEndpoint}}
}

// platformStatus is what operators read about the cloud.
func platformStatus(o Options) (object, error) {
	if o.PlatformStatus != nil {
		status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.PlatformStatus)
		if err != nil {
			return nil, fmt.Errorf("encoding the platform status: %w", err)
		}
		return status, nil
	}
	status := object{"type": string(o.Platform)}
	switch o.Platform {
	case configv1.AWSPlatformType:
		aws := object{"region": o.Region}
		if o.S3.Endpoint != "" {
			aws["serviceEndpoints"] = s3Endpoints(o.S3)
		}
		status["aws"] = aws
	case configv1.AzurePlatformType:
		status["azure"] = object{"cloudName": string(configv1.AzurePublicCloud), "resourceGroupName": o.Name + "-rg", "networkResourceGroupName": o.Name + "-rg"}
	case configv1.GCPPlatformType:
		status["gcp"] = object{"projectID": o.Name + "-project", "region": o.Region}
	case configv1.IBMCloudPlatformType:
		status["ibmcloud"] = object{"location": o.Region, "resourceGroupName": o.Name + "-rg", "providerType": string(configv1.IBMCloudProviderTypeVPC)}
	case configv1.PowerVSPlatformType:
		status["powervs"] = object{"region": o.Region, "zone": o.Region + "01", "resourceGroup": o.Name + "-rg"}
	case configv1.OpenStackPlatformType:
		status["openstack"] = object{"cloudName": "openstack"}
	case configv1.BareMetalPlatformType, configv1.NonePlatformType, configv1.VSpherePlatformType, configv1.NutanixPlatformType,
		configv1.OvirtPlatformType, configv1.LibvirtPlatformType, configv1.KubevirtPlatformType, configv1.EquinixMetalPlatformType,
		configv1.AlibabaCloudPlatformType, configv1.ExternalPlatformType:
		// Nothing that operators read.
	default:
		return nil, fmt.Errorf("platform %q is not known", o.Platform)
	}
	return status, nil
}
