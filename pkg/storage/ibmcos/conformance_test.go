package ibmcos_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func TestConformance(t *testing.T) {
	s := startServer(t, "-provisioning", "2")
	storagetest.Run(t, storagetest.Harness{
		Driver:      driver,
		Impatient:   impatient,
		Inputs:      s.inputs,
		Exists:      func(t *testing.T, name string) bool { t.Helper(); _, found := s.buckets(t)[name]; return found },
		Existing:    func(t *testing.T, name string) { t.Helper(); s.createBucket(t, "main", name) },
		Foreign:     func(t *testing.T, name string) { t.Helper(); s.createBucket(t, "other", name) },
		TakenReason: "Unable to Access Bucket",
		Named:       "named-and-absent",
		Fill:        s.put,
		Count:       func(t *testing.T, name string) int { t.Helper(); return s.buckets(t)[name] },
		Remnants:    s.remnants,
		// Nothing is half made: a bucket has no settings, and TestCrashes stops after each thing that is made.
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_IBMCOS_IAMAPIKEY", "revoked")
			return in
		},
		RevokedReason: "BXNIM0415E",
		Expired: func(t *testing.T) {
			t.Helper()
			s.Inject(t, "admin", storagetest.Fault{Match: match{Service: "ResourceController"}, Status: 401, Code: "RC-UnauthorizedError", Message: "The token has expired"})
		},
		ExpiredReason: "RC-UnauthorizedError",
		Throttle: func(t *testing.T, seconds int) {
			t.Helper()
			s.Inject(t, "admin", storagetest.Fault{Match: match{Service: "IAM"}, Status: 429, Code: "TooManyRequests", RetryAfter: seconds})
		},
		Slow: func(t *testing.T, delay time.Duration) func() int {
			t.Helper()
			services, objects := s.Slow(t, "admin", delay), s.Slow(t, "s3admin", delay)
			return func() int { return min(services(), objects()) }
		},
		Silent: func(t *testing.T) { t.Helper(); s.Inject(t, "s3admin", storagetest.Fault{Blackhole: true}) },
		Codes:  s.codes(),
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.ConfigMap = func(_, name string) (*corev1.ConfigMap, error) {
				return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
			}
			return in
		},
		Cure:  names.KubeCloudConfig,
		Drift: s.driftOfKey(),
	})
}

// createBucket makes a bucket past the backend.
func (s *server) createBucket(t *testing.T, account, name string) {
	t.Helper()
	s.Call(t, "s3admin", http.MethodPut, "/buckets/"+name+"?account="+account, nil, nil)
}

// remnants leaves an unfinished upload, which no listing of objects shows.
func (s *server) remnants(t *testing.T, bucket string) {
	t.Helper()
	upload, err := s.client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("unfinished")})
	if err == nil {
		_, err = s.client.UploadPart(t.Context(), &awss3.UploadPartInput{
			Bucket: &bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) codes() []storagetest.Code {
	service := func(service, method string, status int, code string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			s.Inject(t, "admin", storagetest.Fault{Match: match{Service: service, Method: method}, Status: status, Code: code, Message: "the message"})
		}
	}
	create := func(status int, code string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			s.Inject(t, "s3admin", storagetest.Fault{Match: storageMatch{"PUT"}, Status: status, Code: code, Message: "the message"})
		}
	}
	return []storagetest.Code{
		{Name: "a locked API key", Answer: service("IAM", "", 400, "BXNIM0462E"), Status: "False", Reason: "BXNIM0462E", Says: "correct the secret"},
		{Name: "a policy is missing", Answer: service("ResourceController", "GET", 403, "RC-IamForbidden"), Status: "False", Reason: "RC-IamForbidden", Says: "grant"},
		{Name: "an invalid bucket name", Answer: create(400, "InvalidBucketName"), Status: "False", Reason: "InvalidBucketName", Says: "the message; choose another in spec.storage.ibmcos.bucket"},
		{Name: "no right to create buckets", Answer: create(403, "AccessDenied"), Status: "False", Reason: "AccessDenied", Says: "the message; give the credentials of secret"},
	}
}
