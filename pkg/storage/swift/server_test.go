package swift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// directory is who there is: one user with a project as it should be, and users whose projects lack something.
const directory = `{
	"users": [
		{"name": "registry", "password": "main-secret", "domain": "Default",
			"roles": {"images": "member", "bare": "member", "old": "member", "reader": "reader"}}
	],
	"projects": [
		{"name": "images", "serviceType": "object-store", "serviceName": "swift", "region": "one"},
		{"name": "old", "serviceType": "container", "serviceName": "swift", "region": "one"},
		{"name": "reader", "serviceType": "object-store", "serviceName": "swift", "region": "one"},
		{"name": "bare", "region": "one"}
	],
	"applications": [
		{"id": "app-1", "name": "images", "secret": "app-secret", "user": "registry", "project": "images"}
	]
}`

// server is a real Swift on loopback, with a stand-in for Keystone.
type server struct {
	*storagetest.Server
	endpoint, admin string
	ca              []byte
	// token is the test's own, account that of its project in Swift.
	token, account string
}

// shared is the server of all tests: a start takes seconds, and containers have names of their own.
var shared struct {
	once   sync.Once
	dir    string
	server *server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

func startServer(t *testing.T) *server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = start(t.Context()) })
	if errors.Is(shared.err, storagetest.ErrMissing) {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatalf("the server did not start: %v", shared.err)
	}
	// What is left of faults would be those of a test that was ended by a panic.
	shared.server.Heal(t, "admin")
	return shared.server
}

func start(ctx context.Context) (s *server, err error) {
	if shared.dir, err = os.MkdirTemp("", "swift-"); err != nil {
		return nil, err
	}
	return startIn(ctx, shared.dir)
}

// startIn starts a server in a folder, with further arguments.
func startIn(ctx context.Context, dir string, further ...string) (*server, error) {
	args := append([]string{"--data-dir", "{dir}/data", "--directory", "{dir}/directory.json"}, further...)
	if packages := os.Getenv("SWIFT_PACKAGES"); packages != "" {
		args = append(args, "--packages", packages)
	}
	started, err := storagetest.Start(ctx, dir, storagetest.Program{
		Variable: "SWIFT_SERVER_BINARY", Files: map[string]any{"directory.json": json.RawMessage(directory)}, Args: args,
	})
	if err != nil {
		return nil, err
	}
	return &server{
		Server: started, endpoint: "https://" + started.Addresses["tls"], admin: "http://" + started.Addresses["admin"], ca: started.CA,
	}, nil
}

func testCA(t *testing.T) []byte {
	t.Helper()
	cert, _, err := storagetest.Certificate(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// call sends a request past the front; it must succeed.
func (s *server) call(t *testing.T, method, url string, body io.Reader, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	response, content := s.ask(t, method, url, body, header)
	if response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s: %s", method, url, response.Status, content)
	}
	return response, content
}

func (s *server) ask(t *testing.T, method, url string, body io.Reader, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	// The test's own context may be over: this is called by clean-ups too.
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, content
}

const login = `{"auth": {"identity": {"methods": ["password"], "password": {"user":
	{"name": "registry", "password": "main-secret", "domain": {"id": "default"}}}},
	"scope": {"project": {"name": "images", "domain": {"id": "default"}}}}}`

// swift calls Swift past the front, as the account's owner, and returns what it answers.
func (s *server) swift(t *testing.T, method, path string, body io.Reader, pairs ...string) (*http.Response, []byte) {
	t.Helper()
	if s.token == "" {
		response, content := s.call(t, http.MethodPost, s.admin+"/v3/auth/tokens", strings.NewReader(login), map[string]string{"Content-Type": "application/json"})
		var granted struct {
			Token struct{ Project struct{ ID string } }
		}
		if err := json.Unmarshal(content, &granted); err != nil || granted.Token.Project.ID == "" {
			t.Fatalf("%v: %s", err, content)
		}
		s.token, s.account = response.Header.Get("X-Subject-Token"), "AUTH_"+granted.Token.Project.ID
	}
	header := map[string]string{"X-Auth-Token": s.token}
	for i := 0; i < len(pairs); i += 2 {
		header[pairs[i]] = pairs[i+1]
	}
	return s.ask(t, method, s.admin+"/v1/"+s.account+path, body, header)
}

// must is swift for what has to succeed.
func (s *server) must(t *testing.T, method, path string, body io.Reader, pairs ...string) http.Header {
	t.Helper()
	response, content := s.swift(t, method, path, body, pairs...)
	if response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s: %s", method, path, response.Status, content)
	}
	return response.Header
}

type match struct {
	Service string `json:"service,omitempty"`
	Method  string `json:"method,omitempty"`
	Query   string `json:"query,omitempty"`
	Path    string `json:"path,omitempty"`
}

// inject makes requests fail until the test ends.
func (s *server) inject(t *testing.T, faults ...storagetest.Fault) {
	t.Helper()
	s.Inject(t, "admin", faults...)
}

// revoke ends all tokens, also the test's own.
func (s *server) revoke(t *testing.T) {
	t.Helper()
	s.call(t, http.MethodDelete, s.admin+"/tokens", nil, nil)
	s.token = ""
}

type record struct {
	Seq     int64    `json:"seq"`
	Service string   `json:"service"`
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Query   []string `json:"query"`
	Status  int      `json:"status"`
	Agent   string   `json:"userAgent"`
}

func (r record) String() string {
	return fmt.Sprintf("%s %s %v=%d", r.Service, r.Method, r.Query, r.Status)
}

// requests are those that during causes.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	return storagetest.Recorded[record](t, s.Server, "admin", during)
}

// driver has small steps, as tests need them, and deadlines that leave a busy machine time to delete fifty objects.
func driver(*testing.T) storage.Driver {
	return Driver(Options{CallTimeout: 20 * time.Second, StepObjects: 1000})
}

// inputs are for a container of the server.
func (s *server) inputs(_ *testing.T, container string) storage.Inputs {
	in := inputs("", imageregistryv1.ImageRegistryConfigStorageSwift{Container: container})
	in.MintedSecret = minted("clouds.yaml", s.clouds("images", "main-secret"), "cacert", string(s.ca))
	in.Version = "4.99.0"
	return in
}

func (s *server) clouds(project, password string) string {
	return fmt.Sprintf(`clouds: {openstack: {region_name: one, auth: {auth_url: "%s/identity", username: registry, password: %q,
		project_name: %s, user_domain_name: Default}}}`, s.endpoint, password, project)
}
