package s3_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// beyondRights are rights that the operator tries to use without having asked for them, and why it may.
var beyondRights = map[string]string{
	"s3:ListBucketVersions": "a refusal means that there are no versions to remove: the listing falls back to plain objects",
}

// registryRights are those that only the registry, which shares the credentials, needs.
var registryRights = map[string]string{
	"s3:PutObject":                "pushing",
	"s3:GetObject":                "pulling",
	"s3:ListMultipartUploadParts": "going on with an upload of several requests",
}

// TestRights compares the rights of the credentials request with those that the recorded calls need, in both directions.
func TestRights(t *testing.T) {
	s := startServer(t)
	used := map[bool]map[string]bool{true: {}, false: {}}
	for _, r := range s.requests(t, func() { everything(t, s) }) {
		used[strings.Contains(r.Agent, "cluster-image-registry-operator")][right(t, r)] = true
	}
	if os.Getenv("REGISTRY_BINARY") != "" {
		for name := range registryRights {
			if !used[false][name] {
				t.Errorf("the registry does not use %s", name)
			}
		}
	}
	wanted := map[string]bool{}
	for name := range used[true] {
		wanted[name] = beyondRights[name] == ""
	}
	for name := range used[false] {
		if !used[true][name] && registryRights[name] == "" {
			t.Errorf("the registry uses %s, which is not among its rights", name)
		}
	}
	for name := range registryRights {
		wanted[name] = true
	}
	maps.DeleteFunc(wanted, func(_ string, counts bool) bool { return !counts })
	if diff := cmp.Diff(requested(t), slices.Sorted(maps.Keys(wanted))); diff != "" {
		t.Errorf("rights asked for (-) and used (+):\n%s", diff)
	}
}

// everything is what happens to a bucket in its life.
func everything(t *testing.T, s *server) {
	in, result := s.managed(t, s.inputs(t, ""))
	in.Coordinates, in.Created = result.Coordinates, true
	bucket := result.Coordinates.S3.Bucket
	s.drift(t, bucket)
	_, mended := s.managed(t, in)
	s.checked(t, in, mended.Looks)

	settings, err := driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("REGISTRY_BINARY") != "" {
		storagetest.Images(t, settings, storagetest.RegistryOptions{CA: s.ca, Holds: func(t *testing.T, path string) bool {
			t.Helper()
			_, found := s.keys(t, bucket)[strings.TrimPrefix(path, "/")]
			return found
		}})
	}
	// A bucket that refuses us is asked for the reason.
	s.call(t, "PUT", "/buckets/refusing?account=other", nil, nil)
	if b, err := driver(t).New(s.inputs(t, "refusing")); err != nil {
		t.Fatal(err)
	} else if _, err := b.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.fill(t, bucket, 3)
	key := "unfinished"
	if _, err := s.client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	removeAll(t, in)
}

// checked makes a round of checks.
func (s *server) checked(t *testing.T, in storage.Inputs, looks []storage.Look) {
	t.Helper()
	for _, in.Look = range looks {
		b, err := driver(t).New(in)
		if err != nil {
			t.Fatal(err)
		}
		if plan, err := b.Plan(t.Context()); err != nil || !plan.Exists || plan.Unread || plan.Drifted != "" {
			t.Errorf("check of %q: %+v, %v", in.Look, plan, err)
		}
	}
}

func removeAll(t *testing.T, in storage.Inputs) {
	t.Helper()
	for range 10 {
		b, err := driver(t).New(in)
		if err != nil {
			t.Fatal(err)
		}
		progress, err := b.Remove(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if progress.Done {
			return
		}
	}
	t.Fatal("the bucket is not removed")
}

// right is the action of IAM that a call needs.
func right(t *testing.T, r record) string {
	t.Helper()
	call := r.Method
	for _, name := range []string{"tagging", "publicAccessBlock", "encryption", "lifecycle", "location", "versions", "uploads", "delete", "uploadId", "list-type"} {
		if slices.Contains(r.Query, name) {
			call += " " + name
			break
		}
	}
	if r.Key != "" {
		call += " object"
	}
	if call == "POST delete" && strings.Contains(r.Body, "<VersionId>") {
		call += " version"
	}
	name, known := map[string]string{
		"HEAD": "ListBucket", "GET list-type": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket",
		"GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging", "GET location": "GetBucketLocation",
		"GET publicAccessBlock": "GetBucketPublicAccessBlock", "PUT publicAccessBlock": "PutBucketPublicAccessBlock",
		"GET encryption": "GetEncryptionConfiguration", "PUT encryption": "PutEncryptionConfiguration",
		"DELETE encryption": "PutEncryptionConfiguration",
		"GET lifecycle":     "GetLifecycleConfiguration", "PUT lifecycle": "PutLifecycleConfiguration",
		"GET versions": "ListBucketVersions", "GET uploads": "ListBucketMultipartUploads", "POST delete": "DeleteObject", "POST delete version": "DeleteObjectVersion",
		"GET object": "GetObject", "HEAD object": "GetObject", "PUT object": "PutObject", "DELETE object": "DeleteObject",
		"POST uploads object": "PutObject", "PUT uploadId object": "PutObject", "POST uploadId object": "PutObject",
		"GET uploadId object": "ListMultipartUploadParts", "DELETE uploadId object": "AbortMultipartUpload",
	}[call]
	if !known {
		t.Errorf("no right is known for %s of %s/%s", call, r.Bucket, r.Key)
	}
	return "s3:" + name
}

// requested are the rights that the manifest asks for.
func requested(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../../../manifests/03-credentials-aws.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		Spec struct {
			ProviderSpec struct {
				StatementEntries []struct{ Action []string }
			}
		}
	}
	if err := yaml.Unmarshal(data, &request); err != nil || len(request.Spec.ProviderSpec.StatementEntries) != 1 {
		t.Fatalf("statements %+v, %v", request, err)
	}
	return slices.Sorted(slices.Values(request.Spec.ProviderSpec.StatementEntries[0].Action))
}

// TestPolicyInTheDocs: who pastes the policy gets what the credentials request asks for, on one bucket.
func TestPolicyInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/storage/s3.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	var policy struct {
		Statement []struct {
			Effect, Resource string
			Action           []string
		}
	}
	if err := yaml.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, statement := range policy.Statement {
		if statement.Effect != "Allow" || !strings.HasPrefix(statement.Resource, "arn:aws:s3:::BUCKET") {
			t.Errorf("statement %+v is not about one bucket", statement)
		}
		actions = append(actions, statement.Action...)
	}
	if diff := cmp.Diff(requested(t), slices.Sorted(slices.Values(actions))); diff != "" {
		t.Errorf("rights of the credentials request (-) and of the page (+):\n%s", diff)
	}
}
