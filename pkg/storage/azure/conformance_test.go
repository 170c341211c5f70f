package azure_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// existingAccount is one of the administrator's, in which the suite has its media.
const existingAccount = "administrators"

func TestConformance(t *testing.T) {
	s := useServer(t)
	s.plantAccount(t, existingAccount, nil)
	storagetest.Run(t, storagetest.Harness{
		Driver: s.driver,
		Inputs: func(_ *testing.T, name string) storage.Inputs {
			if name == "" {
				return s.inputs("", "")
			}
			return s.inputs(existingAccount, name)
		},
		Exists:   s.exists,
		Existing: s.makeContainer,
		Named:    "named-and-absent",
		HalfMade: s.makeContainer,
		Fill:     s.fill,
		Count:    s.count,
		AtOnce:   true,
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.MintedSecret = in.MintedSecret.DeepCopy()
			in.MintedSecret.Data["azure_client_secret"] = []byte("gone")
			return in
		},
		RevokedStatus: operatorv1.ConditionUnknown,
		RevokedReason: "AzureError",
		Expired: func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{Host: "management"}, Status: 401, Code: "ExpiredAuthenticationToken", Message: "The access token expiry UTC time is earlier than current UTC time."})
		},
		ExpiredStatus: operatorv1.ConditionUnknown,
		ExpiredReason: "AzureError",
		Throttle: func(t *testing.T, seconds int) {
			s.inject(t, storagetest.Fault{Match: match{Host: "management"}, Status: 429, Code: "TooManyRequests", RetryAfter: seconds})
		},
		Slow:          func(t *testing.T, delay time.Duration) func() int { return s.Slow(t, "admin", delay) },
		Silent:        func(t *testing.T) { s.inject(t, storagetest.Fault{Match: match{Host: "management"}, Blackhole: true}) },
		UnknownReason: "AzureError",
		Codes:         s.codes(),
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.ConfigMap = noConfigMap
			return in
		},
		Cure:  "proxy cluster",
		Drift: s.driftOfSettings(),
	})
}

// codes are answers of Resource Manager and of blobs.
func (s *server) codes() []storagetest.Code {
	answer := func(host, path string, status int, code string) func(*testing.T) {
		return func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{Host: host, Path: path}, Status: status, Code: code, Message: "As Azure says."})
		}
	}
	var all []storagetest.Code
	for _, c := range []struct {
		name, host, path string
		status           int
		code, says       string
	}{
		{"the role lacks a right", "management", "/listKeys", 403, "AuthorizationFailed", "docs/storage/azure.md"},
		{"the subscription is another", "management", "", 404, "SubscriptionNotFound", "azure_subscription_id"},
		{"the account admits no keys", "blob", "", 403, "KeyBasedAuthenticationNotPermitted", "federated token"},
		{"the account does not admit this network", "blob", "", 403, "AuthorizationFailure", "firewall"},
		{"a policy forbids it", "blob", "", 403, "RequestDisallowedByPolicy", "policy"},
		{"the key is wrong", "blob", "", 403, "AuthenticationFailed", "correct the one in the secret"},
		{"the account is locked", "blob", "", 409, "ScopeLocked", "locks of the subscription"},
		{"the server is at fault", "blob", "", 500, "InternalError", "InternalError: "},
	} {
		all = append(all, storagetest.Code{Name: c.name, Answer: answer(c.host, c.path, c.status, c.code), Status: operatorv1.ConditionUnknown, Reason: "AzureError", Says: c.says})
	}
	return all
}

