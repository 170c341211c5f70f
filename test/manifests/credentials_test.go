package manifests

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// credentialsRequest has the fields of the API that our requests use: a manifest with another one does not decode.
type credentialsRequest struct {
	manifestHead
	Spec struct {
		ServiceAccountNames []string               `json:"serviceAccountNames"`
		SecretRef           corev1.SecretReference `json:"secretRef"`
		ProviderSpec        providerSpec           `json:"providerSpec"`
	} `json:"spec"`
}

// providerSpec is what a request says to its cloud; each cloud has its own fields.
type providerSpec struct {
	APIVersion       string           `json:"apiVersion"`
	Kind             string           `json:"kind"`
	StatementEntries []statementEntry `json:"statementEntries"`
	Permissions      []string         `json:"permissions"`
	DataPermissions  []string         `json:"dataPermissions"`
	SkipServiceCheck bool             `json:"skipServiceCheck"`
	Policies         []accessPolicy   `json:"policies"`
}

type statementEntry struct {
	Effect   string   `json:"effect"`
	Resource string   `json:"resource"`
	Action   []string `json:"action"`
}

type accessPolicy struct {
	Attributes []nameValue `json:"attributes"`
	Roles      []string    `json:"roles"`
}

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func each(prefix string, rest ...string) []string {
	var all []string
	for _, r := range rest {
		all = append(all, prefix+r)
	}
	return all
}

// awsActions are what the operator does to its bucket, and the registry to the objects in it.
var awsActions = each(
	"s3:",
	"CreateBucket", "DeleteBucket", "PutBucketTagging", "GetBucketTagging", "PutBucketPublicAccessBlock", "GetBucketPublicAccessBlock",
	"PutEncryptionConfiguration", "GetEncryptionConfiguration", "PutLifecycleConfiguration", "GetLifecycleConfiguration", "GetBucketLocation",
	"ListBucket", "GetObject", "PutObject", "DeleteObject", "ListBucketMultipartUploads", "AbortMultipartUpload", "ListMultipartUploadParts",
)

var (
	azurePermissions = slices.Concat(
		each(
			"Microsoft.Storage/storageAccounts/",
			"blobServices/read", "blobServices/containers/read", "blobServices/containers/write", "blobServices/containers/delete",
			"blobServices/generateUserDelegationKey/action", "read", "write", "delete", "listKeys/action",
		),
		[]string{"Microsoft.Resources/tags/write"},
		// Private storage accounts.
		each(
			"Microsoft.Network/",
			"privateEndpoints/write", "privateEndpoints/read", "privateEndpoints/delete",
			"privateEndpoints/privateDnsZoneGroups/write", "privateEndpoints/privateDnsZoneGroups/read", "privateEndpoints/privateDnsZoneGroups/delete",
			"privateDnsZones/read", "privateDnsZones/write", "privateDnsZones/join/action",
			"privateDnsZones/A/read", "privateDnsZones/A/write", "privateDnsZones/A/delete",
			"privateDnsZones/virtualNetworkLinks/write", "privateDnsZones/virtualNetworkLinks/read", "privateDnsZones/virtualNetworkLinks/delete",
			"networkInterfaces/read", "virtualNetworks/read", "virtualNetworks/subnets/read", "virtualNetworks/subnets/join/action", "virtualNetworks/join/action",
		),
		[]string{"Microsoft.Storage/storageAccounts/PrivateEndpointConnectionsApproval/action"},
	)
	azureDataPermissions = each("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/", "delete", "write", "read", "add/action", "move/action")
)

var gcpPermissions = slices.Concat(
	each("storage.buckets.", "create", "delete", "get", "update", "createTagBinding", "listEffectiveTags"),
	each("storage.objects.", "create", "delete", "get", "list"),
	each("resourcemanager.", "tagValueBindings.create", "tagValues.get", "tagValues.list"),
)

// ibmPolicies are the same on both of IBM's clouds.
var ibmPolicies = []accessPolicy{
	{
		Attributes: []nameValue{{Name: "serviceName", Value: "cloud-object-storage"}},
		Roles: each("crn:v1:bluemix:public:iam::::", "role:Viewer", "role:Operator", "role:Editor", "role:Administrator",
			"serviceRole:Reader", "serviceRole:Writer"),
	},
	{
		Attributes: []nameValue{{Name: "resourceType", Value: "resource-group"}},
		Roles:      []string{"crn:v1:bluemix:public:iam::::role:Viewer"},
	},
}

// TestCredentialsRequests holds what is asked of each cloud to be exact: less breaks the registry there, where no test of
// this repository can see it, and more is a risk for nothing.
func TestCredentialsRequests(t *testing.T) {
	const version = "cloudcredential.openshift.io/v1"
	want := map[string]providerSpec{
		"openshift-image-registry": {
			APIVersion: version, Kind: "AWSProviderSpec",
			StatementEntries: []statementEntry{{Effect: "Allow", Resource: "*", Action: awsActions}},
		},
		"openshift-image-registry-azure": {
			APIVersion: version, Kind: "AzureProviderSpec", Permissions: azurePermissions, DataPermissions: azureDataPermissions,
		},
		"openshift-image-registry-gcs":            {APIVersion: version, Kind: "GCPProviderSpec", Permissions: gcpPermissions, SkipServiceCheck: true},
		"openshift-image-registry-ibmcos":         {APIVersion: version, Kind: "IBMCloudProviderSpec", Policies: ibmPolicies},
		"openshift-image-registry-ibmcos-powervs": {APIVersion: version, Kind: "IBMCloudPowerVSProviderSpec", Policies: ibmPolicies},
		"openshift-image-registry-openstack":      {APIVersion: version, Kind: "OpenStackProviderSpec"},
	}
	// The clouds where a token of a ServiceAccount can take the place of a key.
	withTokens := map[string]bool{"openshift-image-registry": true, "openshift-image-registry-azure": true, "openshift-image-registry-gcs": true}
	got := map[string]providerSpec{}
	for _, m := range load(t) {
		if m.Kind != "CredentialsRequest" {
			continue
		}
		var request credentialsRequest
		m.decode(t, &request)
		got[m.Metadata.Name] = request.Spec.ProviderSpec
		if m.APIVersion != version || m.Metadata.Labels["controller-tools.k8s.io"] != "1.0" {
			t.Errorf("%s is of %s and has labels %v", m, m.APIVersion, m.Metadata.Labels)
		}
		if want := (corev1.SecretReference{Namespace: names.OperatorNamespace, Name: names.CloudCredentials}); request.Spec.SecretRef != want {
			t.Errorf("%s asks for Secret %v", m, request.Spec.SecretRef)
		}
		var accounts []string
		if withTokens[m.Metadata.Name] {
			accounts = []string{names.OperatorDeployment, names.RegistryServiceAccount}
		}
		if diff := cmp.Diff(accounts, request.Spec.ServiceAccountNames); diff != "" {
			t.Errorf("%s: ServiceAccounts (-want +got)\n%s", m, diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is asked of the clouds (-want +got)\n%s", diff)
	}
}
