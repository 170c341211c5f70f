package gcs_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// requested are the permissions that the credentials request asks for.
func requested(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../manifests/03-credentials-gcp.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		Spec struct {
			ProviderSpec struct {
				Permissions []string `json:"permissions"`
			} `json:"providerSpec"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &request); err != nil || len(request.Spec.ProviderSpec.Permissions) == 0 {
		t.Fatalf("permissions of the credentials request: %v, %v", request, err)
	}
	return request.Spec.ProviderSpec.Permissions
}

// registryRights are those of the registry, which uses the operator's account.
var registryRights = []string{"storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"}

// TestRightsAskedForAreThoseUsed goes the whole way, from an absent bucket over drift to its removal and the copying of
// images, and pushes, pulls and deletes images through a registry, all with an account that has what the credentials request
// asks for and nothing else.
func TestRightsAskedForAreThoseUsed(t *testing.T) {
	registry := os.Getenv("REGISTRY_BINARY") != "" && os.Geteuid() == 0
	start := startServer
	if registry {
		start = startAsGoogle
	}
	s := start(t)
	asked := requested(t)
	s.set(t, world{Rights: asked})
	byOperator, byRegistry := map[string]bool{}, map[string]bool{}
	for _, r := range s.requests(t, func() {
		s.wholeWay(t)
		if registry {
			_, result := s.managed(t, s.inputs(t, ""))
			s.images(t, result)
		}
	}) {
		if r.Status == 403 {
			t.Errorf("refused: %v needs %v", r, r.Rights)
		}
		used := byRegistry
		if strings.Contains(r.Agent, "cluster-image-registry-operator") {
			used = byOperator
		}
		for _, right := range r.Rights {
			used[right] = true
		}
	}
	if diff := cmp.Diff(registryRights, slices.Sorted(maps.Keys(byRegistry))); registry && diff != "" {
		t.Errorf("rights known to be the registry's (-) and used by it (+):\n%s", diff)
	}
	maps.Copy(byOperator, byRegistry)
	slices.Sort(asked)
	if diff := cmp.Diff(asked, slices.Sorted(maps.Keys(byOperator))); diff != "" {
		t.Errorf("rights (-asked for +used):\n%s", diff)
	}
}

// TestPolicyInTheDocs: who pastes the role gets what the credentials request asks for.
func TestPolicyInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/storage/gcs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	var role struct {
		Permissions []string `json:"includedPermissions"`
	}
	if err := yaml.Unmarshal([]byte(text), &role); err != nil {
		t.Fatal(err)
	}
	sorted := func(rights []string) []string { return slices.Sorted(slices.Values(rights)) }
	if diff := cmp.Diff(sorted(requested(t)), sorted(role.Permissions)); diff != "" {
		t.Errorf("rights of the credentials request (-) and of the page (+):\n%s", diff)
	}
}

func (s *server) wholeWay(t *testing.T) {
	t.Helper()
	in, _ := s.managed(t, s.inputs(t, ""))
	name := in.Coordinates.GCS.Bucket
	made, _ := s.bucket(t, name)
	made.Labels = map[string]string{mark: "owned"}
	s.make(t, name, "main", made)
	in.Coordinates.GCS.KeyID = key
	mended := s.ensure(t, in)
	for _, c := range mended.Conditions {
		if c.Status != "True" {
			t.Errorf("condition %+v", c)
		}
	}
	for _, look := range mended.Looks {
		checked := in
		checked.Look = look
		if plan, err := s.backend(t, checked).Plan(t.Context()); err != nil || !plan.Exists || plan.Unread || plan.Drifted != "" {
			t.Errorf("check of %q: %+v, %v", look, plan, err)
		}
	}
	content, err := s.driver(t).Content(in)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := content.Write(t.Context(), "docker/registry/v2/x", 1, bytes.NewReader([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	file, err := content.Open(t.Context(), "docker/registry/v2/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(file); err != nil || file.Close() != nil {
		t.Error(err)
	}
	for range 3 {
		progress, err := s.backend(t, in).Remove(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if progress.Done {
			return
		}
	}
	t.Error("not removed")
}

// TestBareRightsSuffice: a project whose policy refuses uniform access, and an older role without storage.buckets.update.
func TestBareRightsSuffice(t *testing.T) {
	s := startServer(t)
	s.inject(t, storagetest.Fault{Match: match{Method: "POST", BucketOnly: true}, Status: 412, Message: "violates the constraint", Times: 2})
	older := slices.DeleteFunc(requested(t), func(right string) bool { return right == "storage.buckets.update" })
	s.set(t, world{Rights: older})
	_, result := s.managed(t, s.inputs(t, ""))
	if !result.Created || result.Incomplete {
		t.Errorf("result is %+v", result)
	}
	expectCondition(t, result, names.StorageExists, "True/Creation Successful", "")
	expectCondition(t, result, names.StoragePublicAccessBlocked, "False/403", "storage.buckets.update")
	made, _ := s.bucket(t, result.Coordinates.GCS.Bucket)
	if made.IAMConfiguration != nil || made.Labels[mark] != "owned" {
		t.Errorf("bucket is %+v", made)
	}
}

func TestUnmanagedBucketIsLeftAlone(t *testing.T) {
	s := startServer(t)
	s.make(t, "theirs", "main", attributes{})
	in := s.inputs(t, "theirs")
	in.Managed = false
	requests := s.requests(t, func() {
		if result := s.ensure(t, in); result.Created || len(result.Conditions) != 1 {
			t.Errorf("result is %+v", result)
		}
	})
	if len(requests) != 1 || requests[0].Method != "GET" {
		t.Errorf("requests are %v", requests)
	}
	in.Coordinates = storage.Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{Bucket: "theirs", KeyID: key}}
	if requests := s.requests(t, func() { s.ensure(t, in) }); len(requests) != 1 {
		t.Errorf("with a key the requests are %v", requests)
	}
}