// client is the test's own way to a container, with the account's key.
func (s *server) client(t *testing.T, account, name string) *container.Client {
	t.Helper()
	credential, err := container.NewSharedKeyCredential(account, s.key(t, account))
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential("https://"+account+".blob."+domain+"/"+name, credential, &container.ClientOptions{ClientOptions: s.blobOptions(t)})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// exists tells whether some account has the container.
func (s *server) exists(t *testing.T, name string) bool {
	t.Helper()
	return s.holder(t, name) != nil
}

func (s *server) makeContainer(t *testing.T, name string) {
	t.Helper()
	s.makeContainerIn(t, existingAccount, name)
}

func (s *server) makeContainerIn(t *testing.T, account, name string) {
	t.Helper()
	if _, err := s.client(t, account, name).Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func (s *server) backend(t *testing.T, in storage.Inputs) storage.Backend {
	t.Helper()
	b, err := s.driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// planned is what the controller does first: inputs with the names of the plan.
func (s *server) planned(t *testing.T, in storage.Inputs) storage.Inputs {
	t.Helper()
	in.Decide = true
	plan, err := s.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Managed, in.Decide = plan.Coordinates, plan.ManagementState == "Managed", false
	return in
}

// ensured plans and ensures, each call as a new process, until it is done.
func (s *server) ensured(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result, int) {
	t.Helper()
	in = s.planned(t, in)
	for calls := 1; calls <= 30; calls++ {
		result, err := s.backend(t, in).Ensure(t.Context())
		if err != nil {
			t.Fatalf("call %d: %v", calls, err)
		}
		in.Created = in.Created || result.Created
		if result.RetryAfter == 0 {
			in.Coordinates = result.Coordinates
			return in, result, calls
		}
	}
	t.Fatal("not ready after 30 calls")
	return in, storage.Result{}, 0
}

func (s *server) removed(t *testing.T, in storage.Inputs) (last storage.Progress, calls int) {
	t.Helper()
	for calls = 1; calls <= 30; calls++ {
		progress, err := s.backend(t, in).Remove(t.Context())
		if err != nil {
			t.Fatalf("call %d: %v", calls, err)
		}
		if progress.Done {
			return progress, calls
		}
		if progress.RetryAfter == 0 || progress.Message == "" {
			t.Errorf("call %d waits for nothing: %+v", calls, progress)
		}
	}
	t.Fatal("not removed after 30 calls")
	return last, calls
}

func TestNewAccount(t *testing.T) {
	s := useServer(t)
	s.configure(t, settings{Looks: 2})
	in := s.inputs("", "")
	in.Infrastructure = infrastructure(infra, "AzurePublicCloud", configv1.AzureResourceTag{Key: "team", Value: "a"})
	in, result, calls := s.ensured(t, in)
	if calls < 2 {
		t.Errorf("%d calls: an operation was waited for", calls)
	}
	c := result.Coordinates.Azure
	if c.CloudName != "AzurePublicCloud" || !strings.HasPrefix(c.AccountName, "imageregistryinfrax") || len(c.Container) != 62 || !result.Created {
		t.Errorf("result is %+v, %+v", c, result)
	}
	if got := result.Conditions; len(got) != 1 || got[0].Status != "True" || got[0].Reason != "ContainerExists" {
		t.Errorf("conditions are %+v", got)
	}
	accounts := s.of(t, "storageAccounts")
	if len(accounts) != 1 {
		t.Fatalf("accounts are %+v", accounts)
	}
	want := map[string]any{"allowBlobPublicAccess": false, "minimumTlsVersion": "TLS1_2", "supportsHttpsTrafficOnly": true}
	got := maps.Clone(accounts[0].Properties)
	maps.DeleteFunc(got, func(key string, _ any) bool { _, wanted := want[key]; return !wanted && key != "allowSharedKeyAccess" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"kubernetes.io_cluster.infra-x1": "owned", "team": "a"}, accounts[0].Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	progress, _ := s.removed(t, in)
	if progress.Conditions[0].Reason != "AccountDeleted" || len(s.of(t, "storageAccounts")) != 0 {
		t.Errorf("after the removal: %+v, %+v", progress, s.resources(t))
	}
}

func TestSteadyStateIsQuiet(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	driver := s.driver(t)
	run := func(call func(storage.Backend) error) []record {
		b, err := driver.New(in)
		if err != nil {
			t.Fatal(err)
		}
		return s.requests(t, func() {
			if err := call(b); err != nil {
				t.Fatal(err)
			}
		})
	}
	ensure := func(b storage.Backend) error { _, err := b.Ensure(t.Context()); return err }
	plan := func(b storage.Backend) error {
		plan, err := b.Plan(t.Context())
		if err == nil && (!plan.Exists || plan.Condition.Reason != "ContainerExists") {
			t.Errorf("plan is %+v", plan)
		}
		return err
	}
	for _, r := range run(ensure) {
		if r.Method != "GET" && !strings.HasSuffix(r.Path, "/listKeys") {
			t.Errorf("the second ensure sends %v", r)
		}
	}
	got := run(plan)
	if len(got) != 1 || got[0].Method != "GET" || got[0].Host != "blob" {
		t.Errorf("the check sends %v", got)
	}
	if !strings.HasPrefix(got[0].UserAgent, "ocp-ciro/4.99.0 ") {
		t.Errorf("user agent is %q", got[0].UserAgent)
	}
}

func TestCrashBetweenCallsAdopts(t *testing.T) {
	for name, lost := range map[string]storagetest.Fault{
		"the answer to the account is lost":   {Match: match{Host: "management", Method: "PUT", Path: "/storageAccounts/"}, Status: 500, Code: "InternalError", After: true, Times: 1},
		"the answer to the container is lost": {Match: match{Host: "blob", Method: "PUT"}, Status: 500, Code: "InternalError", After: true, Times: 1},
		"the container is refused once":       {Match: match{Host: "blob", Method: "PUT"}, Status: 403, Code: "AuthorizationFailure", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			in := s.planned(t, s.inputs("", ""))
			s.inject(t, lost)
			_, err := s.backend(t, in).Ensure(t.Context())
			s.heal(t)
			t.Logf("the first call ended with %v", err)
			again := s.inputs(in.Coordinates.Azure.AccountName, in.Coordinates.Azure.Container)
			again, _, _ = s.ensured(t, again)
			if !again.Managed {
				t.Error("what a crash left is taken for somebody else's")
			}
			if accounts := s.of(t, "storageAccounts"); len(accounts) != 1 {
				t.Errorf("accounts are %+v", accounts)
			}
			s.removed(t, again)
			if left := s.resources(t); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

func TestCancelledContextEndsEverything(t *testing.T) {
	s := useServer(t)
	in := s.planned(t, s.inputs("", ""))
	in.Managed = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := s.backend(t, in)
	_, planned := b.Plan(ctx)
	_, ensured := b.Ensure(ctx)
	_, removed := b.Remove(ctx)
	for call, err := range map[string]error{"plan": planned, "ensure": ensured, "remove": removed} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if left := s.resources(t); len(left) != 0 {
		t.Errorf("made: %+v", left)
	}
}

func TestKeyRotationIsNoticed(t *testing.T) {
	s := useServer(t)
	in, before, _ := s.ensured(t, s.inputs("", ""))
	driver := s.driver(t)
	b, err := driver.New(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.call(t, "PUT", "/keys?account="+in.Coordinates.Azure.AccountName, nil, nil)
	plan, err := b.Plan(t.Context())
	if err != nil || plan.Exists {
		t.Errorf("the check after the rotation: %+v, %v; want what sends the controller the whole way", plan, err)
	}
	after, err := b.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(before.Facts["accountkey"], after.Facts["accountkey"]) || len(after.Facts["accountkey"]) == 0 {
		t.Error("the registry does not get the new key")
	}
	if plan, err := b.Plan(t.Context()); err != nil || !plan.Exists {
		t.Errorf("the check after that: %+v, %v", plan, err)
	}
}

func TestUserKeyCreatesNothing(t *testing.T) {
	s := useServer(t)
	s.plantAccount(t, existingAccount, nil)
	in := s.inputs(existingAccount, "by-hand")
	key := s.key(t, existingAccount)
	in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_AZURE_ACCOUNTKEY", key)
	in.Decide = true
	_, err := s.backend(t, in).Plan(t.Context())
	var failure *storage.Error
	if !errors.As(err, &failure) || failure.Status != "False" || failure.ConditionReason != "ContainerNotFound" {
		t.Errorf("plan of a container that is not there: %v", err)
	}
	s.makeContainer(t, "by-hand")
	requests := s.requests(t, func() {
		plan, err := s.backend(t, in).Plan(t.Context())
		if err != nil || plan.ManagementState != "Unmanaged" || plan.Condition.Reason != "UserManaged" {
			t.Errorf("plan: %+v, %v", plan, err)
		}
		result, err := s.backend(t, in).Ensure(t.Context())
		if err != nil || string(result.Facts["accountkey"]) != key || result.Conditions[0].Reason != "UserManaged" {
			t.Errorf("ensure: %+v, %v", result, err)
		}
	})
	if len(requests) != 1 {
		t.Errorf("requests: %v", requests)
	}
	in.UserSecret.Data["REGISTRY_STORAGE_AZURE_ACCOUNTKEY"] = []byte("d3Jvbmc=")
	_, err = s.backend(t, in).Plan(t.Context())
	if !errors.As(err, &failure) || failure.ConditionReason != "AzureError" || !strings.Contains(failure.Message, "image-registry-private-configuration-user") {
		t.Errorf("plan with a wrong key: %v", err)
	}
}
