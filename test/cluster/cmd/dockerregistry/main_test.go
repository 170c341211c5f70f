package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

// createBucket adds to the name what makes it unlike that of an earlier run in the same process (-count).
func createBucket(t *testing.T, name string) string {
	t.Helper()
	name += "-" + strings.ToLower(rand.Text()[:8])
	client := s3srv.Client(s3srv.Accounts.Main, false)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return name
}

func mainCredentials(t *testing.T) string {
	t.Helper()
	return credentialsFile(t, s3srv.Accounts.Main.AccessKeyID, s3srv.Accounts.Main.SecretAccessKey)
}

func objects(t *testing.T, bucket string) s3server.Objects {
	t.Helper()
	response, err := http.Get(s3srv.AdminURL() + "/buckets/" + bucket + "/objects")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found s3server.Objects
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func inject(t *testing.T, faults string) {
	t.Helper()
	request, err := http.NewRequestWithContext(
		t.Context(), http.MethodPut, s3srv.AdminURL()+"/faults", strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("faults: %s", response.Status)
	}
}

// pushPullDelete pushes an image, pulls it back by its digest, deletes it, and sees it gone.
func pushPullDelete(t *testing.T, p *process) v1.Hash {
	t.Helper()
	// One layer is larger than a chunk of the multipart upload.
	image, err := random.Image(6<<20, 3)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	repository := p.repository(t, "openshift/hello")
	if err := remote.Write(repository.Tag("latest"), image, p.with(t)...); err != nil {
		t.Fatalf("pushing: %v", err)
	}
	pulled, err := remote.Image(repository.Digest(digest.String()), p.with(t)...)
	if err != nil {
		t.Fatalf("pulling: %v", err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Fatalf("what came back: %v", err)
	}
	if err := remote.Delete(repository.Digest(digest.String()), p.with(t)...); err != nil {
		t.Fatalf("deleting: %v", err)
	}
	_, err = remote.Get(repository.Digest(digest.String()), p.with(t)...)
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound {
		t.Fatalf("after deletion: %v", err)
	}
	return digest
}

func TestPushPullDeleteOnS3(t *testing.T) {
	for name, c := range map[string]struct {
		pathStyle bool
		extra     []string
	}{
		"virtual-hosted, pulls are redirected": {false, nil},
		"path style, pulls go through": {true, []string{
			"REGISTRY_STORAGE_REDIRECT_DISABLE=true",
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING=100",
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE=10",
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE=6h0m0s",
			"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING=100",
			"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXINQUEUE=10",
			"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXWAITINQUEUE=0s",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := createBucket(t, fmt.Sprintf("registry-path-style-%t", c.pathStyle))
			p := start(t, s3Env(t, bucket, mainCredentials(t), c.pathStyle), c.extra...)
			digest := pushPullDelete(t, p)
			if found := objects(t, bucket); found.Count < 4 || found.Bytes < 18<<20 ||
				!strings.HasPrefix(found.Objects[0].Key, "docker/registry/v2/") {
				t.Errorf("%s: the bucket holds %d objects, %d bytes", digest, found.Count, found.Bytes)
			}
			if redirected := clientsRead(t, bucket); redirected == c.pathStyle {
				t.Errorf("clients read from the storage themselves: %t", redirected)
			}
		})
	}
}

// clientsRead tells whether anyone but the registry read objects of the bucket.
func clientsRead(t *testing.T, bucket string) bool {
	t.Helper()
	response, err := http.Get(s3srv.AdminURL() + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found s3server.Requests
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	for _, record := range found.Requests {
		fromSDK := strings.Contains(record.UserAgent, "aws-sdk-go")
		if record.Bucket == bucket && record.Method == http.MethodGet && record.Key != "" && !fromSDK {
			return true
		}
	}
	return false
}

func TestPushPullDeleteOnAFileSystem(t *testing.T) {
	root := t.TempDir()
	p := start(t, []string{"REGISTRY_STORAGE=filesystem", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + root})
	pushPullDelete(t, p)
	if _, err := os.Stat(filepath.Join(root, "docker", "registry", "v2", "blobs")); err != nil {
		t.Error(err)
	}
	status, body := p.get(t, "/extensions/v2/metrics")
	if status != 200 || !strings.Contains(body, "registry_http_requests_total") {
		t.Errorf("metrics: %d\n%.500s", status, body)
	}
}

func TestAReadOnlyRegistryRefusesAPush(t *testing.T) {
	p := start(t, []string{"REGISTRY_STORAGE=inmemory"}, "REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}")
	image, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	err = remote.Write(p.repository(t, "a/b").Tag("c"), image, p.with(t)...)
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("the push ended with %v", err)
	}
}

func TestHealthFollowsTheStorage(t *testing.T) {
	bucket := createBucket(t, "registry-health")
	p := start(t, s3Env(t, bucket, mainCredentials(t), false), "REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL=50ms")
	healthy := func(want int) func() (bool, any) {
		return func() (bool, any) {
			status, body := p.get(t, "/healthz")
			return status == want, fmt.Sprint(status, " ", body)
		}
	}
	eventually(t, "a healthy registry", healthy(200))
	inject(t, fmt.Sprintf(`[{"match":{"bucket":%q},"status":403,"code":"AccessDenied"}]`, bucket))
	eventually(t, "the storage's fault to show", healthy(503))
	if status, body := p.get(t, "/v2/"); status != 503 || !strings.Contains(body, "storagedriver_s3") {
		t.Errorf("the API answered %d %s", status, body)
	}
	inject(t, `[]`)
	eventually(t, "the registry to recover", healthy(200))
}

func TestWrongCredentialsMakeTheRegistryUnhealthy(t *testing.T) {
	bucket := createBucket(t, "registry-wrong-key")
	for name, credentials := range map[string]string{
		"an unknown key":      credentialsFile(t, "AKIAUNKNOWN", "x"),
		"another account":     credentialsFile(t, s3srv.Accounts.Other.AccessKeyID, s3srv.Accounts.Other.SecretAccessKey),
		"a wrong secret":      credentialsFile(t, s3srv.Accounts.Main.AccessKeyID, "x"),
		"no keys in the file": credentialsFile(t, "", ""),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, s3Env(t, bucket, credentials, false), "REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL=50ms")
			eventually(t, "the registry to say that it is not healthy", func() (bool, any) {
				status, body := p.get(t, "/healthz")
				return status == 503, fmt.Sprint(status, " ", body)
			})
		})
	}
}

