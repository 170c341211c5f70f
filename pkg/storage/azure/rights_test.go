package azure_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	blobServices = "Microsoft.Storage/storageAccounts/blobServices/"
	blobRights   = blobServices + "containers/blobs/"
)

// contract are rights that are asked for although no recorded call needs them: credentials requests of the reference have
// them, and a right that is taken out breaks a registry which uses it in a way that cannot be run here.
var contract = map[string]string{
	blobServices + "read":                             "roles that were made for the reference have it",
	blobServices + "generateUserDelegationKey/action": "the registry signs redirects with it when it has no account key; its SDK asks Microsoft's directory then",
	"Microsoft.Resources/tags/write":                  "policies of subscriptions may want it for what is tagged at its creation",
	blobRights + "add/action":                         "what Azure also takes for a new blob, in the place of write",
	blobRights + "move/action":                        "renames blobs in accounts with a hierarchical namespace",
}

// registryRights are those of the registry on blobs.
var registryRights = []string{blobRights + "delete", blobRights + "read", blobRights + "write"}

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

// TestRights does all that the operator does as an identity that has the rights of its CredentialsRequest and no others, and
// what a registry does to blobs. Rights asked for are those of the recorded calls, in both directions.
func TestRights(t *testing.T) {
	s := useServer(t)
	role := asked(t)
	s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "owned"}, "first")
	s.configure(t, settings{Role: role})
	used := map[string]bool{}
	use := func(actions ...string) {
		for _, action := range actions {
			used[strings.ToLower(action)] = true
		}
	}
	for _, in := range []storage.Inputs{s.inputs("", ""), s.federated(t, s.inputs("", ""))} {
		for _, r := range s.requests(t, func() { s.wholeWay(t, in) }) {
			switch {
			case strings.HasSuffix(r.Path, "/checkNameAvailability"):
				// A right on the subscription, which is not asked for: the creation tells as well.
				if r.Status != 403 {
					t.Errorf("the server admits %v", r)
				}
			case r.Status == 403:
				t.Errorf("refused: %v, which needs %v", r, r.Actions)
			default:
				use(r.Actions...)
			}
		}
	}
	// A container of a borrowed account is deleted with a token.
	s.plantAccount(t, existingAccount, nil)
	for _, r := range s.requests(t, func() {
		in, _, _ := s.ensured(t, s.federated(t, s.inputs(existingAccount, "borrowed")))
		s.removed(t, in)
	}) {
		use(r.Actions...)
	}
	use(s.usedByARegistry(t)...)
	var wanted []string
	for _, right := range role {
		if why, excused := contract[right]; !excused {
			wanted = append(wanted, strings.ToLower(right))
		} else if used[strings.ToLower(right)] {
			t.Errorf("%s is used: it needs no excuse (%s)", right, why)
		}
	}
	slices.Sort(wanted)
	if diff := cmp.Diff(wanted, slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("rights asked for (-) and used (+):\n%s", diff)
	}
	for right := range contract {
		if !slices.Contains(role, right) {
			t.Errorf("%s is excused and not asked for", right)
		}
	}
}

// wholeWay is what happens to an account of the operator's in its life.
func (s *server) wholeWay(t *testing.T, in storage.Inputs) {
	t.Helper()
	in, _, _ = s.ensured(t, internal(in, imageregistryv1.AzureNetworkAccessInternal{}))
	s.ensured(t, external(in))
	in, result, _ := s.ensured(t, internal(in, imageregistryv1.AzureNetworkAccessInternal{}))
	for _, in.Look = range result.Looks {
		if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists || plan.Unread || plan.Drifted != "" {
			t.Errorf("check of %q: %+v, %v", in.Look, plan, err)
		}
	}
	s.removed(t, in)
}

// usedByARegistry pushes, pulls and deletes through a registry process and returns the rights that it would need with a token
// in the place of the account key, which the only registry that runs here is given. Without a registry they are those that are
// known.
func (s *server) usedByARegistry(t *testing.T) []string {
	t.Helper()
	if os.Getenv("REGISTRY_BINARY") == "" || os.Geteuid() != 0 {
		return registryRights
	}
	in, result, _ := s.ensured(t, s.inputs("", ""))
	rendered, err := s.driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, r := range s.requests(t, func() { storagetest.Images(t, rendered, s.registryOptions(result.Coordinates.Azure)) }) {
		switch {
		case r.own():
		case r.Host == "blob":
			used[dataRight(r)] = true
		default:
			t.Errorf("the registry goes beyond blobs: %v", r)
		}
	}
	s.removed(t, in)
	if diff := cmp.Diff(registryRights, slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("rights known to be the registry's (-) and used by it (+):\n%s", diff)
	}
	return slices.Collect(maps.Keys(used))
}

// dataRight is the right that a call of blobs needs with a token. A listing of blobs is a read of them.
func dataRight(r record) string {
	_, blob, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	verb := map[string]string{"GET": "read", "HEAD": "read", "DELETE": "delete", "PUT": "write"}[r.Method]
	if blob == "" && slices.Contains(r.Query, "restype") && !slices.Contains(r.Query, "comp") {
		return blobServices + "containers/" + verb
	}
	return blobRights + verb
}

// TestPolicyInTheDocs: who pastes the role gets what the credentials request asks for.
func TestPolicyInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/storage/azure.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	var role struct{ Actions, DataActions []string }
	if err := yaml.Unmarshal([]byte(text), &role); err != nil {
		t.Fatal(err)
	}
	sorted := func(rights []string) []string { return slices.Sorted(slices.Values(rights)) }
	if diff := cmp.Diff(sorted(asked(t)), sorted(slices.Concat(role.Actions, role.DataActions))); diff != "" {
		t.Errorf("rights of the credentials request (-) and of the page (+):\n%s", diff)
	}
}
