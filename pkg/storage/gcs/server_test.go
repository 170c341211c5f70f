package gcs_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/gcs"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	project      = "main-project"
	email        = "registry@main-project.iam.gserviceaccount.com"
	audience     = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
	subjectToken = "the-token-of-the-cluster"
	mark         = "kubernetes-io-cluster-infra-x1"
)

// server is a GCS server on loopback.
type server struct {
	*storagetest.Server
	address, endpoint string
	ca                []byte
	key               *rsa.PrivateKey
}

// privateKey is made once: it takes a while.
var privateKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

func startServer(t *testing.T) *server { return startServerAt(t, "127.0.0.1:0") }

func startServerAt(t *testing.T, listen string) *server {
	t.Helper()
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&privateKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	started := storagetest.Serve(t, storagetest.Program{
		Variable: "GCS_SERVER_BINARY", Names: []string{"*.googleapis.com"}, IPs: []net.IP{net.ParseIP(host)},
		Files: map[string]any{"accounts.json": map[string]any{
			"main":             map[string]string{"email": email, "project": project, "publicKey": public},
			"other":            map[string]string{"email": "x@other-project.iam.gserviceaccount.com", "project": "other-project", "publicKey": public},
			"workloadIdentity": map[string]string{"audience": audience, "subjectToken": subjectToken},
		}},
		Args: []string{"--listen-tls", listen, "--accounts", "{dir}/accounts.json"},
	})
	return &server{Server: started, address: host, endpoint: "https://" + started.Addresses["tls"], ca: started.CA, key: privateKey}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// call talks to the server's admin API.
func (s *server) call(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	s.Call(t, "admin", method, path, body, answer)
}

type match struct {
	Method     string `json:"method,omitempty"`
	PathPrefix string `json:"pathPrefix,omitempty"`
	BucketOnly bool   `json:"bucketOnly,omitempty"`
}

// inject makes requests fail until the test ends.
func (s *server) inject(t *testing.T, faults ...storagetest.Fault) {
	t.Helper()
	s.Inject(t, "admin", faults...)
}

// world is what the cloud is like beside its buckets.
type world struct {
	Rights         []string `json:"rights"`
	Revoked        bool     `json:"revoked"`
	InheritedTags  []string `json:"inheritedTags"`
	OperationPolls int      `json:"operationPolls"`
}

// set changes the world until the test ends.
func (s *server) set(t *testing.T, w world) {
	t.Helper()
	s.call(t, http.MethodPut, "/world", w, nil)
	t.Cleanup(func() { s.call(t, http.MethodPut, "/world", world{}, nil) })
}

type record struct {
	Seq    int64    `json:"seq"`
	Method string   `json:"method"`
	Path   string   `json:"path"`
	Query  []string `json:"query"`
	Status int      `json:"status"`
	Rights []string `json:"rights"`
	Body   string   `json:"body"`
	Agent  string   `json:"userAgent"`
}

func (r record) String() string {
	return fmt.Sprintf("%s %s?%v=%d", r.Method, r.Path, r.Query, r.Status)
}

// requests are those that during causes, without those for tokens.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	return slices.DeleteFunc(storagetest.Recorded[record](t, s.Server, "admin", during), func(r record) bool {
		return r.Path == "/token" || r.Path == "/v1/token" || strings.HasPrefix(r.Path, "/v1/projects/")
	})
}

// driver has small steps, as tests need them.
func (s *server) driver(*testing.T) storage.Driver { return gcs.Driver(s.options()) }

func (s *server) options() gcs.Options {
	return gcs.Options{Endpoint: s.endpoint, ResourceManager: s.endpoint, CA: s.ca, StepObjects: 1000}
}

// patience is how long an impatient driver waits for an answer. A machine that has much to do answers within it.
const patience = 3 * time.Second

// impatient is for endpoints that never answer.
func (s *server) impatient() storage.Driver {
	options := s.options()
	options.CallTimeout = patience
	return gcs.Driver(options)
}

func (s *server) keyFile(t *testing.T, email string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(encode(t, map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": "1", "client_email": email, "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.endpoint + "/token",
	}))
}

// inputs are for a bucket of the server, on a cluster with labels and tags of its own.
func (s *server) inputs(t *testing.T, bucket string) storage.Inputs {
	t.Helper()
	return storage.Inputs{
		Coordinates:    storage.Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{Bucket: bucket}},
		Infrastructure: infrastructure(),
		MintedSecret:   secret(names.CloudCredentials, "service_account.json", s.keyFile(t, email)),
		Version:        "4.99.0",
	}
}

var resourceTags = []string{"main-project/env/test", "main-project/team/registry", "1234/cost/42"}

func infrastructure() *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: "infra-x1",
		PlatformStatus: &configv1.PlatformStatus{Type: configv1.GCPPlatformType, GCP: &configv1.GCPPlatformStatus{
			ProjectID: project, Region: "us-east1",
			ResourceLabels: []configv1.GCPResourceLabel{{Key: "team", Value: "registry"}},
			ResourceTags: []configv1.GCPResourceTag{
				{ParentID: "main-project", Key: "env", Value: "test"},
				{ParentID: "main-project", Key: "team", Value: "registry"},
				{ParentID: "1234", Key: "cost", Value: "42"},
			},
		}},
	}}
}

func secret(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}
