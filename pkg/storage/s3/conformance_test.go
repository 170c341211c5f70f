package s3_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

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
	s := startServer(t)
	storagetest.Run(t, storagetest.Harness{
		Driver: driver,
		Inputs: s.inputs,
		Exists: s.exists,
		Existing: func(t *testing.T, name string) {
			t.Helper()
			if _, err := s.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
				t.Fatal(err)
			}
		},
		Foreign:     func(t *testing.T, name string) { s.call(t, "PUT", "/buckets/"+name+"?account=other", nil, nil) },
		TakenReason: "Unable to Access Bucket",
		Fill:        s.fill,
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_S3_ACCESSKEY", "AKIAGONE0000000000", "REGISTRY_STORAGE_S3_SECRETKEY", "gone")
			return in
		},
		RevokedReason: "InvalidAccessKeyId",
		Silent:        func(t *testing.T) { s.inject(t, fault{Blackhole: true}) },
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.Coordinates.S3.TrustedCA.Name = ""
			return in
		},
		Cure: "spec.storage.s3.trustedCA",
	})
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
		t.Errorf("rules are %+v, %v", rules, err)
	}
	access, err := s.client.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: &bucket})
	if err != nil || !aws.ToBool(access.PublicAccessBlockConfiguration.BlockPublicPolicy) {
		t.Errorf("public access is not blocked again: %+v, %v", access, err)
	}
}

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
		}}},
	})
	_, access := s.client.PutPublicAccessBlock(t.Context(), &awss3.PutPublicAccessBlockInput{
		Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
	})
	if err := errors.Join(tagging, lifecycle, access); err != nil {
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
	s.inject(t, fault{Match: match{Query: "tagging"}, Status: 403, Code: "AccessDenied"})
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
	s.inject(t, fault{Match: match{Query: "tagging"}, Status: 503, Code: "ServiceUnavailable", RetryAfter: 60})
	if _, result := s.managed(t, in); !result.Incomplete {
		t.Errorf("result is %+v", result)
	}
}

func unwrittenTag(t *testing.T, s *server, in storage.Inputs) {
	in.Infrastructure = infrastructure("infra-x1", configv1.AWSResourceTag{Key: "new", Value: "v"})
	s.inject(t, fault{Match: match{Method: "PUT", Query: "tagging"}, Status: 403, Code: "AccessDenied"})
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
