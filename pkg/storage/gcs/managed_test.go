package gcs_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func find(t *testing.T, result storage.Result, conditionType string) operatorv1.OperatorCondition {
	t.Helper()
	for _, c := range result.Conditions {
		if c.Type == conditionType {
			return c
		}
	}
	t.Fatalf("no %s in %+v", conditionType, result.Conditions)
	return operatorv1.OperatorCondition{}
}

func expectCondition(t *testing.T, result storage.Result, conditionType, want, says string) {
	t.Helper()
	c := find(t, result, conditionType)
	if string(c.Status)+"/"+c.Reason != want || !strings.Contains(c.Message, says) {
		t.Errorf("%s is %s/%s: %s; want %s with %q", conditionType, c.Status, c.Reason, c.Message, want, says)
	}
}

func TestManagedBucketInUse(t *testing.T) {
	s := startServer(t)
	in, _ := s.managed(t, s.inputs(t, ""))
	for name, run := range map[string]func(*testing.T, *server, storage.Inputs){
		"drift is repaired and what others added stays":     driftIsRepaired,
		"a changed key changes the encryption":              keyChangesEncryption,
		"a key that is refused fails alone":                 refusedKey,
		"public access is told where it cannot be mended":   refusedPublicAccess,
		"a setting that failed for a while is tried again":  failedSetting,
		"the bucket of another cluster gets no second mark": otherCluster,
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := s.bucket(t, in.Coordinates.GCS.Bucket)
			t.Cleanup(func() { s.restore(t, before) })
			in := in
			in.Coordinates = *in.Coordinates.DeepCopy()
			run(t, s, in)
		})
	}
}

