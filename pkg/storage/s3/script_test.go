package s3

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// answer is one answer of a scripted S3 server: the documents are those of the real one.
type answer struct {
	status  int
	code    string
	body    string
	headers map[string]string
}

// script answers calls by their key, "METHOD" or "METHOD query", with the next of its answers, the last for ever.
// Calls without an answer succeed with an empty body.
type script struct {
	mu      sync.Mutex
	answers map[string][]answer
	calls   []string
	bodies  []string
	queries []string
	server  *httptest.Server
}

var subresources = []string{"location", "tagging", "publicAccessBlock", "encryption", "lifecycle", "versions", "uploads", "delete", "list-type", "uploadId"}

func newScript(t *testing.T, answers map[string][]answer) *script {
	t.Helper()
	s := &script{answers: answers}
	s.server = httptest.NewTLSServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method
	for _, name := range subresources {
		if r.URL.Query().Has(name) {
			key += " " + name
			break
		}
	}
	var body strings.Builder
	if r.Body != nil {
		buffer := make([]byte, 1<<20)
		for {
			n, err := r.Body.Read(buffer)
			body.Write(buffer[:n])
			if err != nil {
				break
			}
		}
	}
	s.mu.Lock()
	s.queries = append(s.queries, r.URL.RawQuery)
	s.calls, s.bodies = append(s.calls, key), append(s.bodies, r.Header.Get("Content-MD5")+body.String())
	a := answer{status: http.StatusOK}
	if list := s.answers[key]; len(list) > 0 {
		a = list[0]
		if len(list) > 1 {
			s.answers[key] = list[1:]
		}
	}
	s.mu.Unlock()
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	if a.code != "" && a.body == "" {
		a.body = fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>message of %s</Message><RequestId>%d</RequestId></Error>`, a.code, a.code, len(s.calls))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(a.body))
	}
}

func fails(status int, code string) []answer { return []answer{{status: status, code: code}} }

func gives(body string) []answer { return []answer{{status: 200, body: body}} }

// count is how often a call was made.
func (s *script) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(s.calls), func(c string) bool { return c != key }))
}

func awsInfrastructure(endpoints ...configv1.AWSServiceEndpoint) *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: "infra",
		PlatformStatus: &configv1.PlatformStatus{Type: configv1.AWSPlatformType, AWS: &configv1.AWSPlatformStatus{
			Region: "us-west-2", ServiceEndpoints: endpoints,
		}},
	}}
}

func opaque(name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func configMaps(content map[string]string) func(string, string) (*corev1.ConfigMap, error) {
	return func(namespace, name string) (*corev1.ConfigMap, error) {
		for path, text := range content {
			place, key, _ := strings.Cut(path, ":")
			if place == namespace+"/"+name {
				return &corev1.ConfigMap{Data: map[string]string{key: text}}, nil
			}
		}
		return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
	}
}

func staticCredentials() *corev1.Secret {
	return opaque(names.CloudCredentials, map[string]string{mintedAccessKey: "AKIAX", mintedSecretKey: "s3cr3t"})
}

// inputs are for a bucket of the scripted server.
func (s *script) inputs(bucket string) storage.Inputs {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	return storage.Inputs{
		Coordinates: storage.Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{
			Bucket: bucket, Region: "us-west-2", RegionEndpoint: s.server.URL,
		}},
		Infrastructure: awsInfrastructure(),
		MintedSecret:   staticCredentials(),
		ConfigMap:      configMaps(map[string]string{"openshift-config-managed/kube-cloud-config:ca-bundle.pem": string(ca)}),
		Version:        "1",
	}
}

func (s *script) backend(t *testing.T, bucket string, edits ...func(*storage.Inputs)) storage.Backend {
	t.Helper()
	in := s.inputs(bucket)
	for _, edit := range edits {
		edit(&in)
	}
	b, err := Driver(Options{CallTimeout: 5 * time.Second}).New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func managed(in *storage.Inputs) { in.Managed = true }
func created(in *storage.Inputs) { in.Created = true }
func decide(in *storage.Inputs)  { in.Decide = true }
