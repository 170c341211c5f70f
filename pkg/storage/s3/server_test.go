package s3_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
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
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	accessKey = "AKIAMAIN0000000000"
	secretKey = "main-secret"
	trustedCA = "s3-ca"
	// stsHost is STS's name where a test asks for one: the only name of loopback that needs no DNS.
	stsHost = "localhost"
)

// server is a real S3 server on loopback.
type server struct {
	*storagetest.Server
	endpoint string
	ca       []byte
	client   *awss3.Client
}

func startServer(t *testing.T, arguments ...string) *server {
	t.Helper()
	started := storagetest.Serve(t, storagetest.Program{
		Variable: "S3_SERVER_BINARY",
		Names:    []string{stsHost},
		Files: map[string]any{"accounts.json": map[string]any{
			"main":  map[string]string{"accessKeyID": accessKey, "secretAccessKey": secretKey},
			"other": map[string]string{"accessKeyID": "AKIAOTHER000000000", "secretAccessKey": "other-secret"},
		}},
		Args: append([]string{"--domain", "127.0.0.1", "--data-dir", "{dir}/data", "--accounts", "{dir}/accounts.json"}, arguments...),
	})
	s := &server{Server: started, endpoint: "https://" + started.Addresses["tls"], ca: started.CA}
	s.client = s.newClient(t)
	return s
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
	s.Call(t, "admin", method, path, body, answer)
}

type match struct {
	Method string `json:"method,omitempty"`
	Query  string `json:"query,omitempty"`
}

// inject makes requests fail until the test ends.
func (s *server) inject(t *testing.T, faults ...storagetest.Fault) {
	t.Helper()
	s.Inject(t, "admin", faults...)
}

type record struct {
	Seq    int64    `json:"seq"`
	Bucket string   `json:"bucket"`
	Key    string   `json:"key"`
	Method string   `json:"method"`
	Query  []string `json:"query"`
	Status int      `json:"status"`
	Body   string   `json:"body"`
	Agent  string   `json:"userAgent"`
	Signer string   `json:"accessKeyID"`
	// Action is what STS was asked for, Role whose session signed or who STS was asked to make of somebody.
	Action string `json:"action"`
	Role   string `json:"role"`
}

func (r record) String() string { return fmt.Sprintf("%s?%v=%d", r.Method, r.Query, r.Status) }

// requests are those that during causes.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	return storagetest.Recorded[record](t, s.Server, "admin", during)
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

// driver has small steps, as tests need them.
func driver(*testing.T) storage.Driver { return s3.Driver(s3.Options{StepObjects: 1000}) }

// impatient is for endpoints that never answer.
func impatient(*testing.T) storage.Driver { return s3.Driver(s3.Options{CallTimeout: time.Second}) }

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
