package swift

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, startServer(t).harness())
}

// TestConformanceKeystone is the suite with Keystone itself in the place of the stand-in; `make test-long` has it.
func TestConformanceKeystone(t *testing.T) {
	packages := os.Getenv("KEYSTONE_PACKAGES")
	if packages == "" {
		t.Skip("KEYSTONE_PACKAGES names no folder with Keystone")
	}
	s, err := startIn(t.Context(), t.TempDir(), "--keystone", packages)
	if errors.Is(err, storagetest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	storagetest.Run(t, s.harness())
}

func (s *server) harness() storagetest.Harness {
	return storagetest.Harness{
		Driver:   driver,
		Inputs:   s.inputs,
		Exists:   s.exists,
		Existing: func(t *testing.T, name string) { s.must(t, http.MethodPut, "/"+name, nil) },
		Named:    "named container",
		Fill:     s.fill,
		Count: func(t *testing.T, name string) int {
			return len(s.objects(t, name))
		},
		Remnants: s.remnants,
		HalfMade: func(t *testing.T, name string) { s.must(t, http.MethodPut, "/"+name, nil, headerMark, "infra-x1") },
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.MintedSecret = minted("clouds.yaml", s.clouds("images", "gone"), "cacert", string(s.ca))
			return in
		},
		RevokedReason: reasonNoClient,
		Expired: func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{Service: "identity", Method: http.MethodPost}, Status: 401})
		},
		ExpiredReason: reasonNoClient,
		Throttle:      func(t *testing.T, seconds int) { s.inject(t, storagetest.Fault{Status: 503, RetryAfter: seconds}) },
		Slow:          func(t *testing.T, delay time.Duration) func() int { return s.Slow(t, "admin", delay) },
		Silent:        func(t *testing.T) { s.inject(t, storagetest.Fault{Blackhole: true}) },
		UnknownReason: reasonNoClient,
		Codes:         s.codes(),
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.MintedSecret = minted("clouds.yaml", s.clouds("images", "main-secret"))
			return in
		},
		Cure: "key cacert of secret openshift-image-registry/installer-cloud-credentials",
	}
}

// codes are answers to the first call and to the creation.
func (s *server) codes() []storagetest.Code {
	answer := func(service, method string, status int) func(*testing.T) {
		return func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{Service: service, Method: method}, Status: status, Message: "<html>tx0123</html>"})
		}
	}
	const no, unknown = operatorv1.ConditionFalse, operatorv1.ConditionUnknown
	return []storagetest.Code{
		{Name: "Keystone does not know the user", Answer: answer("identity", "POST", 401), Status: no, Reason: reasonNoClient, Says: "correct the secret"},
		{Name: "Keystone is elsewhere", Answer: answer("identity", "POST", 404), Status: no, Reason: reasonNoClient, Says: "spec.storage.swift.authURL"},
		{Name: "Keystone redirects", Answer: answer("identity", "POST", 301), Status: no, Reason: reasonNoClient, Says: "HTTP 301"},
		{Name: "Keystone is down", Answer: answer("identity", "POST", 503), Status: unknown, Reason: reasonNoClient, Says: "for the moment"},
		{Name: "looking is forbidden", Answer: answer("object-store", "HEAD", 403), Status: no, Reason: reasonUnchecked, Says: "swiftoperator"},
		{Name: "looking fails", Answer: answer("object-store", "HEAD", 500), Status: no, Reason: reasonUnchecked, Says: "HTTP 500"},
		{Name: "creating is forbidden", Answer: answer("object-store", "PUT", 403), Status: no, Reason: reasonNotCreated, Says: "swiftoperator"},
		{Name: "the quota is used up", Answer: answer("object-store", "PUT", 413), Status: no, Reason: reasonNotCreated, Says: "quotas"},
	}
}

func (s *server) exists(t *testing.T, name string) bool {
	t.Helper()
	response, _ := s.swift(t, http.MethodHead, "/"+name, nil)
	return response.StatusCode == http.StatusNoContent
}

// objects are the names in a container; none in one that is not there.
func (s *server) objects(t *testing.T, name string) []string {
	t.Helper()
	response, content := s.swift(t, http.MethodGet, "/"+name+"?format=json", nil)
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	var page []object
	if err := json.Unmarshal(content, &page); err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	list := make([]string, len(page))
	for i, o := range page {
		list[i] = o.Name
	}
	return list
}

