package s3_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3"
)

// binaryVariable names the program of the S3 server of test/cluster; the Makefile builds it and sets the variable.
const binaryVariable = "S3_SERVER_BINARY"

const (
	accessKey = "AKIAMAIN0000000000"
	secretKey = "main-secret"
	trustedCA = "s3-ca"
)

// server is a real S3 server on loopback.
type server struct {
	endpoint, admin string
	ca              []byte
	client          *awss3.Client
}

type address struct {
	TLS   string `json:"tls"`
	Admin string `json:"admin"`
}

func startServer(t *testing.T) *server {
	t.Helper()
	binary := os.Getenv(binaryVariable)
	if binary == "" {
		t.Skipf("%s is not set: run this test through make", binaryVariable)
	}
	dir := t.TempDir()
	ca := writeCertificate(t, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	accounts := fmt.Sprintf(`{"main":{"accessKeyID":%q,"secretAccessKey":%q},"other":{"accessKeyID":"AKIAOTHER000000000","secretAccessKey":"other-secret"}}`,
		accessKey, secretKey)
	writeFile(t, filepath.Join(dir, "accounts.json"), []byte(accounts))

	cmd := exec.CommandContext(context.Background(), binary, "--cert", filepath.Join(dir, "tls.crt"), "--key", filepath.Join(dir, "tls.key"),
		"--domain", "127.0.0.1", "--data-dir", filepath.Join(dir, "data"), "--accounts", filepath.Join(dir, "accounts.json"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var a address
	if err := json.NewDecoder(stdout).Decode(&a); err != nil {
		t.Fatalf("the server did not start: %v\n%s", err, stderr.String())
	}
	s := &server{endpoint: "https://" + a.TLS, admin: "http://" + a.Admin, ca: ca}
	s.client = s.newClient(t)
	return s
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeCertificate(t *testing.T, certFile, keyFile string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "s3"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, certFile, cert)
	writeFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
	return cert
}

// newClient is the test's own way into the server.
func (s *server) newClient(t *testing.T) *awss3.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = pool
	transport.Proxy = nil
	t.Cleanup(transport.CloseIdleConnections)
	return awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

// call talks to the server's admin API.
func (s *server) call(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.admin+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
	if answer != nil {
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			t.Fatal(err)
		}
	}
}

type fault struct {
	Match      match             `json:"match"`
	Status     int               `json:"status,omitempty"`
	Code       string            `json:"code,omitempty"`
	RetryAfter int               `json:"retryAfter,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Blackhole  bool              `json:"blackhole,omitempty"`
	Times      int               `json:"times,omitempty"`
}

type match struct {
	Method string `json:"method,omitempty"`
	Query  string `json:"query,omitempty"`
}

// inject makes requests fail until the test ends.
func (s *server) inject(t *testing.T, faults ...fault) {
	t.Helper()
	s.call(t, http.MethodPut, "/faults", faults, nil)
	t.Cleanup(func() {
		// The test's own context is over.
		request, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, s.admin+"/faults", nil)
		if err != nil {
			t.Error(err)
			return
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
	})
}

type record struct {
	Seq    int64    `json:"seq"`
	Bucket string   `json:"bucket"`
	Method string   `json:"method"`
	Query  []string `json:"query"`
	Status int      `json:"status"`
	Body   string   `json:"body"`
	Agent  string   `json:"userAgent"`
}

func (r record) String() string { return fmt.Sprintf("%s?%v=%d", r.Method, r.Query, r.Status) }

// requests are those that during causes.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	_, last := s.recorded(t, 0)
	during()
	// A request is recorded after it has been answered. Once a later one shows, those before it have arrived.
	sentinel := fmt.Sprintf("sentinel-%d", last)
	_, _ = s.client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &sentinel})
	for deadline := time.Now().Add(10 * time.Second); ; {
		records, _ := s.recorded(t, last)
		if i := slices.IndexFunc(records, func(r record) bool { return r.Bucket == sentinel }); i >= 0 {
			return slices.Delete(records, i, i+1)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not record the last request: %v", records)
		}
	}
}

func (s *server) recorded(t *testing.T, after int64) (records []record, last int64) {
	t.Helper()
	var answer struct {
		Last     int64    `json:"last"`
		Requests []record `json:"requests"`
	}
	s.call(t, http.MethodGet, fmt.Sprintf("/requests?after=%d", after), nil, &answer)
	return answer.Requests, answer.Last
}

func (s *server) exists(t *testing.T, bucket string) bool {
	t.Helper()
	var buckets []struct {
		Name string `json:"name"`
	}
	s.call(t, http.MethodGet, "/buckets", nil, &buckets)
	for _, b := range buckets {
		if b.Name == bucket {
			return true
		}
	}
	return false
}

func (s *server) fill(t *testing.T, bucket string, objects int) {
	t.Helper()
	keys := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for key := range keys {
				_, err := s.client.PutObject(t.Context(), &awss3.PutObjectInput{
					Bucket: &bucket, Key: aws.String(fmt.Sprintf("docker/registry/v2/blobs/%d", key)), Body: bytes.NewReader([]byte("x")),
				})
				if err != nil {
					t.Errorf("putting object %d: %v", key, err)
				}
			}
		})
	}
	for key := range objects {
		keys <- key
	}
	close(keys)
	workers.Wait()
}

// driver has short deadlines and small steps, as tests need them.
func driver(*testing.T) storage.Driver {
	return s3.Driver(s3.Options{CallTimeout: 2 * time.Second, StepObjects: 1000})
}

// inputs are for a bucket of the server.
func (s *server) inputs(_ *testing.T, bucket string) storage.Inputs {
	return storage.Inputs{
		Coordinates: storage.Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{
			Bucket: bucket, Region: "us-east-1", RegionEndpoint: s.endpoint,
			TrustedCA: imageregistryv1.S3TrustedCASource{Name: trustedCA},
		}},
		Infrastructure: infrastructure("infra-x1"),
		MintedSecret:   secret(names.CloudCredentials, "aws_access_key_id", accessKey, "aws_secret_access_key", secretKey),
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			if namespace == names.UserConfigNamespace && name == trustedCA {
				return &corev1.ConfigMap{Data: map[string]string{"ca-bundle.crt": string(s.ca)}}, nil
			}
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
		Version: "4.99.0",
	}
}

func infrastructure(name string, tags ...configv1.AWSResourceTag) *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: name,
		PlatformStatus: &configv1.PlatformStatus{
			Type: configv1.AWSPlatformType, AWS: &configv1.AWSPlatformStatus{Region: "us-east-1", ResourceTags: tags},
		},
	}}
}

func secret(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}
