package standin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/credentials"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/proxy"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/serviceca"
)

// All tests of this package share one API server, seeded once, with all stand-ins running in it as in a real cluster.
var (
	shared kubetest.Shared
	once   sync.Once
	world  *cluster
	failed error
	finish = func() {}
)

// The life of serving certificates here is short enough to see several within a test.
const (
	certLifetime = 6 * time.Second
	certMargin   = 3 * time.Second
)

type cluster struct {
	kube       kubernetes.Interface
	dynamic    dynamic.Interface
	releaseDir string
	systemCA   string
	writes     *writes
}

// writes counts the stand-ins' requests that are not reads, by path. A write that changes nothing leaves no trace in an
// object, but it is one that should not have been made.
type writes struct {
	mu   sync.Mutex
	seen map[string]int
}

type recorder struct {
	next   http.RoundTripper
	writes *writes
}

// RoundTrip counts a request and passes it on.
func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		r.writes.mu.Lock()
		r.writes.seen[request.URL.Path]++
		r.writes.mu.Unlock()
	}
	return r.next.RoundTrip(request)
}

func (w *writes) snapshot() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.seen)
}

func TestMain(m *testing.M) {
	code := m.Run()
	finish()
	shared.Stop()
	os.Exit(code)
}

func start(t *testing.T) *cluster {
	t.Helper()
	server := shared.Server(t)
	once.Do(func() { world, failed = run(server) })
	if failed != nil {
		t.Fatalf("starting the stand-ins: %v", failed)
	}
	return world
}

func run(server *kubetest.Server) (*cluster, error) {
	ctx, cancel := context.WithCancel(context.Background())
	releaseDir, err := os.MkdirTemp("", "release-")
	if err != nil {
		cancel()
		return nil, err
	}
	c := &cluster{
		kube: kubernetes.NewForConfigOrDie(server.Config), dynamic: dynamic.NewForConfigOrDie(server.Config),
		releaseDir: releaseDir, systemCA: newCertificate("system").certificate,
	}
	if err := seed.Apply(ctx, server.Config, seed.Options{Region: "us-east-1"}); err != nil {
		cancel()
		return nil, errors.Join(err, os.RemoveAll(releaseDir))
	}
	c.writes = &writes{seen: map[string]int{}}
	recorded := rest.CopyConfig(server.Config)
	recorded.Wrap(func(next http.RoundTripper) http.RoundTripper { return recorder{next, c.writes} })
	ended := make(chan error, 1)
	go func() {
		ended <- standin.Run(ctx, recorded, standin.Options{
			ReleaseDir:     releaseDir,
			SystemCABundle: []byte(c.systemCA),
			ServiceCA:      serviceca.Options{Lifetime: certLifetime, Margin: certMargin},
			Credentials:    credentials.Options{Kind: "AWSProviderSpec", Data: credentials.AWS("the-id", "the-key")},
			Networks:       proxy.Networks{Cluster: []string{"10.128.0.0/14"}, Service: []string{"10.99.0.0/16"}},
		})
	}()
	finish = func() {
		cancel()
		if err := errors.Join(<-ended, os.RemoveAll(releaseDir)); err != nil {
			fmt.Fprintln(os.Stderr, "stand-ins:", err)
		}
	}
	return c, nil
}

// namespace makes a namespace for one test.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}
	created, err := c.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created.Name
}

// create makes an object from YAML.
func (c *cluster) create(t *testing.T, resource schema.GroupVersionResource, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	created, err := c.client(resource, obj.GetNamespace()).Create(t.Context(), obj, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func (c *cluster) client(resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.dynamic.Resource(resource)
	}
	return c.dynamic.Resource(resource).Namespace(namespace)
}

func (c *cluster) patch(t *testing.T, resource schema.GroupVersionResource, namespace, name string, patch any) {
	t.Helper()
	data, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client(resource, namespace).Patch(t.Context(), name, types.MergePatchType, data, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// read gets an object as its type; nil if there is none.
func read[T any](ctx context.Context, t *testing.T, c *cluster, resource schema.GroupVersionResource, namespace, name string) *T {
	t.Helper()
	obj, err := c.client(resource, namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := loop.Typed[T](obj)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refused waits for a stand-in's warning about an object.
func (c *cluster) refused(t *testing.T, namespace, name, reason, text string) {
	t.Helper()
	kubetest.Eventually(t, "a warning "+reason+" about "+name, func(ctx context.Context) string {
		events, err := c.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		var seen []string
		for _, e := range events.Items {
			if e.Type == corev1.EventTypeWarning && e.InvolvedObject.Name == name && e.Reason == reason && strings.Contains(e.Message, text) {
				return ""
			}
			seen = append(seen, e.InvolvedObject.Name+" "+e.Reason+": "+e.Message)
		}
		return "events: " + strings.Join(seen, "; ")
	})
}

// release puts a copy of the version operator's test release in place, changed file by file.
func (c *cluster) release(t *testing.T, change func(dir string)) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("versionoperator/testdata/release")); err != nil {
		t.Fatal(err)
	}
	change(dir)
	c.install(t, dir)
}

// install puts a release where the version operator looks, as a deployment does: release.json last and at once.
func (c *cluster) install(t *testing.T, dir string) {
	t.Helper()
	manifests := filepath.Join(c.releaseDir, "manifests")
	if err := os.RemoveAll(manifests); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(manifests, os.DirFS(filepath.Join(dir, "manifests"))); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(c.releaseDir, ".release.json")
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(c.releaseDir, "release.json")); err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in a file and fails if it is not there.
func edit(t *testing.T, path, from, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), from) {
		t.Fatalf("%s does not contain %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}
