package azure_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

var ours = map[string]string{"kubernetes.io_cluster." + infra: "owned"}

// TestManagementState is the table of what exists and what that makes of the storage.
func TestManagementState(t *testing.T) {
	for name, c := range map[string]struct {
		account, container string
		tags               map[string]string
		hasAccount, has    bool
		want               string
	}{
		"nothing is given":                   {want: "Managed"},
		"neither exists":                     {account: "newaccount", container: "new", want: "Managed"},
		"only the account exists":            {account: existingAccount, container: "new", hasAccount: true, want: "Managed"},
		"both exist":                         {account: existingAccount, container: "old", hasAccount: true, has: true, want: "Unmanaged"},
		"both exist and were made by us":     {account: existingAccount, container: "old", hasAccount: true, has: true, tags: ours, want: "Managed"},
		"both exist, of another cluster":     {account: existingAccount, container: "old", hasAccount: true, has: true, tags: map[string]string{"kubernetes.io_cluster.other": "owned"}, want: "Unmanaged"},
		"the account is given, no container": {account: existingAccount, hasAccount: true, want: "Managed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			if c.hasAccount {
				s.plantAccount(t, c.account, c.tags)
			}
			if c.has {
				s.makeContainerIn(t, c.account, c.container)
				defer func() { _, _ = s.client(t, c.account, c.container).Delete(t.Context(), nil) }()
			}
			in := s.inputs(c.account, c.container)
			in.Decide = true
			plan, err := s.backend(t, in).Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if plan.ManagementState != c.want || plan.Exists != c.has || plan.Coordinates.Azure.AccountName == "" || plan.Coordinates.Azure.Container == "" {
				t.Errorf("plan is %+v, %+v", plan, plan.Coordinates.Azure)
			}
		})
	}
}

// TestForeignAccountIsOnlyBorrowed makes a container in an account of the administrator's, with either kind of credentials.
func TestForeignAccountIsOnlyBorrowed(t *testing.T) {
	for name, federated := range map[string]bool{"with a client secret": false, "with a federated token": true} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			s.plantAccount(t, existingAccount, map[string]string{"theirs": "stays"})
			in := s.inputs(existingAccount, "borrowed")
			if federated {
				in = s.federated(t, in)
			}
			before := s.of(t, "storageAccounts")
			var result storage.Result
			requests := s.requests(t, func() { in, result, _ = s.ensured(t, in) })
			if !result.Created || !in.Managed {
				t.Errorf("result is %+v", result)
			}
			for _, r := range requests {
				if r.Host == "management" && r.Method != "GET" && !strings.HasSuffix(r.Path, "/listKeys") {
					t.Errorf("the account is changed: %v", r)
				}
			}
			// The record of the creation may be lost: the container has its mark.
			in.Created = false
			progress, _ := s.removed(t, in)
			if progress.Conditions[0].Reason != "ContainerDeleted" {
				t.Errorf("condition is %+v", progress.Conditions)
			}
			after := s.of(t, "storageAccounts")
			if len(after) != 1 || after[0].Properties["allowSharedKeyAccess"] != before[0].Properties["allowSharedKeyAccess"] || after[0].Tags["theirs"] != "stays" {
				t.Errorf("the account is %+v", after)
			}
		})
	}
}

func TestForeignContainerIsNotRemoved(t *testing.T) {
	s := useServer(t)
	s.plantAccount(t, existingAccount, map[string]string{"kubernetes.io_cluster.other": "owned"})
	s.makeContainer(t, "of-others")
	in := s.inputs(existingAccount, "of-others")
	in.Managed = true
	_, err := s.backend(t, in).Remove(t.Context())
	var failure *storage.Error
	if !errors.As(err, &failure) || failure.Reason != names.ReasonStorageNotOwned || !failure.Permanent {
		t.Errorf("remove: %v", err)
	}
	if !s.exists(t, "of-others") {
		t.Error("it is gone")
	}
	if _, err := s.client(t, existingAccount, "of-others").Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestRemovalOfWhatIsGone(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	s.call(t, http.MethodDelete, "/resources?id="+s.of(t, "storageAccounts")[0].ID, nil, nil)
	progress, _ := s.removed(t, in)
	if c := progress.Conditions[0]; c.Reason != "ContainerNotFound" || c.Status != "False" {
		t.Errorf("condition is %+v", c)
	}
	in.Coordinates.Azure.AccountName = ""
	progress, _ = s.removed(t, in)
	if c := progress.Conditions[0]; c.Reason != "StorageNotConfigured" {
		t.Errorf("condition is %+v", c)
	}
}

func TestAccountThatCannotBeDeleted(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	s.inject(t, storagetest.Fault{Match: match{Host: "management", Method: "DELETE"}, Status: 409, Code: "ScopeLocked", Message: "The scope is locked."})
	_, err := s.backend(t, in).Remove(t.Context())
	var failure *storage.Error
	if !errors.As(err, &failure) || failure.Status != "False" || failure.ConditionReason != "AzureError" || !strings.Contains(failure.Message, "ScopeLocked: The scope is locked") {
		t.Errorf("remove: %v", err)
	}
}

func TestTakenName(t *testing.T) {
	s := useServer(t)
	s.call(t, http.MethodPut, "/taken?account=takenaccount", nil, nil)
	in := s.inputs("takenaccount", "new")
	in.Managed = true
	requests := s.requests(t, func() {
		_, err := s.backend(t, in).Ensure(t.Context())
		var failure *storage.Error
		if !errors.As(err, &failure) || failure.ConditionReason != "AzureError" || !strings.Contains(failure.Message, "spec.storage.azure.accountName") {
			t.Errorf("ensure: %v", err)
		}
	})
	if slices.ContainsFunc(requests, func(r record) bool { return r.Method == "PUT" }) {
		t.Errorf("created all the same: %v", requests)
	}
	// The right to ask is one on the subscription, which the role need not give; the creation tells then.
	s.inject(t, storagetest.Fault{Match: match{Path: "checkNameAvailability"}, Status: 403, Code: "AuthorizationFailed"})
	if _, err := s.backend(t, in).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "StorageAccountAlreadyTaken") {
		t.Errorf("ensure without the right to ask: %v", err)
	}
	in, _, _ = s.ensured(t, s.inputs("", ""))
	s.removed(t, in)
}

func TestFederatedTokenDisablesKeysOfOurAccount(t *testing.T) {
	s := useServer(t)
	in, result, _ := s.ensured(t, s.federated(t, s.inputs("", "")))
	allowed := func() any { return s.of(t, "storageAccounts")[0].Properties["allowSharedKeyAccess"] }
	if allowed() != false || result.Facts["accountkey"] != nil || string(result.Facts["clientid"]) != clientID {
		t.Errorf("keys are allowed: %v; facts name %d values", allowed(), len(result.Facts))
	}
	// Back to a client secret: the registry needs the key again.
	in.MintedSecret = s.inputs("", "").MintedSecret
	in, result, _ = s.ensured(t, in)
	if allowed() != true || len(result.Facts["accountkey"]) == 0 {
		t.Errorf("keys are allowed: %v", allowed())
	}
	s.removed(t, s.federated(t, in))
}
