package s3_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func TestConformance(t *testing.T) {
	s := startServer(t, "--versioning")
	storagetest.Run(t, storagetest.Harness{
		Driver:    driver,
		Impatient: impatient,
		Inputs:    s.inputs,
		Exists:    s.exists,
		Existing:  s.bare,
		Foreign: func(t *testing.T, name string) {
			t.Helper()
			s.call(t, "PUT", "/buckets/"+name+"?account=other", nil, nil)
		},
		TakenReason: "Unable to Access Bucket",
		Named:       "named-and-absent",
		Fill:        s.fill,
		Count:       func(t *testing.T, name string) int { t.Helper(); return len(s.keys(t, name)) },
		Remnants:    s.remnants,
		HalfMade:    s.bare,
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_S3_ACCESSKEY", "AKIAGONE0000000000", "REGISTRY_STORAGE_S3_SECRETKEY", "gone")
			return in
		},
		RevokedReason: "InvalidAccessKeyId",
		Expired: func(t *testing.T) {
			t.Helper()
			s.inject(t, storagetest.Fault{Status: 400, Code: "ExpiredToken", Message: "The provided token has expired."})
		},
		ExpiredReason: "ExpiredToken",
		Throttle: func(t *testing.T, seconds int) {
			t.Helper()
			s.inject(t, storagetest.Fault{Status: 503, Code: "SlowDown", Message: "Please reduce your request rate.", RetryAfter: seconds})
		},
		Slow: func(t *testing.T, delay time.Duration) func() int {
			t.Helper()
			return s.Slow(t, "admin", delay)
		},
		Silent: func(t *testing.T) { t.Helper(); s.inject(t, storagetest.Fault{Blackhole: true}) },
		Codes:  s.codes(),
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.Coordinates.S3.TrustedCA.Name = ""
			return in
		},
		Cure:  "spec.storage.s3.trustedCA",
		Drift: s.driftOfSettings(),
	})
}

// bare makes a bucket of our account without any setting.
func (s *server) bare(t *testing.T, name string) {
	t.Helper()
	if _, err := s.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

// remnants are a noncurrent version, a delete marker and an unfinished upload: a plain listing shows one object.
func (s *server) remnants(t *testing.T, bucket string) {
	t.Helper()
	var errs []error
	must := func(err error) { errs = append(errs, err) }
	_, err := s.client.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(err)
	for _, key := range []string{"twice", "twice", "deleted"} {
		_, err := s.client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(key)})
		must(err)
	}
	_, err = s.client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("deleted")})
	must(err)
	_, err = s.client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("unfinished")})
	must(err)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	found, err := s.client.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil || len(found.Versions) != 3 || len(found.DeleteMarkers) != 1 || len(s.keys(t, bucket)) != 1 {
		t.Fatalf("remnants are %+v, %v; a plain listing shows %v", found, err, s.keys(t, bucket))
	}
}

func (s *server) codes() []storagetest.Code {
	create := func(status int, code string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			s.inject(t, storagetest.Fault{Match: match{Method: "PUT"}, Status: status, Code: code, Message: "the message"})
		}
	}
	head := func(f storagetest.Fault) func(*testing.T) {
		f.Match = match{Method: "HEAD"}
		return func(t *testing.T) { t.Helper(); s.inject(t, f) }
	}
	return []storagetest.Code{
		{Name: "taken", Answer: create(409, "BucketAlreadyExists"), Status: "False", Reason: "Unable to Access Bucket", Says: "choose another"},
		{Name: "no right to create", Answer: create(403, "AccessDenied"), Status: "False", Reason: "AccessDenied", Says: "the message; give the credentials of secret openshift-image-registry/installer-cloud-credentials this right"},
		{Name: "an invalid name", Answer: create(400, "InvalidBucketName"), Status: "False", Reason: "InvalidBucketName", Says: "the message; choose another in spec.storage.s3.bucket"},
		{Name: "too many buckets", Answer: create(400, "TooManyBuckets"), Status: "False", Reason: "TooManyBuckets", Says: "the message; raise the quota of buckets"},
		{
			Name: "another region", Answer: head(storagetest.Fault{Status: 301, Headers: map[string]string{"X-Amz-Bucket-Region": "eu-west-3"}}),
			Status: "Unknown", Reason: storage.UnknownError, Says: "namely eu-west-3; correct spec.storage.s3.region",
		},
		{Name: "a fault of the server", Answer: head(storagetest.Fault{Status: 500, RetryAfter: 1}), Status: "Unknown", Reason: storage.UnknownError, Says: "InternalServerError"},
	}
}

// managed plans and ensures a bucket of the operator's own.
func (s *server) managed(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result) {
	t.Helper()
	in.Managed = true
	b, err := driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates = plan.Coordinates
	if b, err = driver(t).New(in); err != nil {
		t.Fatal(err)
	}
	result, err := b.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in, result
}

