package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configfake "github.com/openshift/client-go/config/clientset/versioned/fake"
	configinformers "github.com/openshift/client-go/config/informers/externalversions"
	"github.com/openshift/library-go/pkg/operator/events"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/metadata/metadatainformer"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// harness runs one sync at a time over fakes. Caches are filled from the fake API server before each sync, so that a
// sync sees everything that was written before it.
type harness struct {
	t       *testing.T
	kube    *fake.Clientset
	tracker clienttesting.ObjectTracker
	config  *operatorclienttest.Client
	clock   *clocktesting.FakePassiveClock
	deps    Deps
	c       *controller
	again   time.Duration
	// sent is what the last sync wrote to the fake API server, in the order in which it arrived.
	sent []string
	// read is the number of events that a test has looked at.
	read int
}

func newHarness(t *testing.T, w *world) *harness {
	t.Helper()
	// The plain tracker: the generated constructor parses the schema of all of Kubernetes for each client.
	tracker := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	h := &harness{t: t, clock: clocktesting.NewFakePassiveClock(testNow), kube: &fake.Clientset{}, tracker: tracker}
	h.kube.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	h.config = operatorclienttest.New(w.config, h.clock)
	for _, secret := range w.secrets {
		h.add(secret)
	}
	for _, configMap := range w.configMaps {
		h.add(configMap)
	}
	if w.pullSecret != nil {
		h.add(w.pullSecret)
	}
	h.add(w.namespace)
	h.deps = newDeps(h, w)
	h.c = newController(h.deps)
	h.kube.ClearActions()
	return h
}

func newDeps(h *harness, w *world) Deps {
	kube := informers.NewSharedInformerFactory(h.kube, 0)
	config := configinformers.NewSharedInformerFactory(&configfake.Clientset{}, 0)
	metadata := metadatainformer.NewSharedInformerFactory(metadatafake.NewSimpleMetadataClient(metadatafake.NewTestScheme()), 0)
	d := Deps{
		Client: h.config, Kube: h.kube, ConfigInformer: kube.Core().V1().Pods().Informer(),
		Deployments: kube.Apps().V1().Deployments(), Services: kube.Core().V1().Services(),
		ServiceAccounts: kube.Core().V1().ServiceAccounts(), Secrets: kube.Core().V1().Secrets(),
		ConfigMaps: kube.Core().V1().ConfigMaps(), PodDisruptionBudgets: kube.Policy().V1().PodDisruptionBudgets(),
		NetworkPolicies: kube.Networking().V1().NetworkPolicies(),
		PullSecrets:     informers.NewSharedInformerFactory(h.kube, 0).Core().V1().Secrets(),
		Namespaces:      kube.Core().V1().Namespaces(), ClusterRoles: kube.Rbac().V1().ClusterRoles(),
		ClusterRoleBindings: kube.Rbac().V1().ClusterRoleBindings(),
		Proxies:             config.Config().V1().Proxies(), Infrastructures: config.Config().V1().Infrastructures(),
		StorageClasses: kube.Storage().V1().StorageClasses(), Nodes: metadata.ForResource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}),
		Drivers: drivers, RegistryImage: w.image, ReleaseVersion: testVersion, Clock: h.clock,
		Recorder: events.NewInMemoryRecorder("test", h.clock),
	}
	if w.zones {
		h.index(d.Nodes.Informer(), &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "node", Labels: map[string]string{names.ZoneLabel: "a"}}})
	}
	h.index(d.Infrastructures.Informer(), &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}})
	return d
}

func (h *harness) add(object runtime.Object) {
	h.t.Helper()
	if err := h.tracker.Add(object); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) index(informer cache.SharedIndexInformer, object any) {
	h.t.Helper()
	if err := informer.GetIndexer().Add(object); err != nil {
		h.t.Fatal(err)
	}
}

// refresh fills the caches.
func (h *harness) refresh() {
	h.t.Helper()
	resources := []struct {
		informer cache.SharedIndexInformer
		resource schema.GroupVersionResource
		kind     string
	}{
		{h.deps.Deployments.Informer(), appsv1.SchemeGroupVersion.WithResource("deployments"), "Deployment"},
		{h.deps.Services.Informer(), corev1.SchemeGroupVersion.WithResource("services"), "Service"},
		{h.deps.ServiceAccounts.Informer(), corev1.SchemeGroupVersion.WithResource("serviceaccounts"), "ServiceAccount"},
		{h.deps.Secrets.Informer(), corev1.SchemeGroupVersion.WithResource("secrets"), "Secret"},
		{h.deps.PullSecrets.Informer(), corev1.SchemeGroupVersion.WithResource("secrets"), "Secret"},
		{h.deps.ConfigMaps.Informer(), corev1.SchemeGroupVersion.WithResource("configmaps"), "ConfigMap"},
		{h.deps.Namespaces.Informer(), corev1.SchemeGroupVersion.WithResource("namespaces"), "Namespace"},
		{h.deps.PodDisruptionBudgets.Informer(), schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}, "PodDisruptionBudget"},
		{h.deps.NetworkPolicies.Informer(), schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}, "NetworkPolicy"},
		{h.deps.ClusterRoles.Informer(), schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, "ClusterRole"},
		{h.deps.ClusterRoleBindings.Informer(), schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, "ClusterRoleBinding"},
	}
	for _, r := range resources {
		list, err := h.tracker.List(r.resource, r.resource.GroupVersion().WithKind(r.kind), "")
		if err != nil {
			h.t.Fatal(err)
		}
		objects, err := meta.ExtractList(list)
		if err != nil {
			h.t.Fatal(err)
		}
		items := make([]any, 0, len(objects))
		for _, object := range objects {
			items = append(items, object)
		}
		if err := r.informer.GetIndexer().Replace(items, ""); err != nil {
			h.t.Fatal(err)
		}
	}
}

