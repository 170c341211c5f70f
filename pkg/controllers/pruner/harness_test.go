package pruner

import (
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	batchlisters "k8s.io/client-go/listers/batch/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistryfake "github.com/openshift/client-go/imageregistry/clientset/versioned/fake"
	imageregistryscheme "github.com/openshift/client-go/imageregistry/clientset/versioned/scheme"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
)

// host is where the registry is reached in the tests.
const host = "image-registry.openshift-image-registry.svc:5000"

// harness runs single syncs. Before each of them the caches are filled from the fake API server.
type harness struct {
	*controller
	t        *testing.T
	clock    *clocktesting.FakePassiveClock
	config   *operatorclienttest.Client
	kube     *kubefake.Clientset
	registry *imageregistryfake.Clientset
	trackers []clienttesting.ObjectTracker
	caches   map[schema.GroupVersionKind]cache.Indexer
	images   cache.Indexer
	recorder events.InMemoryRecorder
	metrics  *gauges
	again    time.Duration
}

type gauges struct{ installed, failedRuns int }

func (g *gauges) PrunerInstalled(status int) { g.installed = status }
func (g *gauges) PrunerFailedRuns(count int) { g.failedRuns = count }

// newHarness has a Managed registry that runs, at a known host.
func newHarness(t *testing.T, objects ...runtime.Object) *harness {
	t.Helper()
	h := &harness{
		t: t, clock: clocktesting.NewFakePassiveClock(testNow), kube: &kubefake.Clientset{}, registry: &imageregistryfake.Clientset{},
		caches: map[schema.GroupVersionKind]cache.Indexer{}, images: newIndexer(), metrics: &gauges{installed: -1},
	}
	h.config = operatorclienttest.New(configIn(operatorv1.Managed), h.clock)
	builtin := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	own := clienttesting.NewObjectTracker(imageregistryscheme.Scheme, imageregistryscheme.Codecs.UniversalDecoder())
	h.trackers = []clienttesting.ObjectTracker{builtin, own}
	h.kube.AddReactor("*", "*", clienttesting.ObjectReaction(builtin))
	h.registry.AddReactor("*", "*", clienttesting.ObjectReaction(own))
	for _, object := range objects {
		h.add(object)
	}
	h.setHost(host)
	h.recorder = events.NewInMemoryRecorder("test", h.clock)
	kind := func(group, version, kind string) cache.Indexer {
		gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
		h.caches[gvk] = newIndexer()
		return h.caches[gvk]
	}
	h.controller = &controller{applier: apply.NewApplier(h.recorder), Deps: Deps{
		Client:              h.config,
		ImagePruners:        imageregistrylisters.NewImagePrunerLister(kind("imageregistry.operator.openshift.io", "v1", "ImagePruner")),
		ImagePrunerClient:   h.registry.ImageregistryV1().ImagePruners(),
		Images:              configlisters.NewImageLister(h.images),
		ClusterRoles:        rbaclisters.NewClusterRoleLister(kind("rbac.authorization.k8s.io", "v1", "ClusterRole")),
		ClusterRoleBindings: rbaclisters.NewClusterRoleBindingLister(kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding")),
		ServiceAccounts:     corelisters.NewServiceAccountLister(kind("", "v1", "ServiceAccount")).ServiceAccounts(names.OperatorNamespace),
		NetworkPolicies:     networkinglisters.NewNetworkPolicyLister(kind("networking.k8s.io", "v1", "NetworkPolicy")).NetworkPolicies(names.OperatorNamespace),
		CronJobs:            batchlisters.NewCronJobLister(kind("batch", "v1", "CronJob")).CronJobs(names.OperatorNamespace),
		Jobs:                batchlisters.NewJobLister(kind("batch", "v1", "Job")).Jobs(names.OperatorNamespace),
		Kube:                h.kube, PrunerImage: "example.test/cli:1", Clock: h.clock, Recorder: h.recorder, Metrics: h.metrics,
	}}
	return h
}

func newIndexer() cache.Indexer {
	return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
}

func configIn(state operatorv1.ManagementState) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = state
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: "True"}}
	return config
}