func TestSIGTERMLetsAnUploadEnd(t *testing.T) {
	p := start(t, []string{"REGISTRY_STORAGE=inmemory"})
	client := &http.Client{Transport: p.transport(t)}
	response, err := client.Post("https://"+p.addr+"/v2/a/b/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	body, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, response.Header.Get("Location"), body)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() {
		response, err := client.Do(request)
		if err != nil {
			done <- err.Error()
			return
		}
		_ = response.Body.Close()
		done <- response.Status
	}()
	if _, err := writer.Write([]byte("first half, ")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload to have arrived", func() (bool, any) {
		_, metrics := p.get(t, "/extensions/v2/metrics")
		return strings.Contains(metrics, `registry_http_in_flight_requests{handler="blob_upload_chunk"} 1`), metrics
	})
	ended := make(chan error, 1)
	go func() { ended <- p.terminate(t) }()
	eventually(t, "the registry to drain", func() (bool, any) {
		return strings.Contains(p.output(), "draining"), p.output()
	})
	if _, err := writer.Write([]byte("second half")); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-done; status != "202 Accepted" {
		t.Errorf("the upload ended with %s", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("the process ended with %v", err)
	}
}

func TestTheCertificateIsReloaded(t *testing.T) {
	p := start(t, []string{"REGISTRY_STORAGE=inmemory"})
	serial := func() string {
		conn, err := tls.Dial("tcp", p.addr, p.transport(t).TLSClientConfig)
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	if err := os.WriteFile(p.key, []byte("half a swap"), 0o600); err != nil {
		t.Fatal(err)
	}
	if now := serial(); now != before {
		t.Errorf("with a broken key: %s, want still %s", now, before)
	}
	if err := s3test.WriteCertificate(p.cert, p.key, "image-registry.openshift-image-registry.svc"); err != nil {
		t.Fatal(err)
	}
	if now := serial(); now == before || strings.Contains(now, " ") {
		t.Errorf("after the swap: %s, before %s", now, before)
	}
}

// handshake tries one version of TLS with one suite (which TLS 1.3 ignores).
func (p *process) handshake(t *testing.T, version, suite uint16) error {
	t.Helper()
	config := p.transport(t).TLSClientConfig
	config.MinVersion, config.MaxVersion, config.CipherSuites = version, version, []uint16{suite}
	conn, err := tls.Dial("tcp", p.addr, config)
	if err != nil {
		return err
	}
	return conn.Close()
}

func TestCipherSuitesAreRestricted(t *testing.T) {
	p := start(t, []string{"REGISTRY_STORAGE=inmemory"}, "OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES="+
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
	if err := p.handshake(t, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256); err != nil {
		t.Errorf("the allowed suite: %v", err)
	}
	if p.handshake(t, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) == nil {
		t.Error("a suite that is not allowed was taken")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		minimum        string
		refused, taken uint16
	}{
		"VersionTLS13": {"VersionTLS13", tls.VersionTLS12, tls.VersionTLS13},
		"VersionTLS10": {"VersionTLS10", 0, tls.VersionTLS11},
		"the default":  {"", tls.VersionTLS11, tls.VersionTLS12},
	} {
		t.Run(name, func(t *testing.T) {
			var extra []string
			if c.minimum != "" {
				extra = []string{"REGISTRY_HTTP_TLS_MINVERSION=" + c.minimum}
			}
			p := start(t, []string{"REGISTRY_STORAGE=inmemory"}, extra...)
			if err := p.handshake(t, c.taken, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA); err != nil {
				t.Errorf("TLS %x: %v", c.taken, err)
			}
			if c.refused != 0 && p.handshake(t, c.refused, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA) == nil {
				t.Errorf("TLS %x was taken", c.refused)
			}
		})
	}
}

func TestItRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := s3test.WriteCertificate(cert, key, "localhost"); err != nil {
		t.Fatal(err)
	}
	memory := "REGISTRY_STORAGE=inmemory"
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"without a storage", nil, "no storage configuration"},
		{"with a driver that is not linked", []string{"REGISTRY_STORAGE=swift"}, "swift"},
		{"with an unknown OpenShift variable", []string{memory, "REGISTRY_OPENSHIFT_PULLTHROUGH_ENABLED=true"}, "REGISTRY_OPENSHIFT_PULLTHROUGH_ENABLED is unknown"},
		{"with a misspelt s3 parameter", []string{memory, "REGISTRY_STORAGE_S3_USEDUALSTAK=true"}, "REGISTRY_STORAGE_S3_USEDUALSTAK"},
		{"with a quota that is no boolean", []string{memory, "REGISTRY_OPENSHIFT_QUOTA_ENABLED=maybe"}, "REGISTRY_OPENSHIFT_QUOTA_ENABLED"},
		{"with a negative limit", []string{memory, "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING=-1"}, "negative"},
		{"with an unknown TLS version", []string{memory, "REGISTRY_HTTP_TLS_MINVERSION=tls1.2"}, "tls1.2"},
		{"with an unknown suite", []string{memory, "OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES=TLS_NONE"}, "TLS_NONE"},
		{"with a server address that is none", []string{memory, "REGISTRY_OPENSHIFT_SERVER_ADDR=host"}, "REGISTRY_OPENSHIFT_SERVER_ADDR"},
		{"with a chunk size that S3 does not take", append(s3Env(t, "b", cert, true), "REGISTRY_STORAGE_S3_CHUNKSIZE=1"), "chunksize"},
		{"without its credentials file", s3Env(t, "b", filepath.Join(dir, "absent"), true), "AWS credentials"},
		{"with a certificate that is none", []string{memory, "REGISTRY_HTTP_TLS_CERTIFICATE=" + key}, "key pair"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := launch(t, append(operatorEnv(cert, key), c.env...))
			if p.addr != "" {
				t.Fatal("it started")
			}
			if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.output(), c.want) {
				t.Errorf("exit code %d, want an error with %q", p.cmd.ProcessState.ExitCode(), c.want)
			}
		})
	}
}