// sync fills the caches, runs one sync and returns its error and the writes, "<verb> <resource>/<name>" in order. Writes
// that are sent at the same time are put into the order of createAll.
func (h *harness) sync() ([]string, error) {
	h.t.Helper()
	h.refresh()
	h.kube.ClearActions()
	h.config.ForgetWrites()
	again, err := h.c.pass(context.Background())
	h.again = again
	var writes []string
	for _, action := range h.kube.Actions() {
		writes = append(writes, action.GetVerb()+" "+action.GetResource().Resource+"/"+nameOf(action))
	}
	h.sent = slices.Clone(writes)
	sortTogether(writes)
	return append(writes, h.config.Writes()...), err
}

// sortTogether puts creations into the order of createAll: several are sent at the same time. What has to be in order is
// looked for in harness.sent.
func sortTogether(writes []string) {
	end := 0
	for end < len(writes) && slices.Contains(createAll, writes[end]) {
		end++
	}
	slices.SortStableFunc(writes[:end], func(a, b string) int {
		return slices.Index(createAll, a) - slices.Index(createAll, b)
	})
}

// mustSync is sync without an error.
func (h *harness) mustSync() []string {
	h.t.Helper()
	writes, err := h.sync()
	if err != nil {
		h.t.Fatalf("sync: %v", err)
	}
	return writes
}

func nameOf(action clienttesting.Action) string {
	switch a := action.(type) {
	case clienttesting.DeleteAction:
		return a.GetName()
	case clienttesting.CreateAction:
		if object, ok := a.GetObject().(metav1.Object); ok {
			return object.GetName()
		}
	case clienttesting.GetAction:
		return a.GetName()
	}
	return ""
}

// condition is "<status>/<reason>: <message>" as on Config.
func (h *harness) condition(conditionType string) string {
	h.t.Helper()
	config, err := h.config.Config()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, condition := range config.Status.Conditions {
		if condition.Type == conditionType {
			return strings.TrimSuffix(fmt.Sprintf("%s/%s: %s", condition.Status, condition.Reason, condition.Message), ": ")
		}
	}
	return "none"
}

// expect compares conditions by their beginning.
func (h *harness) expect(want map[string]string) {
	h.t.Helper()
	for conditionType, prefix := range want {
		if got := h.condition(conditionType); !strings.HasPrefix(got, prefix) {
			h.t.Errorf("%s is %q, want %q", conditionType, got, prefix)
		}
	}
}

func (h *harness) deployment() *appsv1.Deployment {
	h.t.Helper()
	d, err := h.kube.AppsV1().Deployments(names.OperatorNamespace).Get(context.Background(), names.Registry, metav1.GetOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// change edits an object of the fake API server as somebody else would.
func (h *harness) change(resource schema.GroupVersionResource, object runtime.Object) {
	h.t.Helper()
	accessor := object.(metav1.Object)
	if err := h.tracker.Update(resource, object, accessor.GetNamespace()); err != nil {
		h.t.Fatal(err)
	}
}

// rollOut finishes the rollout of the Deployment with all pods available.
func (h *harness) rollOut(available int32) {
	h.t.Helper()
	d := h.deployment()
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: *d.Spec.Replicas, UpdatedReplicas: *d.Spec.Replicas, ReadyReplicas: available, AvailableReplicas: available,
		Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}},
	}
	h.change(appsv1.SchemeGroupVersion.WithResource("deployments"), d)
}

// edit changes Config as an administrator would.
func (h *harness) edit(change func(*world)) {
	h.t.Helper()
	config, err := h.config.Config()
	if err != nil {
		h.t.Fatal(err)
	}
	change(&world{config: config})
	h.config.Replace(config)
}

func (h *harness) state(state operatorv1.ManagementState) {
	h.edit(func(w *world) { w.config.Spec.ManagementState = state })
}
