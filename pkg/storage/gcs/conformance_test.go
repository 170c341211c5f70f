package gcs_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/gcs"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// untrusting is the version of inputs whose driver does not know the server's CA: here that is an option of the driver.
const untrusting = "untrusting"

func TestConformance(t *testing.T) {
	s := startServer(t)
	storagetest.Run(t, s.harness())
}

func (s *server) harness() storagetest.Harness {
	create := match{Method: http.MethodPost, PathPrefix: "/storage/v1/b", BucketOnly: true}
	refuse := func(m match, status int, message string) func(*testing.T) {
		return func(t *testing.T) { s.inject(t, storagetest.Fault{Match: m, Status: status, Message: message}) }
	}
	return storagetest.Harness{
		Driver: func(t *testing.T) storage.Driver {
			d, blind := s.driver(t), s.options()
			blind.CA = nil
			without, with := gcs.Driver(blind), d.New
			d.New = func(in storage.Inputs) (storage.Backend, error) {
				if in.Version == untrusting {
					return without.New(in)
				}
				return with(in)
			}
			return d
		},
		Inputs:      s.inputs,
		Exists:      s.exists,
		Existing:    func(t *testing.T, name string) { s.make(t, name, "main", attributes{}) },
		Foreign:     func(t *testing.T, name string) { s.make(t, name, "other", attributes{}) },
		TakenReason: storage.UnknownError,
		Named:       "named-and-absent",
		Fill:        func(t *testing.T, name string, objects int) { s.fill(t, name, objects, 1) },
		Count:       func(t *testing.T, name string) int { return len(s.keys(t, name)) },
		Remnants: func(t *testing.T, name string) {
			s.version(t, name)
			s.fill(t, name, 20, 3)
			if n := len(s.keys(t, name)); n != 60 {
				t.Fatalf("the bucket has %d generations instead of 60", n)
			}
		},
		HalfMade: func(t *testing.T, name string) { s.make(t, name, "main", attributes{}) },
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_GCS_KEYFILE",
				strings.ReplaceAll(string(in.MintedSecret.Data["service_account.json"]), email, "gone@main-project.iam.gserviceaccount.com"))
			return in
		},
		RevokedReason: "invalid_grant",
		Expired: func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/storage/"}, Status: http.StatusUnauthorized, Code: "authError", Message: "Invalid Credentials"})
		},
		ExpiredReason: "401",
		Throttle: func(t *testing.T, seconds int) {
			s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/storage/"}, Status: http.StatusTooManyRequests, RetryAfter: seconds})
		},
		Slow:      func(t *testing.T, delay time.Duration) func() int { return s.Slow(t, "admin", delay) },
		Impatient: func(*testing.T) storage.Driver { return s.impatient() },
		Silent:    func(t *testing.T) { s.inject(t, storagetest.Fault{Blackhole: true}) },
		Codes: []storagetest.Code{
			{Name: "a project that may not create buckets", Answer: refuse(create, 403, "no storage.buckets.create access"), Status: "False", Reason: "403", Says: "grant the missing right to the account of secret openshift-image-registry/installer-cloud-credentials"},
			{Name: "a name that is taken", Answer: refuse(create, 409, "not available"), Status: "False", Reason: "409", Says: "choose another in spec.storage.gcs.bucket"},
			{Name: "a name that is not valid", Answer: refuse(create, 400, "Invalid bucket name"), Status: "False", Reason: "400", Says: "Invalid bucket name; correct spec.storage.gcs"},
			{Name: "a quota", Answer: refuse(create, 429, "rate"), Status: "False", Reason: "429", Says: "rate; it is tried again; if this lasts, raise the quotas"},
			{Name: "a policy of the organization", Answer: refuse(create, 412, "violates constraint"), Status: "False", Reason: "412", Says: "violates constraint; a policy of the organization"},
			{Name: "a fault of the server", Answer: refuse(create, 503, "Backend Error"), Status: "False", Reason: "503", Says: "Backend Error"},
			{Name: "a look that fails", Answer: refuse(match{Method: http.MethodGet, BucketOnly: true}, 500, "oops"), Status: "Unknown", Reason: storage.UnknownError, Says: "oops"},
			{Name: "a token service that is down", Answer: refuse(match{PathPrefix: "/token"}, 503, ""), Status: "Unknown", Reason: storage.UnknownError, Says: "no access token"},
		},
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.Version = untrusting
			return in
		},
		Cure:  "spec.trustedCA of proxy cluster",
		Drift: s.driftOfSettings(),
	}
}

// version turns on the versioning of a bucket, past the backend.
func (s *server) version(t *testing.T, name string) {
	t.Helper()
	s.call(t, http.MethodPut, "/buckets/"+name+"/versioning", nil, nil)
}

