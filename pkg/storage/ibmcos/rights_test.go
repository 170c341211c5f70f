package ibmcos_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	platform = "cloud-object-storage role:"
	service  = "cloud-object-storage serviceRole:"
	groups   = "resource-group role:"
)

// serviceRoles are the roles that calls of the services need; IAM asks for none.
var serviceRoles = map[string][]string{
	"IAM POST /identity/token":                           nil,
	"ResourceController GET /v2/resource_instances":      {platform + "Viewer"},
	"ResourceController GET /v2/resource_instances/{id}": {platform + "Viewer"},
	"ResourceController POST /v2/resource_instances":     {platform + "Editor"},
	// Credentials are for operators. A new one comes with a service ID that is given the role Writer, and giving roles is
	// for administrators.
	"ResourceController GET /v2/resource_keys":      {platform + "Operator"},
	"ResourceController GET /v2/resource_keys/{id}": {platform + "Operator"},
	"ResourceController POST /v2/resource_keys":     {platform + "Operator", platform + "Administrator"},
	"ResourceManager GET /v2/resource_groups":       {groups + "Viewer"},
	"ResourceManager GET /v2/resource_groups/{id}":  {groups + "Viewer"},
}

// TestRights compares the roles of both credentials requests with those that the recorded calls need, in both directions.
func TestRights(t *testing.T) {
	s := startServer(t)
	used := map[string]bool{}
	for _, r := range s.requests(t, func() {
		in, result := s.settled(t, s.inputs(t, ""))
		s.put(t, result.Coordinates.IBMCOS.Bucket, 3)
		for done := false; !done; {
			b, err := driver(t).New(in)
			if err != nil {
				t.Fatal(err)
			}
			progress, err := b.Remove(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done = progress.Done
		}
	}) {
		roles, known := serviceRoles[r.String()]
		if !known {
			t.Errorf("no role is known for %s", r)
		}
		for _, role := range roles {
			used[role] = true
		}
	}
	for _, r := range s.storageRequests(t) {
		if !strings.Contains(r.UserAgent, "cluster-image-registry-operator") {
			continue // the test's own, which signs with an HMAC pair
		}
		role := "Writer"
		if r.Method == "HEAD" || r.Method == "GET" {
			role = "Reader"
		}
		used[service+role] = true
	}
	for _, file := range []string{"ibmcloud", "powervs"} {
		if diff := cmp.Diff(requested(t, file), slices.Sorted(maps.Keys(used))); diff != "" {
			t.Errorf("roles asked for in %s (-) and used (+):\n%s", file, diff)
		}
	}
}

// TestLesserPolicy: with instance and key given, resource groups need not be shown, and nothing is made but the bucket.
func TestLesserPolicy(t *testing.T) {
	s := startServer(t)
	s.Inject(t, "admin", storagetest.Fault{Match: match{Service: "ResourceManager"}, Status: http.StatusForbidden, Code: "forbidden"})
	lesser := []string{platform + "Viewer", platform + "Operator"}
	for _, r := range s.requests(t, func() {
		_, result := s.settled(t, s.inputs(t, "with-a-lesser-policy"))
		if c := result.Coordinates.IBMCOS; c.ResourceGroupName != group {
			t.Errorf("the resource group is %q", c.ResourceGroupName)
		}
	}) {
		for _, role := range serviceRoles[r.String()] {
			if r.Status < http.StatusMultipleChoices && !slices.Contains(lesser, role) {
				t.Errorf("%s needs %s", r, role)
			}
		}
	}
	// Who has to make an instance has to know in which group.
	b, err := driver(t).New(s.inputs(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	var failure *storage.Error
	if _, err := b.Ensure(t.Context()); !errors.As(err, &failure) || failure.Status != "False" || failure.ConditionReason != "forbidden" || !strings.Contains(failure.Message, "grant") {
		t.Errorf("ensure without an instance: %v", err)
	}
}

// requested are the roles that a manifest asks for.
func requested(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile("../../../manifests/03-credentials-" + file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		Spec struct {
			ProviderSpec struct {
				Policies []struct {
					Attributes []struct{ Name, Value string }
					Roles      []string
				}
			}
		}
	}
	if err := yaml.Unmarshal(data, &request); err != nil {
		t.Fatal(err)
	}
	var roles []string
	for _, policy := range request.Spec.ProviderSpec.Policies {
		for _, role := range policy.Roles {
			roles = append(roles, policy.Attributes[0].Value+" "+strings.TrimPrefix(role, "crn:v1:bluemix:public:iam::::"))
		}
	}
	return slices.Sorted(slices.Values(roles))
}