func (h *harness) setHost(name string) {
	image := &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	image.Status.InternalRegistryHostname = name
	if err := h.images.Add(image); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) add(object runtime.Object) {
	h.t.Helper()
	tracker := h.trackers[0]
	if _, own := object.(*imageregistryv1.ImagePruner); own {
		tracker = h.trackers[1]
	}
	if err := tracker.Add(object); err != nil {
		h.t.Fatal(err)
	}
}

// update changes a stored object, as somebody else would.
func (h *harness) update(object runtime.Object) {
	h.t.Helper()
	gvr := schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "imagepruners"}
	tracker := h.trackers[1]
	if _, isCronJob := object.(*batchv1.CronJob); isCronJob {
		gvr, tracker = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, h.trackers[0]
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := tracker.Update(gvr, object, accessor.GetNamespace()); err != nil {
		h.t.Fatal(err)
	}
}

// refresh brings the caches up to date.
func (h *harness) refresh() {
	h.t.Helper()
	for gvk, indexer := range h.caches {
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		tracker := h.trackers[0]
		if gvk.Kind == "ImagePruner" {
			tracker = h.trackers[1]
		}
		list, err := tracker.List(plural, gvk, "")
		if err != nil {
			h.t.Fatal(err)
		}
		objects, err := meta.ExtractList(list)
		if err != nil {
			h.t.Fatal(err)
		}
		all := make([]any, len(objects))
		for i := range objects {
			all[i] = objects[i]
		}
		if err := indexer.Replace(all, ""); err != nil {
			h.t.Fatal(err)
		}
	}
}

// run syncs once and returns what was written.
func (h *harness) run() ([]string, error) {
	h.t.Helper()
	h.refresh()
	return h.runStale()
}

// runStale syncs with the caches as they are.
func (h *harness) runStale() ([]string, error) {
	h.kube.ClearActions()
	h.registry.ClearActions()
	var err error
	h.again, err = h.pass(h.t.Context())
	writes := []string{}
	for _, action := range append(h.kube.Actions(), h.registry.Actions()...) {
		write := action.GetVerb() + " " + action.GetResource().Resource
		if action.GetSubresource() != "" {
			write += "/" + action.GetSubresource()
		}
		writes = append(writes, write)
	}
	slices.Sort(writes)
	return writes, err
}

// mustRun is run without errors.
func (h *harness) mustRun() string {
	h.t.Helper()
	writes, err := h.run()
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(writes, ", ")
}

// settled is the harness with everything created.
func settled(t *testing.T, objects ...runtime.Object) *harness {
	h := newHarness(t, objects...)
	for range 3 {
		h.mustRun()
	}
	if writes := h.mustRun(); writes != "" {
		t.Fatalf("not at rest: %s", writes)
	}
	return h
}

func (h *harness) pruner() *imageregistryv1.ImagePruner {
	h.t.Helper()
	h.refresh()
	pruner, err := h.ImagePruners.Get("cluster")
	if err != nil {
		h.t.Fatal(err)
	}
	return pruner.DeepCopy()
}

func (h *harness) cronJob() *batchv1.CronJob {
	h.t.Helper()
	h.refresh()
	job, err := h.CronJobs.Get("image-pruner")
	if err != nil {
		h.t.Fatal(err)
	}
	return job.DeepCopy()
}

// edit changes the spec of ImagePruner.
func (h *harness) edit(change func(*spec)) {
	h.t.Helper()
	pruner := h.pruner()
	change(&pruner.Spec)
	pruner.Generation++
	h.update(pruner)
}

func (h *harness) events() []string {
	var all []string
	for _, event := range h.recorder.Events() {
		all = append(all, event.Type+" "+event.Reason+": "+event.Message)
	}
	return all
}