func (s *server) backend(t *testing.T, in storage.Inputs) storage.Backend {
	t.Helper()
	b, err := s.driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// managed plans and ensures a bucket of the operator's own.
func (s *server) managed(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result) {
	t.Helper()
	in.Managed = true
	plan, err := s.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates = plan.Coordinates
	return in, s.ensure(t, in)
}

func (s *server) ensure(t *testing.T, in storage.Inputs) storage.Result {
	t.Helper()
	result, err := s.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func reasons(conditions []operatorv1.OperatorCondition) string {
	var list []string
	for _, c := range conditions {
		list = append(list, c.Type+"="+string(c.Status)+"/"+c.Reason)
	}
	return strings.Join(list, "\n")
}

const key = "projects/main-project/locations/us-east1/keyRings/r/cryptoKeys/k"

func TestNewBucketIsManaged(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	in.Coordinates.GCS.KeyID = key
	var result storage.Result
	requests := s.requests(t, func() { in, result = s.managed(t, in) })

	want := strings.Join([]string{
		"StorageExists=True/Creation Successful",
		"StorageLabeled=True/Bucket Labeled Successfully",
		"StorageEncrypted=True/Encryption Successful",
		"StoragePublicAccessBlocked=True/Public Access Block Successful",
		"StorageTagged=True/SuccessTaggingBucket",
	}, "\n")
	if diff := cmp.Diff(want, reasons(result.Conditions)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	c := result.Coordinates.GCS
	if !result.Created || len(c.Bucket) != 62 || !strings.HasPrefix(c.Bucket, "infra-x1-image-registry-us-east1-") || c.Region != "us-east1" || c.ProjectID != project {
		t.Errorf("result is %+v at %+v", result, c)
	}
	// A look, the creation with all settings, the tags in effect, and three bindings.
	if len(requests) != 6 {
		t.Errorf("%d requests for a new bucket: %v", len(requests), requests)
	}
	for _, r := range requests {
		if r.Agent != "openshift.io cluster-image-registry-operator/4.99.0" {
			t.Errorf("user agent is %q", r.Agent)
		}
	}
	made, _ := s.bucket(t, c.Bucket)
	if diff := cmp.Diff(map[string]string{mark: "owned", "team": "registry"}, made.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(resourceTags, made.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if made.Location != "us-east1" || made.Project != project || made.Encryption.DefaultKMSKeyName != key ||
		made.IAMConfiguration.PublicAccessPrevention != "enforced" || !made.IAMConfiguration.UniformBucketLevelAccess.Enabled {
		t.Errorf("bucket is %+v", made)
	}

	requests = s.requests(t, func() { result = s.ensure(t, in) })
	if writes := slices.DeleteFunc(slices.Clone(requests), func(r record) bool { return r.Method == http.MethodGet }); len(writes) > 0 || result.Created || result.Incomplete {
		t.Errorf("the second time writes %v: %+v", writes, result)
	}
	requests = s.requests(t, func() {
		if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists || plan.Condition.Reason != "GCS Bucket Exists" {
			t.Errorf("plan: %+v, %v", plan, err)
		}
	})
	if len(requests) != 1 || requests[0].Method != http.MethodGet {
		t.Errorf("the check is %v", requests)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	s := startServer(t)
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(subjectToken))
	in := s.inputs(t, "")
	in.MintedSecret = secret(names.CloudCredentials, "service_account.json", string(encode(t, map[string]any{
		"type": "external_account", "audience": audience, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url":                         s.endpoint + "/v1/token",
		"service_account_impersonation_url": s.endpoint + "/v1/projects/-/serviceAccounts/" + email + ":generateAccessToken",
		"credential_source":                 map[string]any{"file": token, "format": map[string]string{"type": "text"}},
	})))
	in, result := s.managed(t, in)
	if !result.Created {
		t.Errorf("result is %+v", result)
	}
	for _, tt := range []struct{ name, token, reason, says string }{
		{"a token of another cluster", "of another cluster", "invalid_grant", "workload identity provider trusts this cluster"},
		{"no token", "", storage.UnknownError, "no access token for the credentials of secret openshift-image-registry/installer-cloud-credentials"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.token == "" {
				if err := os.Remove(token); err != nil {
					t.Fatal(err)
				}
			} else {
				writeFile(t, token, []byte(tt.token))
			}
			_, err := s.backend(t, in).Plan(t.Context())
			_ = expectFailure(t, err, tt.reason, tt.says)
			if strings.Contains(err.Error(), subjectToken) || tt.token != "" && strings.Contains(err.Error(), tt.token) {
				t.Errorf("the message has the token: %v", err)
			}
		})
	}
	t.Run("an account that is gone", func(t *testing.T) {
		writeFile(t, token, []byte(subjectToken))
		s.set(t, world{Revoked: true})
		_, err := s.backend(t, in).Plan(t.Context())
		_ = expectFailure(t, err, "PERMISSION_DENIED", "iam.serviceAccounts.getAccessToken")
	})
}

func expectFailure(t *testing.T, err error, reason, says string) *storage.Error {
	t.Helper()
	var e *storage.Error
	if !errors.As(err, &e) || e.ConditionReason != reason || !strings.Contains(e.Message, says) {
		t.Fatalf("error is %#v (%v), want reason %s and a message with %q", e, err, reason, says)
	}
	return e
}

// TestTokensAreKept: one for many calls, and another as soon as one was refused.
func TestTokensAreKept(t *testing.T) {
	s := startServer(t)
	in, _ := s.managed(t, s.inputs(t, ""))
	d := s.driver(t)
	plan := func() error {
		b, err := d.New(in)
		if err == nil {
			_, err = b.Plan(t.Context())
		}
		return err
	}
	requests := storagetest.Recorded[record](t, s.Server, "admin", func() {
		for range 3 {
			if err := plan(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if tokens := slices.DeleteFunc(requests, func(r record) bool { return r.Path != "/token" }); len(tokens) != 1 {
		t.Errorf("%d tokens for three looks", len(tokens))
	}
	s.call(t, http.MethodDelete, "/tokens", nil, nil)
	_ = expectFailure(t, plan(), "401", "replace its key service_account.json")
	if err := plan(); err != nil {
		t.Errorf("after a token was refused: %v", err)
	}
}