func reasons(conditions []operatorv1.OperatorCondition) string {
	var list []string
	for _, c := range conditions {
		list = append(list, c.Type+"="+string(c.Status)+"/"+c.Reason)
	}
	return strings.Join(list, "\n")
}

func TestNewBucketIsManaged(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	in.Infrastructure = infrastructure("infra-x1", configv1.AWSResourceTag{Key: "team a", Value: "v"}, configv1.AWSResourceTag{Key: "openshift.io/x", Value: "v"})
	var result storage.Result
	requests := s.requests(t, func() { _, result = s.managed(t, in) })

	want := strings.Join([]string{
		"StorageExists=True/Creation Successful",
		"StoragePublicAccessBlocked=True/Public Access Block Successful",
		"StorageTagged=True/Tagging Successful",
		"StorageEncrypted=True/Encryption Successful",
		"StorageIncompleteUploadCleanupEnabled=True/Enable Cleanup Successful",
	}, "\n")
	if diff := cmp.Diff(want, reasons(result.Conditions)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if !result.Created || !result.Coordinates.S3.Encrypt || result.Coordinates.S3.Bucket != "infra-x1-image-registry-us-east-1" {
		t.Errorf("result is %+v", result)
	}
	if got := len(requests); got != 7 {
		t.Errorf("%d requests for a new bucket (HEAD, PUT, HEAD, four settings): %v", got, requests)
	}
	for _, r := range requests {
		if !strings.Contains(r.Agent, "openshift.io cluster-image-registry-operator/4.99.0") {
			t.Errorf("user agent is %q", r.Agent)
		}
	}
	tags := map[string]string{"kubernetes.io/cluster/infra-x1": "owned", "Name": "infra-x1-image-registry", "team a": "v"}
	if diff := cmp.Diff(tags, s.tags(t, result.Coordinates.S3.Bucket)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestManagedBucketInUse(t *testing.T) {
	s := startServer(t)
	in, result := s.managed(t, s.inputs(t, ""))
	in.Coordinates = result.Coordinates
	for name, run := range map[string]func(*testing.T, *server, storage.Inputs){
		"the check is one HEAD":                             checkIsOneHead,
		"settings that hold are read and not written":       settingsThatHold,
		"drift is repaired and what others added stays":     driftIsRepaired,
		"the key changes the encryption":                    keyChangesEncryption,
		"a refused setting fails alone":                     refusedSetting,
		"a setting that failed for a while is tried again":  failedSetting,
		"the bucket of another cluster gets no second mark": otherCluster,
		"a tag that cannot be written is told in an event":  unwrittenTag,
	} {
		t.Run(name, func(t *testing.T) {
			in := in
			in.Coordinates = *in.Coordinates.DeepCopy()
			run(t, s, in)
		})
	}
}

func checkIsOneHead(t *testing.T, s *server, in storage.Inputs) {
	requests := s.requests(t, func() {
		b, err := driver(t).New(in)
		if err != nil {
			t.Fatal(err)
		}
		if plan, err := b.Plan(t.Context()); err != nil || !plan.Exists || plan.Condition.Reason != "S3 Bucket Exists" {
			t.Errorf("plan: %+v, %v", plan, err)
		}
	})
	if len(requests) != 1 || requests[0].Method != "HEAD" {
		t.Errorf("requests: %v", requests)
	}
}

func settingsThatHold(t *testing.T, s *server, in storage.Inputs) {
	s.managed(t, in)
	for _, r := range s.requests(t, func() { s.managed(t, in) }) {
		if r.Method == "PUT" {
			t.Errorf("written again: %v", r)
		}
	}
}

func driftIsRepaired(t *testing.T, s *server, in storage.Inputs) {
	bucket := in.Coordinates.S3.Bucket
	s.drift(t, bucket)
	_, repaired := s.managed(t, in)
	if len(repaired.Notes) != 1 || repaired.Notes[0].Reason != names.EventUpdateAWSTags || repaired.Notes[0].Warning {
		t.Errorf("notes are %+v", repaired.Notes)
	}
	want := map[string]string{"theirs": "stays", "Name": "infra-x1-image-registry", "kubernetes.io/cluster/infra-x1": "owned"}
	if diff := cmp.Diff(want, s.tags(t, bucket)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	rules, err := s.client.GetBucketLifecycleConfiguration(t.Context(), &awss3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
	if err != nil || len(rules.Rules) != 2 || aws.ToString(rules.Rules[0].ID) != "theirs" {
		t.Fatalf("rules are %+v, %v", rules, err)
	}
	if got := rules.Rules[1]; aws.ToString(got.ID) != ourRule || got.Filter == nil || aws.ToString(got.Filter.Prefix) != "" {
		t.Errorf("our rule is %+v, narrowed to %+v", got, got.Filter)
	}
	encryption, err := s.client.GetBucketEncryption(t.Context(), &awss3.GetBucketEncryptionInput{Bucket: &bucket})
	if err != nil || !aws.ToBool(encryption.ServerSideEncryptionConfiguration.Rules[0].BucketKeyEnabled) {
		t.Errorf("encryption is not as we configure it: %+v, %v", encryption, err)
	}
	access, err := s.client.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: &bucket})
	if err != nil || !aws.ToBool(access.PublicAccessBlockConfiguration.BlockPublicPolicy) {
		t.Errorf("public access is not blocked again: %+v, %v", access, err)
	}
}

// ourRule is the name that upgraded clusters know, too.
const ourRule = "cleanup-incomplete-multipart-registry-uploads"

// drift is what others do to the bucket.
func (s *server) drift(t *testing.T, bucket string) {
	t.Helper()
	_, tagging := s.client.PutBucketTagging(t.Context(), &awss3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: []types.Tag{
		{Key: aws.String("theirs"), Value: aws.String("stays")}, {Key: aws.String("Name"), Value: aws.String("wrong")},
	}}})
	_, lifecycle := s.client.PutBucketLifecycleConfiguration(t.Context(), &awss3.PutBucketLifecycleConfigurationInput{
		Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			ID: aws.String("theirs"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
		}, {
			ID: aws.String(ourRule), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
		}}},
	})
	_, encryption := s.client.DeleteBucketEncryption(t.Context(), &awss3.DeleteBucketEncryptionInput{Bucket: &bucket})
	_, access := s.client.PutPublicAccessBlock(t.Context(), &awss3.PutPublicAccessBlockInput{
		Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
	})
	if err := errors.Join(tagging, lifecycle, encryption, access); err != nil {
		t.Fatal(err)
	}
}

