package pruner

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

var (
	oldHex = strings.Repeat("0", 64)
	newHex = strings.Repeat("1", 64)
)

// client has stream a/app, whose tag points at one image and pointed at another before.
func client(t *testing.T) *fake.FakeDynamicClient {
	t.Helper()
	kinds := map[schema.GroupVersionResource]string{images: "ImageList", streams: "ImageStreamList"}
	for _, r := range referring {
		kinds[r.resource] = r.resource.Resource + "List"
	}
	objects := []runtime.Object{parse(t, fmt.Sprintf(`
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: app, namespace: a, creationTimestamp: "2020-01-01T00:00:00Z"}
status:
  unknown: kept
  tags:
  - tag: latest
    items:
    - {image: "sha256:%s", created: "2020-01-01T00:00:00Z", unknown: kept}
    - {image: "sha256:%s", created: "2020-01-01T00:00:00Z"}
  - tag: old
    items:
    - {image: "sha256:%s", created: "2020-01-01T00:00:00Z"}
`, newHex, oldHex, strings.Repeat("2", 64)))}
	for i, hex := range []string{oldHex, newHex} {
		objects = append(objects, parse(t, fmt.Sprintf(`
apiVersion: image.openshift.io/v1
kind: Image
metadata: {name: "sha256.%s", creationTimestamp: "2020-01-01T00:00:00Z", annotations: {openshift.io/image.managed: "true"}}
dockerImageReference: "registry.test:5000/a/app@sha256:%s"
dockerImageLayers: [{name: "sha256:layer-%d"}, {name: "sha256:shared"}]
dockerImageMetadata: {Id: "sha256:config-%d"}
`, hex, hex, i, i)))
	}
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...)
}

// requests is a registry that remembers what it is asked.
type requests struct {
	server *httptest.Server
	seen   []string
	status int
}

func newRequests(t *testing.T) *requests {
	t.Helper()
	r := &requests{status: http.StatusAccepted}
	r.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if request.Method == http.MethodGet {
			return
		}
		r.seen = append(r.seen, request.Method+" "+request.URL.Path)
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *requests) options(t *testing.T) Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Confirm: true, KeepTagRevisions: 1, All: true, PruneRegistry: true, RegistryURL: r.server.URL, CertificateAuthority: file}
}

func (r *requests) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.seen, want) {
		t.Errorf("the registry was asked\n%s\nwant\n%s", strings.Join(r.seen, "\n"), strings.Join(want, "\n"))
	}
}

// writes are the requests that change something.
func writes(c *fake.FakeDynamicClient) (verbs []string) {
	for _, action := range c.Actions() {
		if verb := action.GetVerb(); verb != "list" && verb != "get" {
			verbs = append(verbs, strings.TrimSuffix(verb+" "+action.GetResource().Resource+"/"+action.GetSubresource(), "/"))
		}
	}
	return verbs
}

func prune(t *testing.T, c *fake.FakeDynamicClient, o Options) (string, error) {
	t.Helper()
	var out strings.Builder
	err := Run(t.Context(), o, c, "token", &out)
	return out.String(), err
}

