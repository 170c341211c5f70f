package azure_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/azure"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func TestStackHub(t *testing.T) {
	s := useServer(t)
	file := filepath.Join(t.TempDir(), "stack.json")
	endpoints := map[string]string{
		"name": "AzureStackCloud", "activeDirectoryEndpoint": "https://login." + domain + "/", "resourceManagerEndpoint": "https://management." + domain + "/",
		"tokenAudience": "https://management." + domain + "/", "storageEndpointSuffix": domain,
	}
	write(t, file, endpoints)
	in := s.inputs("", "")
	in.Infrastructure = infrastructure(infra, "AzureStackCloud")
	in.Managed = true
	driver := azure.Driver(azure.Options{EnvironmentFile: file, CallTimeout: 10 * time.Second})
	var result storage.Result
	requests := s.requests(t, func() {
		b, err := driver.New(in)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := b.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.Coordinates = plan.Coordinates
		if b, err = driver.New(in); err != nil {
			t.Fatal(err)
		}
		if result, err = b.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	for _, r := range requests {
		if want := map[string]string{"management": "2019-06-01", "blob": "2019-07-07"}[r.Host]; r.APIVersion != want {
			t.Errorf("%v asks for version %s, want %s", r, r.APIVersion, want)
		}
		if r.Host == "blob" && r.Scheme != "SharedKey" {
			t.Errorf("%v is authorized by %s", r, r.Scheme)
		}
	}
	account := s.of(t, "storageAccounts")[0]
	if _, given := account.Properties["minimumTlsVersion"]; account.Kind != "Storage" || given || account.Tags["kubernetes.io_cluster."+infra] != "owned" {
		t.Errorf("account is %+v", account)
	}
	rendered, err := driver.Settings(result.Coordinates, result.Facts)
	if err != nil || !hasVariable(rendered, "REGISTRY_STORAGE_AZURE_REALM", domain) || !hasVariable(rendered, "REGISTRY_STORAGE_AZURE_ACCOUNTKEY", string(result.Facts["accountkey"])) {
		t.Errorf("settings are %+v, %v", rendered.Env, err)
	}
	before := driver.Observed(in)
	endpoints["storageEndpointSuffix"] = "elsewhere"
	write(t, file, endpoints)
	if driver.Observed(in) == before {
		t.Error("other endpoints are not noticed")
	}
}

func hasVariable(s storage.Settings, name, value string) bool {
	for _, variable := range s.Env {
		if variable.Name == name && variable.Value == value {
			return true
		}
	}
	return false
}

func write(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// clientCertificate is a certificate with its key; Azure knows clients by RSA keys only.
func clientCertificate(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
}

func TestCertificateOfAHostedControlPlane(t *testing.T) {
	s := useServer(t)
	bundle := clientCertificate(t)
	file := filepath.Join(t.TempDir(), "identity.json")
	identity := map[string]string{
		"client_id": clientID, "tenant_id": tenant, "client_secret": base64.StdEncoding.EncodeToString(bundle),
		"authentication_endpoint": "https://login." + domain + "/", "not_before": "2026-01-01T00:00:00Z",
	}
	write(t, file, identity)
	in := s.inputs("", "")
	delete(in.MintedSecret.Data, "azure_client_secret")
	in.Managed = true
	options := s.options()
	options.IdentityFile = file
	driver := azure.Driver(options)
	b, err := driver.New(in)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates = plan.Coordinates
	if b, err = driver.New(in); err != nil {
		t.Fatal(err)
	}
	// What is being written is no reason to stop, an older identity neither.
	write(t, file, "half")
	if _, err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A new process finds the file as it is.
	if _, err := azure.Driver(options).New(in); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that holds no identity: %v", err)
	}
}

// TestImages pushes through a registry that is configured as the operator renders it. With a federated token it cannot be
// shown: the SDK in the registry asks Microsoft's directory whether the authority host is one of theirs.
func TestImages(t *testing.T) {
	s := useServer(t)
	_, result, _ := s.ensured(t, s.inputs("", ""))
	rendered, err := s.driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Images(t, rendered, s.registryOptions(result.Coordinates.Azure))
}

// registryOptions are for a registry process on a container.
func (s *server) registryOptions(c *imageregistryv1.ImageRegistryConfigStorageAzure) storagetest.RegistryOptions {
	return storagetest.RegistryOptions{
		CA: s.ca,
		// The proxy stands for the DNS of the cloud. A client that is redirected would need one too.
		ExtraEnv: []string{"HTTPS_PROXY=" + s.proxy, "REGISTRY_STORAGE_REDIRECT_DISABLE=true"},
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			_, err := s.client(t, c.AccountName, c.Container).NewBlobClient(strings.TrimPrefix(path, "/")).GetProperties(t.Context(), nil)
			return err == nil
		},
	}
}

func TestContent(t *testing.T) {
	s := useServer(t)
	for name, trim := range map[string]bool{"OpenShift's names": false, "upstream's names": true} {
		t.Run(name, func(t *testing.T) {
			in, _, _ := s.ensured(t, s.inputs("", ""))
			options := s.options()
			options.TrimRootSlash = trim
			content, err := azure.Driver(options).Content(in)
			if err != nil {
				t.Fatal(err)
			}
			large := strings.Repeat("layer", 1<<20)
			for path, text := range map[string]string{"docker/registry/v2/a": "one", "docker/registry/v2/b": large, "docker/registry/v2/empty": "", "docker/other": "x"} {
				if err := content.Write(t.Context(), path, int64(len(text)), strings.NewReader(text)); err != nil {
					t.Fatal(err)
				}
			}
			for _, wrong := range []int64{2, 4} {
				if err := content.Write(t.Context(), "docker/registry/v2/short", wrong, strings.NewReader("abc")); err == nil {
					t.Errorf("three bytes pass for %d", wrong)
				}
			}
			sizes := map[string]int64{}
			if err := content.List(t.Context(), "docker/registry/", func(f storage.File) error { sizes[f.Path] = f.Size; return nil }); err != nil {
				t.Fatal(err)
			}
			if len(sizes) != 3 || sizes["docker/registry/v2/a"] != 3 || sizes["docker/registry/v2/b"] != int64(len(large)) {
				t.Errorf("files are %v", sizes)
			}
			reader, err := content.Open(t.Context(), "docker/registry/v2/b")
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reader)
			if err != nil || string(text) != large {
				t.Errorf("%d bytes, %v", len(text), err)
			}
			_ = reader.Close()
			if _, err := content.Open(t.Context(), "docker/registry/v2/short"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("opening what is not there: %v", err)
			}
			stored := map[bool]string{true: "docker/other", false: "/docker/other"}[trim]
			c := in.Coordinates.Azure
			if _, err := s.client(t, c.AccountName, c.Container).NewBlobClient(stored).GetProperties(t.Context(), nil); err != nil {
				t.Errorf("blob %s: %v", stored, err)
			}
			s.removed(t, in)
		})
	}
}

// TestADownloadThatDoesNotBegin: the answer has a deadline, as that to any call.
func TestADownloadThatDoesNotBegin(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	options := s.options()
	options.CallTimeout = 2 * time.Second
	content, err := azure.Driver(options).Content(in)
	if err != nil {
		t.Fatal(err)
	}
	s.inject(t, storagetest.Fault{Match: match{Host: "blob", Method: "GET"}, Blackhole: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := content.Open(ctx, "docker/registry/v2/a"); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("opening what nobody sends: %v", err)
	}
	s.heal(t)
	s.removed(t, in)
}
