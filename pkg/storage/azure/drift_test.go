package azure_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// silentEnsure ensures once more and misses every write.
func (s *server) silentEnsure(t *testing.T, in storage.Inputs) {
	t.Helper()
	for _, r := range s.requests(t, func() { s.ensured(t, in) }) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/listKeys") {
			t.Errorf("the next ensure sends %v", r)
		}
	}
}

func TestDriftOfOurAccountIsRepaired(t *testing.T) {
	s := useServer(t)
	in := s.inputs("", "")
	in.Infrastructure = infrastructure(infra, "AzurePublicCloud", configv1.AzureResourceTag{Key: "team", Value: "a"})
	in, _, _ = s.ensured(t, in)
	defer s.removed(t, in)
	account := s.of(t, "storageAccounts")[0]
	for name, change := range map[string]func(r *resource){
		"another tag of that name":    func(r *resource) { r.Tags["team"] = "b" },
		"no tag of the cluster's":     func(r *resource) { delete(r.Tags, "team") },
		"public blobs":                func(r *resource) { r.Properties["allowBlobPublicAccess"] = true },
		"public blobs by default":     func(r *resource) { delete(r.Properties, "allowBlobPublicAccess") },
		"an old TLS":                  func(r *resource) { r.Properties["minimumTlsVersion"] = "TLS1_0" },
		"HTTP without TLS":            func(r *resource) { r.Properties["supportsHttpsTrafficOnly"] = false },
		"no keys, which it needs":     func(r *resource) { r.Properties["allowSharedKeyAccess"] = false },
		"all of the properties there": func(r *resource) { maps.Copy(r.Properties, loosened) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := account
			changed.Tags, changed.Properties = maps.Clone(account.Tags), maps.Clone(account.Properties)
			change(&changed)
			changed.Tags["theirs"] = "stays"
			s.call(t, http.MethodPut, "/resources", changed, nil)
			s.ensured(t, in)
			repaired := s.of(t, "storageAccounts")[0]
			want := maps.Clone(account.Tags)
			want["theirs"] = "stays"
			if diff := cmp.Diff(want, repaired.Tags); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			for property, weak := range loosened {
				if got := repaired.Properties[property]; got != account.Properties[property] || got == weak {
					t.Errorf("%s is %v, and was %v", property, got, account.Properties[property])
				}
			}
			if admitted, given := repaired.Properties["allowSharedKeyAccess"]; given && admitted != true {
				t.Errorf("keys are admitted: %v", admitted)
			}
			s.silentEnsure(t, in)
		})
	}
}

// driftOfSettings is drift for the conformance suite.
func (s *server) driftOfSettings() *storagetest.Drift {
	spoil := func(change func(*resource)) func(*testing.T, storage.Inputs) {
		return func(t *testing.T, in storage.Inputs) {
			t.Helper()
			account := s.account(t, in)
			change(&account)
			s.call(t, http.MethodPut, "/resources", account, nil)
		}
	}
	return &storagetest.Drift{
		Inputs: func(*testing.T) storage.Inputs {
			in := s.inputs("", "")
			in.Infrastructure = infrastructure(infra, "AzurePublicCloud", configv1.AzureResourceTag{Key: "team", Value: "a"})
			return in
		},
		Spoil: map[string]func(*testing.T, storage.Inputs){
			"tags":         spoil(func(r *resource) { delete(r.Tags, "team") }),
			"public blobs": spoil(func(r *resource) { r.Properties["allowBlobPublicAccess"] = true }),
			"an old TLS":   spoil(func(r *resource) { r.Properties["minimumTlsVersion"] = "TLS1_0" }),
		},
		Settings: func(t *testing.T, in storage.Inputs) string {
			t.Helper()
			account := s.account(t, in)
			return fmt.Sprint(account.Tags, account.Properties["allowBlobPublicAccess"], account.Properties["minimumTlsVersion"])
		},
		Calls: func(t *testing.T, during func()) int { t.Helper(); return len(s.requests(t, during)) },
		Refuse: func(t *testing.T) {
			t.Helper()
			s.inject(t, storagetest.Fault{
				Match: match{Host: "management", Method: http.MethodGet, Path: "/storageAccounts/"}, Status: http.StatusForbidden, Code: "AuthorizationFailed",
			})
		},
	}
}

// account is the one that in is about.
func (s *server) account(t *testing.T, in storage.Inputs) resource {
	t.Helper()
	for _, account := range s.of(t, "storageAccounts") {
		if account.Name == in.Coordinates.Azure.AccountName {
			return account
		}
	}
	t.Fatalf("no account %s", in.Coordinates.Azure.AccountName)
	return resource{}
}

// loosened is what somebody may do to the properties that we create an account with.
var loosened = map[string]any{"allowBlobPublicAccess": true, "minimumTlsVersion": "TLS1_1", "supportsHttpsTrafficOnly": false}

// TestDriftOfTheirAccountStays: what the administrator set up is theirs, with a container of ours in it or not.
func TestDriftOfTheirAccountStays(t *testing.T) {
	s := useServer(t)
	s.plantAccount(t, existingAccount, nil)
	in, _, _ := s.ensured(t, s.inputs(existingAccount, "in-theirs"))
	account := s.of(t, "storageAccounts")[0]
	maps.Copy(account.Properties, loosened)
	s.call(t, http.MethodPut, "/resources", account, nil)
	s.silentEnsure(t, in)
	s.removed(t, in)
}

// lose deletes a resource behind the operator's back, with what Azure deletes along with it.
func (s *server) lose(t *testing.T, lost resource) {
	t.Helper()
	for _, r := range s.resources(t) {
		if r.ID == lost.ID || strings.HasPrefix(r.ID, lost.ID+"/") || r.Name == lost.Name+"-nic" {
			s.call(t, http.MethodDelete, "/resources?id="+r.ID, nil, nil)
		}
	}
}

func TestLostPrivateAccessIsMadeAnew(t *testing.T) {
	for _, part := range []string{"privateEndpoints", "privateDnsZoneGroups", "privateDnsZones", "virtualNetworkLinks", "/A"} {
		t.Run(part, func(t *testing.T) {
			s := useServer(t)
			s.plantNetwork(t, group, "of-cluster", ours, "first")
			in, _, _ := s.ensured(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
			whole := s.ids(t)
			for _, lost := range s.of(t, part) {
				s.lose(t, lost)
			}
			if len(s.ids(t)) == len(whole) {
				t.Fatalf("nothing of %s was lost among %v", part, whole)
			}
			s.ensured(t, in)
			if diff := cmp.Diff(whole, s.ids(t)); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
			if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists {
				t.Errorf("plan: %+v, %v", plan, err)
			}
			s.silentEnsure(t, in)
			s.removed(t, in)
		})
	}
}
