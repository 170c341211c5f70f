package gcs_test

import (
	"net/http"
	"slices"
	"testing"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// driftOfSettings is drift for the conformance suite. Its tag is one that the project has until somebody takes it away.
func (s *server) driftOfSettings() *storagetest.Drift {
	tag := resourceTags[0]
	inherited := []string{tag}
	spoil := func(change func(*attributes)) func(*testing.T, storage.Inputs) {
		return func(t *testing.T, in storage.Inputs) {
			t.Helper()
			bucket, _ := s.bucket(t, in.Coordinates.GCS.Bucket)
			change(&bucket)
			s.restore(t, bucket)
		}
	}
	return &storagetest.Drift{
		Inputs: func(t *testing.T) storage.Inputs {
			t.Helper()
			s.set(t, world{InheritedTags: inherited})
			in := s.inputs(t, "")
			in.Coordinates.GCS.KeyID = key
			in.Infrastructure.Status.PlatformStatus.GCP.ResourceTags = []configv1.GCPResourceTag{{ParentID: "main-project", Key: "env", Value: "test"}}
			return in
		},
		Spoil: map[string]func(*testing.T, storage.Inputs){
			"a label":        spoil(func(a *attributes) { a.Labels["team"] = "other" }),
			"the mark":       spoil(func(a *attributes) { delete(a.Labels, mark) }),
			"the key":        spoil(func(a *attributes) { a.Encryption = nil }),
			"public access":  spoil(func(a *attributes) { a.IAMConfiguration.PublicAccessPrevention = "inherited" }),
			"tags in effect": func(t *testing.T, _ storage.Inputs) { t.Helper(); inherited = nil; s.set(t, world{}) },
		},
		Settings: func(t *testing.T, in storage.Inputs) string {
			t.Helper()
			bucket, _ := s.bucket(t, in.Coordinates.GCS.Bucket)
			bucket.Tags = slices.Compact(slices.Sorted(slices.Values(slices.Concat(bucket.Tags, inherited))))
			return string(encode(t, bucket))
		},
		Calls: func(t *testing.T, during func()) int { t.Helper(); return len(s.requests(t, during)) },
	}
}

// TestTagsThatMayNotBeListed: the right to list tags is lost. The bucket is there, and tags are bound without being compared.
func TestTagsThatMayNotBeListed(t *testing.T) {
	s := startServer(t)
	drift := s.driftOfSettings()
	in, result := s.managed(t, drift.Inputs(t))
	if len(result.Looks) != 2 {
		t.Fatalf("looks are %q", result.Looks)
	}
	in.Look = result.Looks[1]
	s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/v3/effectiveTags"}, Status: http.StatusForbidden})
	plan, err := s.backend(t, in).Plan(t.Context())
	if err != nil || !plan.Exists || !plan.Unread || plan.Drifted != "" {
		t.Errorf("plan is %+v, %v", plan, err)
	}
	if result := s.ensure(t, in); len(result.Looks) != 1 {
		t.Errorf("looks are %q", result.Looks)
	}
}