func keyChangesEncryption(t *testing.T, s *server, in storage.Inputs) {
	in.Coordinates.S3.KeyID = "arn:aws:kms:us-east-1:1:key/k"
	var body string
	for _, r := range s.requests(t, func() { s.managed(t, in) }) {
		if r.Method == "PUT" && slices.Contains(r.Query, "encryption") {
			body = r.Body
		}
	}
	for _, part := range []string{"aws:kms", in.Coordinates.S3.KeyID, "<BucketKeyEnabled>true</BucketKeyEnabled>"} {
		if !strings.Contains(body, part) {
			t.Errorf("encryption request %q lacks %q", body, part)
		}
	}
}

func refusedSetting(t *testing.T, s *server, in storage.Inputs) {
	s.inject(t, storagetest.Fault{Match: match{Query: "tagging"}, Status: 403, Code: "AccessDenied"})
	_, result := s.managed(t, in)
	got := reasons(result.Conditions)
	if !strings.Contains(got, "StorageTagged=False/AccessDenied") || !strings.Contains(got, "StorageEncrypted=True") {
		t.Errorf("conditions:\n%s", got)
	}
	if result.Incomplete {
		t.Error("a refusal is not a reason to try again soon")
	}
}

func failedSetting(t *testing.T, s *server, in storage.Inputs) {
	s.inject(t, storagetest.Fault{Match: match{Query: "tagging"}, Status: 503, Code: "ServiceUnavailable", RetryAfter: 60})
	if _, result := s.managed(t, in); !result.Incomplete {
		t.Errorf("result is %+v", result)
	}
}

func unwrittenTag(t *testing.T, s *server, in storage.Inputs) {
	in.Infrastructure = infrastructure("infra-x1", configv1.AWSResourceTag{Key: "new", Value: "v"})
	s.inject(t, storagetest.Fault{Match: match{Method: "PUT", Query: "tagging"}, Status: 403, Code: "AccessDenied"})
	_, result := s.managed(t, in)
	if len(result.Notes) != 1 || !result.Notes[0].Warning || result.Notes[0].Reason != names.EventUpdateAWSTags {
		t.Errorf("notes are %+v", result.Notes)
	}
}

func otherCluster(t *testing.T, s *server, in storage.Inputs) {
	in.Infrastructure = infrastructure("infra-x2")
	_, result := s.managed(t, in)
	if got := reasons(result.Conditions); !strings.Contains(got, "StorageTagged=False/StorageNotOwned") {
		t.Errorf("conditions:\n%s", got)
	}
	if tags := s.tags(t, in.Coordinates.S3.Bucket); tags["kubernetes.io/cluster/infra-x2"] != "" {
		t.Errorf("tags are %v", tags)
	}
}

func (s *server) tags(t *testing.T, bucket string) map[string]string {
	t.Helper()
	out, err := s.client.GetBucketTagging(t.Context(), &awss3.GetBucketTaggingInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}