func TestRunRemovesWhatNobodyNeeds(t *testing.T) {
	c, r := client(t), newRequests(t)
	if out, err := prune(t, c, r.options(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	old := "sha256:" + oldHex
	r.want(
		t,
		"DELETE /v2/a/app/blobs/sha256:config-0", "DELETE /v2/a/app/blobs/sha256:layer-0", "DELETE /v2/a/app/manifests/"+old,
		"DELETE /admin/blobs/"+old, "DELETE /admin/blobs/sha256:config-0", "DELETE /admin/blobs/sha256:layer-0",
	)
	if got, want := writes(c), []string{"update imagestreams/status", "delete images"}; !slices.Equal(got, want) {
		t.Errorf("the API was asked to %v, want %v", got, want)
	}
	stream, err := c.Resource(streams).Namespace("a").Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	status := fmt.Sprint(stream.Object["status"])
	if strings.Contains(status, oldHex) || !strings.Contains(status, newHex) || strings.Count(status, "unknown:kept") != 2 || !strings.Contains(status, "tag:old") {
		t.Errorf("status of the stream: %s", status)
	}
	if _, err := c.Resource(images).Get(t.Context(), "sha256."+oldHex, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the old image: %v", err)
	}
	if _, err := c.Resource(images).Get(t.Context(), "sha256."+newHex, metav1.GetOptions{}); err != nil {
		t.Errorf("the new image: %v", err)
	}
}

func TestRunWithoutTheRegistryTouchesOnlyObjects(t *testing.T) {
	c, r := client(t), newRequests(t)
	o := r.options(t)
	o.PruneRegistry = false
	if out, err := prune(t, c, o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.want(t)
	if got, want := writes(c), []string{"update imagestreams/status", "delete images"}; !slices.Equal(got, want) {
		t.Errorf("the API was asked to %v, want %v", got, want)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	c, r := client(t), newRequests(t)
	o := r.options(t)
	o.Confirm = false
	out, err := prune(t, c, o)
	if err != nil {
		t.Fatal(err)
	}
	r.want(t)
	if got := writes(c); len(got) > 0 {
		t.Errorf("the API was asked to %v", got)
	}
	if !strings.Contains(out, "Deleting image sha256."+oldHex) || strings.Contains(out, newHex) {
		t.Errorf("it says\n%s", out)
	}
}

func TestWhatIsGoneAlreadyIsNoFailure(t *testing.T) {
	c, r := client(t), newRequests(t)
	r.status = http.StatusNotFound
	if out, err := prune(t, c, r.options(t)); err != nil || len(writes(c)) != 2 {
		t.Errorf("%v, %v\n%s", err, writes(c), out)
	}
}

func TestARegistryThatFailsKeepsTheImageForTheNextRun(t *testing.T) {
	c, r := client(t), newRequests(t)
	r.status = http.StatusInternalServerError
	if _, err := prune(t, c, r.options(t)); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("%v, want the registry's answer", err)
	}
	if slices.Contains(writes(c), "delete images") {
		t.Error("the image is gone")
	}
}

func TestARegistryThatIsNotThereStopsEverything(t *testing.T) {
	c, r := client(t), newRequests(t)
	o := r.options(t)
	r.server.Close()
	if _, err := prune(t, c, o); err == nil || len(writes(c)) > 0 {
		t.Errorf("%v, the API was asked to %v", err, writes(c))
	}
}

func TestARegistryOfAnotherAuthorityIsNotTrusted(t *testing.T) {
	c, r := client(t), newRequests(t)
	o := r.options(t)
	certificate, err := os.ReadFile(filepath.Join("testdata", "other-ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.CertificateAuthority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := prune(t, c, o); err == nil || !strings.Contains(err.Error(), "certificate") || len(writes(c)) > 0 {
		t.Errorf("%v, the API was asked to %v", err, writes(c))
	}
}

func TestAConflictIsTriedAgain(t *testing.T) {
	c, r := client(t), newRequests(t)
	conflicts := 1
	c.PrependReactor("update", "imagestreams", func(clienttesting.Action) (bool, runtime.Object, error) {
		if conflicts == 0 {
			return false, nil, nil
		}
		conflicts--
		return true, nil, apierrors.NewConflict(streams.GroupResource(), "app", nil)
	})
	if out, err := prune(t, c, r.options(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := writes(c); len(got) != 3 {
		t.Errorf("the API was asked to %v", got)
	}
}

func TestAWriteThatTimesOutIsNotCounted(t *testing.T) {
	c, r := client(t), newRequests(t)
	c.PrependReactor("update", "imagestreams", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, context.DeadlineExceeded
	})
	if out, err := prune(t, c, r.options(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the time-out\n%s", err, out)
	}
}

func TestMissingAPIs(t *testing.T) {
	for resource, optional := range map[string]bool{"builds": true, "deploymentconfigs": true, "pods": false, "images": false} {
		c, r := client(t), newRequests(t)
		c.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, "")
		})
		if _, err := prune(t, c, r.options(t)); (err == nil) != optional {
			t.Errorf("without %s: %v", resource, err)
		}
	}
}
