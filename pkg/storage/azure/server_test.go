package azure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/azure"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// The programs of test/cluster; the Makefile builds them and sets the variables.
const (
	binaryVariable  = "AZURE_SERVER_BINARY"
	azuriteVariable = "AZURITE_HOME"
)

const (
	domain       = "azure.test"
	tenant       = "11111111-1111-1111-1111-111111111111"
	clientID     = "22222222-2222-2222-2222-222222222222"
	clientSecret = "the-secret-of-the-client"
	assertion    = "the.federated.token"
	subscription = "33333333-3333-3333-3333-333333333333"
	group        = "cluster-rg"
	networkGroup = "network-rg"
	region       = "westeurope"
	infra        = "infra-x1"
)

// server is the Azure of the tests. There is one for the whole package: the proxy that leads to it is the process's own,
// which is read once.
type server struct {
	*storagetest.Server
	proxy  string
	ca     []byte
	folder string
}

var azureServer *server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "azure")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		started, err := start(dir)
		switch {
		case errors.Is(err, storagetest.ErrMissing):
			return m.Run() // the tests that need it skip themselves
		case err != nil:
			fmt.Fprintln(os.Stderr, "starting the Azure of the tests:", err)
			return 1
		}
		defer started.Stop()
		azureServer = started
		return m.Run()
	}())
}

func start(dir string) (*server, error) {
	started, err := storagetest.Start(context.Background(), dir, storagetest.Program{
		Variable: binaryVariable, Names: []string{"*." + domain, "*.blob." + domain},
		Files: map[string]any{"identity": map[string]any{
			"tenant": tenant, "client": clientID, "secret": clientSecret, "assertion": assertion, "subscription": subscription,
			"groups": []string{group, networkGroup},
		}},
		Args: []string{"--domain", domain, "--data-dir", "{dir}/data", "--identity", "{dir}/identity", "--azurite", os.Getenv(azuriteVariable)},
	})
	if err != nil {
		return nil, err
	}
	s := &server{Server: started, proxy: "http://" + started.Addresses["proxy"], ca: started.CA, folder: dir}
	// The operator's transports take the proxy of the process.
	return s, os.Setenv("HTTPS_PROXY", s.proxy)
}

// useServer gives a test the server as if it were new.
func useServer(t *testing.T) *server {
	t.Helper()
	if azureServer == nil {
		t.Skipf("%s is not set: run this test through make", binaryVariable)
	}
	s := azureServer
	s.configure(t, settings{})
	for _, resource := range s.resources(t) {
		s.call(t, http.MethodDelete, "/resources?id="+resource.ID, nil, nil)
	}
	return s
}

// call talks to the server's admin API.
func (s *server) call(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	s.Call(t, "admin", method, path, body, answer)
}

type settings struct {
	Looks int      `json:"looks"`
	Role  []string `json:"role"`
}

func (s *server) configure(t *testing.T, c settings) {
	t.Helper()
	s.call(t, http.MethodPut, "/settings", c, nil)
}

// match selects requests to fail.
type match struct {
	Host   string `json:"host,omitempty"`
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
}

// inject makes requests fail until the test ends.
func (s *server) inject(t *testing.T, faults ...storagetest.Fault) {
	t.Helper()
	s.Inject(t, "admin", faults...)
}

func (s *server) heal(t *testing.T) { s.Heal(t, "admin") }

type record struct {
	Seq        int64    `json:"seq"`
	Host       string   `json:"host"`
	Method     string   `json:"method"`
	Path       string   `json:"path"`
	Query      []string `json:"query"`
	APIVersion string   `json:"apiVersion"`
	Status     int      `json:"status"`
	Actions    []string `json:"actions"`
	UserAgent  string   `json:"userAgent"`
	Scheme     string   `json:"scheme"`
	Body       string   `json:"body"`
}

func (r record) String() string { return fmt.Sprintf("%s %s%s=%d", r.Method, r.Host, r.Path, r.Status) }

// requests are those that during causes, without those for tokens.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	return slices.DeleteFunc(storagetest.Recorded[record](t, s.Server, "admin", during), func(r record) bool { return r.Host == "login" })
}

type resource struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties map[string]any    `json:"properties"`
}

func (s *server) resources(t *testing.T) (list []resource) {
	t.Helper()
	s.call(t, http.MethodGet, "/resources", nil, &list)
	return list
}

// of lists the resources of a type; the type is a part of it.
func (s *server) of(t *testing.T, kind string) []resource {
	t.Helper()
	return slices.DeleteFunc(s.resources(t), func(r resource) bool { return !strings.HasSuffix(strings.ToLower(r.Type), strings.ToLower(kind)) })
}

func idOf(inGroup string, parts ...string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + inGroup + "/providers/" + strings.Join(parts, "/")
}

// plantAccount makes an account of the administrator's.
func (s *server) plantAccount(t *testing.T, name string, tags map[string]string) {
	t.Helper()
	s.call(t, http.MethodPut, "/resources", resource{
		ID: idOf(group, "Microsoft.Storage/storageAccounts", name), Type: "Microsoft.Storage/storageAccounts", Location: region, Kind: "StorageV2", Tags: tags,
		Properties: map[string]any{"allowSharedKeyAccess": true},
	}, nil)
}

// driver has short deadlines, as tests need them.
func (s *server) driver(*testing.T) storage.Driver { return azure.Driver(s.options()) }

func (s *server) options() azure.Options {
	return azure.Options{
		CallTimeout: 10 * time.Second, TrimRootSlash: true,
		Clouds: map[string]azure.Cloud{
			"AzurePublicCloud": s.cloud(),
		},
	}
}

func (s *server) cloud() azure.Cloud {
	return azure.Cloud{
		AuthorityHost: "https://login." + domain + "/", ResourceManager: "https://management." + domain, Audience: "https://management." + domain, BlobSuffix: domain,
	}
}

// inputs are for a container of an account of the operator's.
func (s *server) inputs(account, container string) storage.Inputs {
	return storage.Inputs{
		Coordinates:    storage.Coordinates{Azure: &imageregistryv1.ImageRegistryConfigStorageAzure{AccountName: account, Container: container}},
		Infrastructure: infrastructure(infra, "AzurePublicCloud"),
		MintedSecret: secret(names.CloudCredentials, "azure_subscription_id", subscription, "azure_tenant_id", tenant, "azure_client_id", clientID,
			"azure_client_secret", clientSecret, "azure_resourcegroup", group, "azure_region", region),
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			if namespace == names.ManagedConfigNamespace && name == names.KubeCloudConfig {
				return &corev1.ConfigMap{Data: map[string]string{names.KubeCloudConfigCAKey: string(s.ca)}}, nil
			}
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
		Version: "4.99.0",
	}
}

// federated replaces the client secret by a token file.
func (s *server) federated(t *testing.T, in storage.Inputs) storage.Inputs {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(assertion), 0o600); err != nil {
		t.Fatal(err)
	}
	in.MintedSecret = secret(names.CloudCredentials, "azure_subscription_id", subscription, "azure_tenant_id", tenant, "azure_client_id", clientID,
		"azure_federated_token_file", file, "azure_region", region)
	return in
}

func infrastructure(name string, cloud configv1.AzureCloudEnvironment, tags ...configv1.AzureResourceTag) *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: name,
		PlatformStatus: &configv1.PlatformStatus{Type: configv1.AzurePlatformType, Azure: &configv1.AzurePlatformStatus{
			ResourceGroupName: group, CloudName: cloud, ResourceTags: tags,
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