func driftIsRepaired(t *testing.T, s *server, in storage.Inputs) {
	name := in.Coordinates.GCS.Bucket
	s.make(t, name, "main", attributes{Labels: map[string]string{"theirs": "x", "team": "other"}})
	requests := s.requests(t, func() { s.ensure(t, in) })
	var writes []string
	for _, r := range requests {
		if r.Method != http.MethodGet {
			writes = append(writes, r.Method+" "+strings.TrimSpace(r.Body))
		}
	}
	if diff := cmp.Diff([]string{
		`PATCH {"labels":{"` + mark + `":"owned","team":"registry"}}`, `PATCH {"iamConfiguration":{"publicAccessPrevention":"enforced"}}`,
	}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	mended, _ := s.bucket(t, name)
	if diff := cmp.Diff(map[string]string{"theirs": "x", "team": "registry", mark: "owned"}, mended.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func keyChangesEncryption(t *testing.T, s *server, in storage.Inputs) {
	in.Coordinates.GCS.KeyID = key
	expectCondition(t, s.ensure(t, in), names.StorageEncrypted, "True/Encryption Successful", key)
	if made, _ := s.bucket(t, in.Coordinates.GCS.Bucket); made.Encryption == nil || made.Encryption.DefaultKMSKeyName != key {
		t.Errorf("encryption is %+v", made.Encryption)
	}
}

func refusedKey(t *testing.T, s *server, in storage.Inputs) {
	in.Coordinates.GCS.KeyID = "not-a-key"
	result := s.ensure(t, in)
	expectCondition(t, result, names.StorageEncrypted, "False/400", "Malformed Cloud KMS crypto key")
	expectCondition(t, result, names.StorageExists, "True/GCS Bucket Exists", "")
	if result.Incomplete || result.Coordinates.GCS == nil {
		t.Errorf("result is %+v", result)
	}
}

func refusedPublicAccess(t *testing.T, s *server, in storage.Inputs) {
	s.make(t, in.Coordinates.GCS.Bucket, "main", attributes{Labels: map[string]string{mark: "owned", "team": "registry"}})
	s.set(t, world{Rights: requested(t)})
	result := s.ensure(t, in)
	expectCondition(t, result, names.StoragePublicAccessBlocked, "False/403", "storage.buckets.setIamPolicy")
	if result.Incomplete {
		t.Error("a refusal is tried again at each check")
	}
}

func failedSetting(t *testing.T, s *server, in storage.Inputs) {
	s.make(t, in.Coordinates.GCS.Bucket, "main", attributes{})
	s.inject(t, storagetest.Fault{Match: match{Method: http.MethodPatch}, Status: http.StatusServiceUnavailable, Message: "Backend Error"})
	result := s.ensure(t, in)
	expectCondition(t, result, names.StorageLabeled, "False/503", "Backend Error")
	if !result.Incomplete {
		t.Error("a fault of the server is not tried again")
	}
}

func otherCluster(t *testing.T, s *server, in storage.Inputs) {
	labels := map[string]string{"kubernetes-io-cluster-other": "owned"}
	s.make(t, in.Coordinates.GCS.Bucket, "main", attributes{Labels: labels})
	expectCondition(t, s.ensure(t, in), names.StorageLabeled, "False/409", "belongs to another cluster (label kubernetes-io-cluster-other)")
	if have, _ := s.bucket(t, in.Coordinates.GCS.Bucket); !cmp.Equal(have.Labels, labels) {
		t.Errorf("labels are %v", have.Labels)
	}
}

func TestTags(t *testing.T) {
	s := startServer(t)
	posts := func(t *testing.T, during func()) (bound []string) {
		for _, r := range s.requests(t, during) {
			if r.Method == http.MethodPost && r.Path == "/v3/tagBindings" {
				bound = append(bound, r.Body)
			}
		}
		return bound
	}
	t.Run("none are wanted", func(t *testing.T) {
		in := s.inputs(t, "")
		in.Infrastructure.Status.PlatformStatus.GCP.ResourceTags = nil
		var result storage.Result
		for _, r := range s.requests(t, func() { _, result = s.managed(t, in) }) {
			if strings.HasPrefix(r.Path, "/v3/") {
				t.Errorf("asked for tags: %v", r)
			}
		}
		expectCondition(t, result, names.StorageTagged, "False/SuccessTaggingBucket", "no resource tags")
		if result.Incomplete {
			t.Error("nothing to bind is not done")
		}
	})
	t.Run("an inherited tag is not bound, on whatever page of the listing it is", func(t *testing.T) {
		s.set(t, world{InheritedTags: []string{"1/a/a", "1/b/b", "1/c/c", resourceTags[1]}})
		var in storage.Inputs
		bound := posts(t, func() { in, _ = s.managed(t, s.inputs(t, "")) })
		if len(bound) != 2 || strings.Contains(strings.Join(bound, ""), resourceTags[1]) {
			t.Errorf("bound %v", bound)
		}
		if again := posts(t, func() { s.ensure(t, in) }); len(again) > 0 {
			t.Errorf("bound again: %v", again)
		}
	})
	t.Run("a listing that is refused binds all, and what is bound already is a success", func(t *testing.T) {
		in, _ := s.managed(t, s.inputs(t, ""))
		s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/v3/effectiveTags"}, Status: http.StatusForbidden})
		var result storage.Result
		if bound := posts(t, func() { result = s.ensure(t, in) }); len(bound) != len(resourceTags) {
			t.Errorf("bound %v", bound)
		}
		expectCondition(t, result, names.StorageTagged, "True/SuccessTaggingBucket", "")
	})
	t.Run("a refused binding is told, the others are made, and the storage serves", func(t *testing.T) {
		s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/v3/tagBindings"}, Status: http.StatusForbidden, Message: "no access to the tag value", Times: 1})
		in, result := s.managed(t, s.inputs(t, ""))
		expectCondition(t, result, names.StorageTagged, "False/ErrorTaggingBucket", resourceTags[0]+": 403: no access to the tag value")
		expectCondition(t, result, names.StorageExists, "True/Creation Successful", "")
		if made, _ := s.bucket(t, in.Coordinates.GCS.Bucket); !slices.Equal(made.Tags, resourceTags[1:]) {
			t.Errorf("tags are %v", made.Tags)
		}
		expectCondition(t, s.ensure(t, in), names.StorageTagged, "True/SuccessTaggingBucket", "")
	})
	t.Run("a throttled binding is left for the next time", func(t *testing.T) {
		s.inject(t, storagetest.Fault{Match: match{PathPrefix: "/v3/tagBindings"}, Status: http.StatusTooManyRequests})
		var result storage.Result
		if bound := posts(t, func() { _, result = s.managed(t, s.inputs(t, "")) }); len(bound) != 1 || !result.Incomplete {
			t.Errorf("after %v the result is %+v", bound, result)
		}
	})
	t.Run("an operation is asked for each time until it ends", func(t *testing.T) {
		in := s.inputs(t, "")
		in.Infrastructure.Status.PlatformStatus.GCP.ResourceTags = []configv1.GCPResourceTag{{ParentID: "main-project", Key: "env", Value: "test"}}
		s.set(t, world{OperationPolls: 3})
		driver := s.driver(t)
		ensure := func() storage.Result {
			b, err := driver.New(in)
			if err != nil {
				t.Fatal(err)
			}
			result, err := b.Ensure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		in.Managed = true
		plan, err := s.backend(t, in).Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.Coordinates = plan.Coordinates
		bound := posts(t, func() {
			for range 2 {
				result := ensure()
				expectCondition(t, result, names.StorageTagged, "False/ErrorTaggingBucket", "has not ended")
				if !result.Incomplete || result.Coordinates.GCS == nil {
					t.Errorf("result is %+v", result)
				}
			}
			expectCondition(t, ensure(), names.StorageTagged, "True/SuccessTaggingBucket", "")
		})
		if len(bound) != 1 {
			t.Errorf("bound %d times", len(bound))
		}
	})
}
