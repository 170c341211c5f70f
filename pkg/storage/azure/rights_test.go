package azure_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// unused are rights that are asked for although no call of the operator needs them.
var unused = map[string]string{
	"Microsoft.Storage/storageAccounts/blobServices/read":                             "clusters that the earlier operator set up have it in their roles",
	"Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action": "the registry signs redirects with it when it has no account key",
	"Microsoft.Resources/tags/write":                                                  "policies of subscriptions may want it for what is tagged at its creation",
	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete":          "the registry's",
	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write":           "the registry's",
	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read":            "the registry's",
	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action":      "the registry's, for uploads that it appends to",
	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action":     "the registry's, for uploads that are complete",
}

// asked are the rights of the CredentialsRequest.
func asked(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../manifests/03-credentials-azure.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		Spec struct {
			ProviderSpec struct {
				Permissions     []string `json:"permissions"`
				DataPermissions []string `json:"dataPermissions"`
			} `json:"providerSpec"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	p := request.Spec.ProviderSpec
	return slices.Concat(p.Permissions, p.DataPermissions)
}

// TestRights does all that the operator does as an identity that has the rights of its CredentialsRequest and no others.
func TestRights(t *testing.T) {
	s := useServer(t)
	role := asked(t)
	s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "owned"}, "first")
	s.configure(t, settings{Role: role})
	used := map[string]bool{}
	for _, in := range []storage.Inputs{s.inputs("", ""), s.federated(t, s.inputs("", ""))} {
		for _, r := range s.requests(t, func() {
			in, _, _ := s.ensured(t, internal(in, imageregistryv1.AzureNetworkAccessInternal{}))
			s.ensured(t, external(in))
			in, result, _ := s.ensured(t, internal(in, imageregistryv1.AzureNetworkAccessInternal{}))
			for _, in.Look = range result.Looks {
				if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists || plan.Unread || plan.Drifted != "" {
					t.Errorf("check of %q: %+v, %v", in.Look, plan, err)
				}
			}
			s.removed(t, in)
		}) {
			switch {
			case strings.HasSuffix(r.Path, "/checkNameAvailability"):
				// A right on the subscription, which is not asked for: the creation tells as well.
				if r.Status != 403 {
					t.Errorf("the server admits %v", r)
				}
			case r.Status == 403:
				t.Errorf("refused: %v, which needs %v", r, r.Actions)
			default:
				for _, action := range r.Actions {
					used[strings.ToLower(action)] = true
				}
			}
		}
	}
	// A container of a borrowed account is deleted with a token.
	s.plantAccount(t, existingAccount, nil)
	for _, r := range s.requests(t, func() {
		in, _, _ := s.ensured(t, s.federated(t, s.inputs(existingAccount, "borrowed")))
		s.removed(t, in)
	}) {
		for _, action := range r.Actions {
			used[strings.ToLower(action)] = true
		}
	}
	for _, right := range role {
		if _, excused := unused[right]; used[strings.ToLower(right)] == excused {
			t.Errorf("%s: used is %t, in the list of unused rights is %t", right, used[strings.ToLower(right)], excused)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(used)) {
		if !slices.ContainsFunc(role, func(right string) bool { return strings.EqualFold(right, action) }) {
			t.Errorf("%s is used and not asked for", action)
		}
	}
}
