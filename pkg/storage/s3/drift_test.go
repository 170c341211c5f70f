package s3_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// settings are the subresources of a bucket that Ensure writes.
var settings = []string{"publicAccessBlock", "tagging", "encryption", "lifecycle"}

// driftOfSettings is drift for the conformance suite.
func (s *server) driftOfSettings() *storagetest.Drift {
	spoil := func(change func(t *testing.T, bucket *string) error) func(*testing.T, storage.Inputs) {
		return func(t *testing.T, in storage.Inputs) {
			t.Helper()
			if err := change(t, &in.Coordinates.S3.Bucket); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &storagetest.Drift{
		Inputs: func(t *testing.T) storage.Inputs { t.Helper(); return s.inputs(t, "") },
		Spoil: map[string]func(*testing.T, storage.Inputs){
			"no encryption": spoil(func(t *testing.T, bucket *string) error {
				_, err := s.client.DeleteBucketEncryption(t.Context(), &awss3.DeleteBucketEncryptionInput{Bucket: bucket})
				return err
			}),
			"no block of public access": spoil(func(t *testing.T, bucket *string) error {
				_, err := s.client.DeletePublicAccessBlock(t.Context(), &awss3.DeletePublicAccessBlockInput{Bucket: bucket})
				return err
			}),
			"half a block of public access": spoil(func(t *testing.T, bucket *string) error {
				_, err := s.client.PutPublicAccessBlock(t.Context(), &awss3.PutPublicAccessBlockInput{
					Bucket: bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
				})
				return err
			}),
			"no tags": spoil(func(t *testing.T, bucket *string) error {
				_, err := s.client.DeleteBucketTagging(t.Context(), &awss3.DeleteBucketTaggingInput{Bucket: bucket})
				return err
			}),
			"no lifecycle": spoil(func(t *testing.T, bucket *string) error {
				_, err := s.client.DeleteBucketLifecycle(t.Context(), &awss3.DeleteBucketLifecycleInput{Bucket: bucket})
				return err
			}),
		},
		Settings: func(t *testing.T, in storage.Inputs) string {
			t.Helper()
			return s.settings(t, in.Coordinates.S3.Bucket)
		},
		Calls: func(t *testing.T, during func()) int { t.Helper(); return len(s.requests(t, during)) },
		Refuse: func(t *testing.T) {
			t.Helper()
			var faults []storagetest.Fault
			for _, setting := range settings {
				faults = append(faults, storagetest.Fault{Match: match{Method: http.MethodGet, Query: setting}, Status: http.StatusForbidden, Code: "AccessDenied"})
			}
			s.inject(t, faults...)
		},
	}
}

// settings are those of a bucket; one that is not set is empty.
func (s *server) settings(t *testing.T, bucket string) string {
	t.Helper()
	access, err := s.client.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: &bucket})
	all := []string{shown(t, err, func() any { return access.PublicAccessBlockConfiguration })}
	tags, err := s.client.GetBucketTagging(t.Context(), &awss3.GetBucketTaggingInput{Bucket: &bucket})
	all = append(all, shown(t, err, func() any {
		// They come in no particular order.
		return slices.SortedFunc(slices.Values(tags.TagSet), func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	}))
	encryption, err := s.client.GetBucketEncryption(t.Context(), &awss3.GetBucketEncryptionInput{Bucket: &bucket})
	all = append(all, shown(t, err, func() any { return encryption.ServerSideEncryptionConfiguration.Rules }))
	lifecycle, err := s.client.GetBucketLifecycleConfiguration(t.Context(), &awss3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
	return strings.Join(append(all, shown(t, err, func() any { return lifecycle.Rules })), "\n")
}

func shown(t *testing.T, err error, setting func() any) string {
	t.Helper()
	if err != nil {
		return ""
	}
	text, err := json.Marshal(setting())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSettingsThatAreNotInEffectAreNotCompared: a check asks a server only for what it has taken.
func TestSettingsThatAreNotInEffectAreNotCompared(t *testing.T) {
	s := startServer(t)
	for name, c := range map[string]struct {
		fault storagetest.Fault
		looks string
	}{
		"a server that does not know a setting": {
			storagetest.Fault{Match: match{Query: "publicAccessBlock"}, Status: 501, Code: "NotImplemented"},
			"[[] [StorageTagged] [StorageEncrypted] [StorageIncompleteUploadCleanupEnabled]]",
		},
		"a right to write without the one to read": {
			storagetest.Fault{Match: match{Method: "GET", Query: "encryption"}, Status: 403, Code: "AccessDenied"},
			"[[] [StoragePublicAccessBlocked] [StorageTagged] [StorageIncompleteUploadCleanupEnabled]]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := s.managed(t, s.inputs(t, ""))
			s.inject(t, c.fault)
			if _, result := s.managed(t, in); fmt.Sprint(result.Looks) != c.looks {
				t.Errorf("looks are %v, want %s", result.Looks, c.looks)
			}
		})
	}
	t.Run("what the administrator has made", func(t *testing.T) {
		s.bare(t, "theirs")
		b, err := driver(t).New(s.inputs(t, "theirs"))
		if err != nil {
			t.Fatal(err)
		}
		if result, err := b.Ensure(t.Context()); err != nil || len(result.Looks) > 0 {
			t.Errorf("looks are %v, %v", result.Looks, err)
		}
	})
}

// TestCheckThatCannotReadASetting: neither a bucket that is gone nor a server that is at fault is mistaken for drift.
func TestCheckThatCannotReadASetting(t *testing.T) {
	s := startServer(t)
	in, _ := s.managed(t, s.inputs(t, ""))
	in.Look = storage.Look{names.StorageEncrypted}
	plan := func(t *testing.T) storage.Plan {
		t.Helper()
		b, err := driver(t).New(in)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := b.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	t.Run("a fault that may pass is left to the next turn", func(t *testing.T) {
		s.inject(t, storagetest.Fault{Match: match{Method: "GET", Query: "encryption"}, Status: 500, Code: "InternalError"})
		if got := plan(t); !got.Exists || got.Unread || got.Drifted != "" {
			t.Errorf("plan is %+v", got)
		}
	})
	t.Run("a bucket that is gone is gone", func(t *testing.T) {
		removeAll(t, in)
		if got := plan(t); got.Exists || got.Drifted != "" || got.Condition == nil || got.Condition.Status != "False" {
			t.Errorf("plan is %+v", got)
		}
	})
}
