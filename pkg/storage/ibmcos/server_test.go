package ibmcos_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
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
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/ibmcos"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	location  = "us-south"
	group     = "cluster-group"
	infra     = "infra-x1"
	mainKey   = "main-api-key"
	otherKey  = "other-api-key"
	accessKey = "0123456789abcdefmain"
	secretKey = "main-hmac-secret"
)

// server is IBM Cloud on loopback. Its admin listeners are admin, for the services, and s3admin, for storage.
type server struct {
	*storagetest.Server
	cos, services string
	ca            []byte
	client        *awss3.Client
}

func startServer(t *testing.T, arguments ...string) *server {
	t.Helper()
	account := func(id, key, access, secret string) map[string]any {
		return map[string]any{"id": id, "apiKey": key, "hmac": map[string]string{"accessKeyID": access, "secretAccessKey": secret}}
	}
	started := storagetest.Serve(t, storagetest.Program{
		Variable: "IBM_SERVER_BINARY",
		Files: map[string]any{"accounts.json": map[string]any{
			"main":  account("mainaccount", mainKey, accessKey, secretKey),
			"other": account("otheraccount", otherKey, "0123456789abcdefother", "other-hmac-secret"),
		}},
		Args: append([]string{
			"--data-dir", "{dir}/data", "--location", location, "--group", group, "--accounts", "{dir}/accounts.json",
		}, arguments...),
	})
	s := &server{Server: started, cos: "https://" + started.Addresses["cos"], services: "https://" + started.Addresses["services"], ca: started.CA}
	s.client = s.newClient(t)
	return s
}

// newClient is the test's own way into the storage, with the HMAC pair of the account.
func (s *server) newClient(t *testing.T) *awss3.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = pool
	transport.Proxy = nil
	t.Cleanup(transport.CloseIdleConnections)
	return awss3.New(awss3.Options{
		Region: location, BaseEndpoint: aws.String(s.cos), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

// match selects requests of the services to fail, storageMatch those of storage.
type match struct {
	Service    string `json:"service,omitempty"`
	Method     string `json:"method,omitempty"`
	PathPrefix string `json:"pathPrefix,omitempty"`
}

type storageMatch struct {
	Method string `json:"method,omitempty"`
}

// ready is a service instance with a key, past the API.
type ready struct {
	Instance, Key string
}

func (s *server) ready(t *testing.T, name string) ready {
	t.Helper()
	var made ready
	s.Call(t, "admin", http.MethodPut, "/instances/"+name+"?account=main", nil, &made)
	return made
}

type record struct {
	Service, Method, Path string
	Status                int
}

func (r record) String() string { return r.Service + " " + r.Method + " " + r.Path }

// requests are those of the services that during causes.
func (s *server) requests(t *testing.T, during func()) []record {
	t.Helper()
	return storagetest.Recorded[record](t, s.Server, "admin", during)
}

// buckets are those of the storage with the number of their objects.
func (s *server) buckets(t *testing.T) map[string]int {
	t.Helper()
	var list []struct {
		Name    string
		Objects int
	}
	s.Call(t, "s3admin", http.MethodGet, "/buckets", nil, &list)
	buckets := map[string]int{}
	for _, b := range list {
		buckets[b.Name] = b.Objects
	}
	return buckets
}

// driver has small steps, as tests need them.
func driver(*testing.T) storage.Driver { return ibmcos.Driver(ibmcos.Options{StepObjects: 1000}) }

// impatient is for endpoints that never answer.
func impatient(*testing.T) storage.Driver {
	return ibmcos.Driver(ibmcos.Options{CallTimeout: time.Second})
}

func (s *server) infrastructure() *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: infra,
		PlatformStatus: &configv1.PlatformStatus{Type: configv1.IBMCloudPlatformType, IBMCloud: &configv1.IBMCloudPlatformStatus{
			Location: location, ResourceGroupName: group,
			ServiceEndpoints: []configv1.IBMCloudServiceEndpoint{
				{Name: configv1.IBMCloudServiceCOS, URL: s.cos},
				{Name: configv1.IBMCloudServiceIAM, URL: s.services},
				{Name: configv1.IBMCloudServiceResourceController, URL: s.services},
				{Name: configv1.IBMCloudServiceResourceManager, URL: s.services},
			},
		}},
	}}
}

// inputs are for a bucket; one with a name is in an instance that somebody else made.
func (s *server) inputs(t *testing.T, bucket string) storage.Inputs {
	t.Helper()
	c := &imageregistryv1.ImageRegistryConfigStorageIBMCOS{Bucket: bucket}
	if bucket != "" {
		made := s.ready(t, "theirs-"+bucket)
		c.ServiceInstanceCRN, c.ResourceKeyCRN = made.Instance, made.Key
	}
	return storage.Inputs{
		Coordinates:    storage.Coordinates{IBMCOS: c},
		Infrastructure: s.infrastructure(),
		MintedSecret:   secret(names.CloudCredentials, "ibmcloud_api_key", mainKey),
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			if namespace == names.ManagedConfigNamespace && name == names.KubeCloudConfig {
				return &corev1.ConfigMap{Data: map[string]string{names.KubeCloudConfigCAKey: string(s.ca)}}, nil
			}
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
		Version: "4.99.0",
	}
}

func secret(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}

// put stores objects with the HMAC pair, as the registry does.
func (s *server) put(t *testing.T, bucket string, objects int) {
	t.Helper()
	slots := make(chan int)
	done := make(chan error, 16)
	for range cap(done) {
		go func() {
			var failed error
			for i := range slots {
				_, err := s.client.PutObject(t.Context(), &awss3.PutObjectInput{
					Bucket: &bucket, Key: aws.String(fmt.Sprintf("docker/registry/v2/blobs/%d", i)), Body: bytes.NewReader([]byte("x")),
				})
				failed = err
			}
			done <- failed
		}()
	}
	for i := range objects {
		slots <- i
	}
	close(slots)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
