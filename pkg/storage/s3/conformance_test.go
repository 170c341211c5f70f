package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

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

func TestManagedBucket(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	in.Infrastructure = infrastructure("infra-x1", configv1.AWSResourceTag{Key: "team a", Value: "v"}, configv1.AWSResourceTag{Key: "openshift.io/x", Value: "v"})
	var result storage.Result
	requests := s.requests(t, func() { in, result = s.managed(t, in) })

	want := strings.Join([]string{
		"StorageExists=True/Creation Successful",
		"StoragePublicAccessBlocked=True/Public Access Block Successful",
		"StorageTagged=True/Tagging Successful",
		"StorageEncrypted=True/Encryption Successful",
		"StorageIncompleteUploadCleanupEnabled=True/Enable Cleanup Successful",
	}, "\n")
	if got := reasons(result.Conditions); got != want {
		t.Errorf("conditions:\n%s\nwant:\n%s", got, want)
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
	tags := s.tags(t, result.Coordinates.S3.Bucket)
	if len(tags) != 3 || tags["kubernetes.io/cluster/infra-x1"] != "owned" || tags["Name"] != "infra-x1-image-registry" || tags["team a"] != "v" {
		t.Errorf("tags are %v", tags)
	}

	t.Run("the check is one HEAD", func(t *testing.T) {
		in.Coordinates = result.Coordinates
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
	})
	t.Run("settings that hold are read and not written", func(t *testing.T) {
		for _, r := range s.requests(t, func() { s.managed(t, in) }) {
			if r.Method == "PUT" {
				t.Errorf("written again: %v", r)
			}
		}
	})
	t.Run("drift is repaired and what others added stays", func(t *testing.T) {
		bucket := result.Coordinates.S3.Bucket
		_, err := s.client.PutBucketTagging(t.Context(), &awss3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: []types.Tag{
			{Key: aws.String("theirs"), Value: aws.String("stays")}, {Key: aws.String("Name"), Value: aws.String("wrong")},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.client.PutBucketLifecycleConfiguration(t.Context(), &awss3.PutBucketLifecycleConfigurationInput{
			Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
				ID: aws.String("theirs"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")},
				Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.DeletePublicAccessBlock(t.Context(), &awss3.DeletePublicAccessBlockInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		_, repaired := s.managed(t, in)
		if len(repaired.Notes) != 1 || repaired.Notes[0].Reason != names.EventUpdateAWSTags || repaired.Notes[0].Warning {
			t.Errorf("notes are %+v", repaired.Notes)
		}
		if tags := s.tags(t, bucket); tags["theirs"] != "stays" || tags["Name"] != "infra-x1-image-registry" || tags["kubernetes.io/cluster/infra-x1"] != "owned" {
			t.Errorf("tags are %v", tags)
		}
		rules, err := s.client.GetBucketLifecycleConfiguration(t.Context(), &awss3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
		if err != nil || len(rules.Rules) != 2 || aws.ToString(rules.Rules[0].ID) != "theirs" {
			t.Errorf("rules are %+v, %v", rules, err)
		}
		if _, err := s.client.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: &bucket}); err != nil {
			t.Errorf("public access is not blocked again: %v", err)
		}
	})
	t.Run("the key changes the encryption", func(t *testing.T) {
		in.Coordinates.S3.KeyID = "arn:aws:kms:us-east-1:1:key/k"
		var body string
		for _, r := range s.requests(t, func() { s.managed(t, in) }) {
			if r.Method == "PUT" && len(r.Query) > 0 && r.Query[0] == "encryption" {
				body = r.Body
			}
		}
		for _, part := range []string{"aws:kms", in.Coordinates.S3.KeyID, "<BucketKeyEnabled>true</BucketKeyEnabled>"} {
			if !strings.Contains(body, part) {
				t.Errorf("encryption request %q lacks %q", body, part)
			}
		}
	})
	t.Run("a refused setting fails alone", func(t *testing.T) {
		s.inject(t, fault{Match: match{Query: "tagging"}, Status: 403, Code: "AccessDenied"})
		_, result := s.managed(t, in)
		if got := reasons(result.Conditions); !strings.Contains(got, "StorageTagged=False/AccessDenied") || !strings.Contains(got, "StorageEncrypted=True") {
			t.Errorf("conditions:\n%s", got)
		}
		if result.Incomplete {
			t.Error("a refusal is not a reason to try again soon")
		}
	})
	t.Run("a setting that failed for a while is tried again", func(t *testing.T) {
		s.inject(t, fault{Match: match{Query: "tagging"}, Status: 503, Code: "ServiceUnavailable", RetryAfter: 60})
		if _, result := s.managed(t, in); !result.Incomplete {
			t.Errorf("result is %+v", result)
		}
	})
	t.Run("the bucket of another cluster gets no second mark", func(t *testing.T) {
		in := s.inputs(t, result.Coordinates.S3.Bucket)
		in.Infrastructure = infrastructure("infra-x2")
		_, result := s.managed(t, in)
		if got := reasons(result.Conditions); !strings.Contains(got, "StorageTagged=False/StorageNotOwned") {
			t.Errorf("conditions:\n%s", got)
		}
		if tags := s.tags(t, result.Coordinates.S3.Bucket); tags["kubernetes.io/cluster/infra-x2"] != "" {
			t.Errorf("tags are %v", tags)
		}
	})
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