// fill uploads an archive that Swift unpacks: a request for each object would take minutes.
func (s *server) fill(t *testing.T, name string, objects int) {
	t.Helper()
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for i := range objects {
		header := &tar.Header{Name: fmt.Sprintf("files/docker/registry/v2/blobs/%d", i), Mode: 0o600, Size: 1}
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	_, content := s.swift(t, http.MethodPut, "/"+name+"?extract-archive=tar", &archive, "Accept", "application/json")
	var answer struct {
		Created int `json:"Number Files Created"`
	}
	if err := json.Unmarshal(content, &answer); err != nil || answer.Created != objects {
		t.Fatalf("%v: %s", err, content)
	}
}

// remnants are large objects, whose manifests hide their segments, a name that has to be escaped, and old versions with a
// delete marker.
func (s *server) remnants(t *testing.T, name string) {
	t.Helper()
	put := func(object, content string, pairs ...string) string {
		return s.must(t, http.MethodPut, "/"+name+"/"+object, strings.NewReader(content), pairs...).Get("Etag")
	}
	put("segments/abc/0000000000000001", "one")
	etag := put("segments/abc/0000000000000002", "two")
	put("files/dynamic", "", "X-Object-Manifest", name+"/segments/abc")
	put("files/static?multipart-manifest=put", fmt.Sprintf(`[{"path":"/%s/segments/abc/0000000000000002","etag":%q}]`, name, etag))
	put("files/50%25%20%C3%A4%3F/a%0Ab", "odd")
	s.must(t, http.MethodPost, "/"+name, nil, "X-Versions-Enabled", "true")
	put("files/changed", "first")
	put("files/changed", "second")
	s.must(t, http.MethodDelete, "/"+name+"/files/changed", nil)
	s.must(t, http.MethodDelete, "/"+name+"/files/dynamic", nil)
}

// managed plans and ensures a container of the operator's own, with one driver.
func managed(t *testing.T, d storage.Driver, in storage.Inputs) (storage.Inputs, storage.Result) {
	t.Helper()
	plan, err := backendOf(t, d, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Managed = plan.Coordinates, true
	result, err := backendOf(t, d, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in, result
}

func backendOf(t *testing.T, d storage.Driver, in storage.Inputs) storage.Backend {
	t.Helper()
	b, err := d.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// removed removes what a test has made.
func removed(t *testing.T, d storage.Driver, in storage.Inputs) {
	t.Helper()
	for range 20 {
		progress, err := backendOf(t, d, in).Remove(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if progress.Done {
			return
		}
	}
	t.Fatal("not removed")
}

// TestCalls is what the cloud is asked, call by call.
func TestCalls(t *testing.T) {
	s := startServer(t)
	d := driver(t)
	expect := func(what string, records []record, want ...string) {
		t.Helper()
		got := make([]string, len(records))
		for i, r := range records {
			got[i] = r.Service + " " + r.Method
			if !strings.Contains(r.Agent, "openshift.io cluster-image-registry-operator/4.99.0") {
				t.Errorf("user agent is %q", r.Agent)
			}
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	const post, head, put = "identity POST", "object-store HEAD", "object-store PUT"
	var in storage.Inputs
	var result storage.Result
	expect("a new container", s.requests(t, func() { in, result = managed(t, d, s.inputs(t, "")) }), post, head, put)
	name := in.Coordinates.Swift.Container
	if !result.Created || len(name) != 62 || !strings.HasPrefix(name, "infra-x1-image-registry-") {
		t.Errorf("result is %+v", result)
	}
	if c := result.Conditions; len(c) != 1 || c[0].Type != names.StorageExists || c[0].Reason != "Swift Container Created" {
		t.Errorf("conditions are %+v", c)
	}
	header := s.must(t, http.MethodHead, "/"+name, nil)
	if header.Get("X-Container-Meta-Openshiftclusterid") != "infra-x1" || header.Get("X-Container-Meta-Name") != name {
		t.Errorf("metadata are %v", header)
	}
	expect("the second time", s.requests(t, func() { _, result = managed(t, d, in) }), head, head)
	if result.Created || result.Conditions[0].Reason != "Swift container Exists" {
		t.Errorf("result is %+v", result)
	}
	var plan storage.Plan
	expect("a check", s.requests(t, func() { plan, _ = backendOf(t, d, in).Plan(t.Context()) }), head)
	if !plan.Exists || plan.Condition.Reason != "Swift container Exists" || plan.ManagementState != "Managed" {
		t.Errorf("plan is %+v", plan)
	}
	s.revoke(t)
	expect("a check with a token that was revoked", s.requests(t, func() { plan, _ = backendOf(t, d, in).Plan(t.Context()) }), head, post, head)
	if !plan.Exists {
		t.Errorf("plan is %+v", plan)
	}
	expect("removing it empty", s.requests(t, func() { removed(t, d, in) }), head, "object-store GET", "object-store DELETE")
	plan, err := backendOf(t, d, in).Plan(t.Context())
	if err != nil || plan.Exists || plan.Condition.Status != operatorv1.ConditionFalse || plan.Condition.Reason != "Storage does not exist" {
		t.Errorf("plan of a container that has gone: %+v, %v", plan, err)
	}
}
