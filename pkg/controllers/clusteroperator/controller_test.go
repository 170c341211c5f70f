package clusteroperator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	appslisters "k8s.io/client-go/listers/apps/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configfake "github.com/openshift/client-go/config/clientset/versioned/fake"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
)

var epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// harness runs single syncs; what the controller writes reaches its cache at once.
type harness struct {
	*controller
	clock                                  *clocktesting.FakePassiveClock
	client                                 *configfake.Clientset
	recorder                               events.InMemoryRecorder
	config                                 *operatorclienttest.Client
	pruners, deployments, clusterOperators cache.Indexer
	syncCtx                                factory.SyncContext
}

func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	index := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	h := &harness{
		clock: clocktesting.NewFakePassiveClock(epoch), client: configfake.NewClientset(),
		pruners: index(), deployments: index(), clusterOperators: index(),
	}
	h.recorder = events.NewInMemoryRecorder("test", h.clock)
	h.syncCtx = factory.NewSyncContext("test", h.recorder)
	h.config = operatorclienttest.New(config, h.clock)
	for _, object := range objects {
		switch o := object.(type) {
		case *appsv1.Deployment:
			mustAdd(t, h.deployments, o)
		case *imageregistryv1.ImagePruner:
			mustAdd(t, h.pruners, o)
		case *configv1.ClusterOperator:
			mustAdd(t, h.clusterOperators, o)
			if err := h.client.Tracker().Add(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.controller = &controller{Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, ReleaseVersion: "4.21",
		ImagePruners:          imageregistrylisters.NewImagePrunerLister(h.pruners),
		Deployments:           appslisters.NewDeploymentLister(h.deployments).Deployments("openshift-image-registry"),
		ClusterOperators:      configlisters.NewClusterOperatorLister(h.clusterOperators),
		ClusterOperatorClient: h.client.ConfigV1().ClusterOperators(),
	}}
	return h
}

func mustAdd(t *testing.T, indexer cache.Indexer, object any) {
	t.Helper()
	if err := indexer.Add(object); err != nil {
		t.Fatal(err)
	}
}

// run syncs once and returns the verbs written, then lets the cache catch up.
func (h *harness) run(t *testing.T) []string {
	t.Helper()
	h.client.ClearActions()
	if err := h.sync(t.Context(), h.syncCtx); err != nil {
		t.Fatalf("sync: %v", err)
	}
	verbs := []string{}
	for _, action := range h.client.Actions() {
		verbs = append(verbs, strings.TrimSuffix(action.GetVerb()+"/"+action.GetSubresource(), "/"))
	}
	if len(verbs) > 0 {
		stored, err := h.client.ConfigV1().ClusterOperators().Get(t.Context(), "image-registry", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		mustAdd(t, h.clusterOperators, stored)
	}
	return verbs
}

func (h *harness) stored(t *testing.T) *configv1.ClusterOperator {
	t.Helper()
	co, err := h.ClusterOperators.Get("image-registry")
	if err != nil {
		t.Fatal(err)
	}
	return co
}

func (h *harness) events() []string {
	reasons := []string{}
	for _, event := range h.recorder.Events() {
		reasons = append(reasons, event.Reason+": "+event.Message)
	}
	return reasons
}

func configWith(state operatorv1.ManagementState, conditions ...operatorv1.OperatorCondition) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = state
	config.Status.Conditions = conditions
	return config
}

func healthy() []operatorv1.OperatorCondition {
	return []operatorv1.OperatorCondition{cond("Available", yes, "Ready", "fine"), cond("Progressing", no, "Ready", "fine"), cond("Degraded", no, "", "")}
}

func TestSyncCreatesTheClusterOperatorAndThenIsSilent(t *testing.T) {
	h := newHarness(t, configWith(operatorv1.Managed, healthy()...), deployment("4.21", nil))
	if diff := cmp.Diff([]string{"create", "update/status"}, h.run(t)); diff != "" {
		t.Errorf("first sync (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{}, h.run(t)); diff != "" {
		t.Errorf("second sync wrote (-want +got):\n%s", diff)
	}
	status := h.stored(t).Status
	if len(status.Conditions) != 3 || len(status.RelatedObjects) != len(relatedObjects()) {
		t.Errorf("unexpected status: %+v", status)
	}
	if diff := cmp.Diff([]configv1.OperandVersion{{Name: "operator", Version: "4.21"}}, status.Versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestSyncWaitsForTheFirstAvailableCondition(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config *imageregistryv1.Config
	}{
		{"no Config", nil},
		{"no conditions", configWith(operatorv1.Managed)},
		{"only conditions of other controllers", configWith(operatorv1.Managed, cond("NodeCADaemonAvailable", yes, "AsExpected", ""))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seed := &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}}
			h := newHarness(t, tc.config, seed)
			if verbs := h.run(t); len(verbs) > 0 {
				t.Errorf("wrote %v", verbs)
			}
		})
	}
}

func TestSyncWaitsForTheCacheToShowItsOwnWrite(t *testing.T) {
	for _, tc := range []struct {
		name, answered string // the version that the API server answers with; the cache has version 1
		cached         string // the version that the cache shows then
		want           int
	}{
		{"the cache is behind", "2", "1", 0},
		{"the cache has moved on", "2", "2", 1},
		{"the API server found no difference", "1", "1", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			co := &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: "image-registry", ResourceVersion: "1"}}
			h := newHarness(t, configWith(operatorv1.Managed, healthy()...), co)
			h.client.PrependReactor("update", "clusteroperators", func(clienttesting.Action) (bool, runtime.Object, error) {
				stored := co.DeepCopy()
				stored.ResourceVersion = tc.answered
				return true, stored, nil
			})
			sent := func() int {
				h.client.ClearActions()
				if err := h.sync(t.Context(), h.syncCtx); err != nil {
					t.Fatal(err)
				}
				return len(h.client.Actions())
			}
			if got := sent(); got != 1 {
				t.Fatalf("first sync sent %d requests", got)
			}
			stale := co.DeepCopy()
			stale.ResourceVersion = tc.cached
			mustAdd(t, h.clusterOperators, stale)
			if got := sent(); got != tc.want {
				t.Errorf("second sync sent %d requests, want %d", got, tc.want)
			}
		})
	}
}

func TestSyncKeepsTransitionTimesAndWhatOthersWrote(t *testing.T) {
	old := metav1.NewTime(epoch.Add(-time.Hour))
	h := newHarness(t, configWith(operatorv1.Removed, cond("Available", yes, "Removed", "new text"), cond("Degraded", yes, "Unavailable", "")), &configv1.ClusterOperator{
		ObjectMeta: metav1.ObjectMeta{Name: "image-registry", Labels: map[string]string{"kept": "yes"}},
		Status: configv1.ClusterOperatorStatus{
			Versions: []configv1.OperandVersion{{Name: "operator", Version: "0.0.1-snapshot"}, {Name: "stray", Version: "1"}},
			Conditions: []configv1.ClusterOperatorStatusCondition{
				{Type: "Upgradeable", Status: "True", LastTransitionTime: old},
				{Type: "Available", Status: "True", Reason: "Ready", LastTransitionTime: old},
				{Type: "Degraded", Status: "False", LastTransitionTime: old},
			},
		},
	})
	h.run(t)
	co := h.stored(t)
	times := map[configv1.ClusterStatusConditionType]time.Duration{}
	for _, c := range co.Status.Conditions {
		times[c.Type] = c.LastTransitionTime.Sub(epoch)
	}
	want := map[configv1.ClusterStatusConditionType]time.Duration{"Upgradeable": -time.Hour, "Available": -time.Hour, "Progressing": 0, "Degraded": 0}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Errorf("transition times relative to now (-want +got):\n%s", diff)
	}
	if got := configv1helpers.FindStatusCondition(co.Status.Conditions, "Available"); got.Reason != "Removed" || got.Message != "Available: new text" {
		t.Errorf("reason and message must change without a transition: %+v", got)
	}
	if diff := cmp.Diff([]configv1.OperandVersion{{Name: "operator", Version: "4.21"}}, co.Status.Versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	wantEvents := []string{
		"OperatorStatusChanged: clusteroperator/image-registry Progressing changed from unset to False (AsExpected): ; Degraded changed from False to True (Unavailable): ",
		`OperatorVersionChanged: clusteroperator/image-registry version changed from "0.0.1-snapshot" to "4.21"`,
	}
	if diff := cmp.Diff(wantEvents, h.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSyncKeepsTheVersionUntilTheRegistryIsRolledOut(t *testing.T) {
	before := []configv1.OperandVersion{{Name: "operator", Version: "4.20"}}
	h := newHarness(t, configWith(operatorv1.Managed, healthy()...), &configv1.ClusterOperator{
		ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}, Status: configv1.ClusterOperatorStatus{Versions: before},
	})
	h.run(t)
	if diff := cmp.Diff(before, h.stored(t).Status.Versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestSyncRaisesNoEventForANewMessage(t *testing.T) {
	h := newHarness(t, configWith(operatorv1.Removed, healthy()...))
	h.run(t)
	before := len(h.events())
	h.config.Replace(configWith(operatorv1.Removed, cond("Available", yes, "MinimumAvailability", "1 of 2"), cond("Progressing", no, "Ready", "fine")))
	if diff := cmp.Diff([]string{"update/status"}, h.run(t)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if got := h.events()[before:]; len(got) > 0 {
		t.Errorf("events %v", got)
	}
}

func TestWhatGetsWorseIsAWarning(t *testing.T) {
	status := func(available, degraded configv1.ConditionStatus, reason string) configv1.ClusterOperatorStatus {
		return configv1.ClusterOperatorStatus{Conditions: []configv1.ClusterOperatorStatusCondition{
			{Type: configv1.OperatorAvailable, Status: available}, {Type: configv1.OperatorDegraded, Status: degraded, Reason: reason},
		}}
	}
	const yes, no = configv1.ConditionTrue, configv1.ConditionFalse
	for _, tc := range []struct {
		name          string
		before, after configv1.ClusterOperatorStatus
		want          bool
	}{
		{"the registry is gone", status(yes, no, ""), status(no, no, ""), true},
		{"it never was there", configv1.ClusterOperatorStatus{}, status(no, no, ""), false},
		{"it is back", status(no, no, ""), status(yes, no, ""), false},
		{"something is wrong", status(yes, no, ""), status(yes, yes, "A"), true},
		{"something else is wrong, too", status(yes, yes, "A"), status(yes, yes, "A::B"), true},
		{"what was wrong stays so", status(yes, yes, "A::B"), status(yes, yes, "B"), false},
		{"nothing is wrong any more", status(yes, yes, "A"), status(yes, no, ""), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := isWorse(tc.before, tc.after); got != tc.want {
				t.Errorf("worse: %t, want %t", got, tc.want)
			}
		})
	}
}

func TestSyncRaisesAnEventForAnotherCauseOfDegraded(t *testing.T) {
	first, second := cond("Degraded", yes, "Unavailable", "no pods"), cond("NodeCADaemonControllerDegraded", yes, "Error", "no etcd")
	with := func(degraded ...operatorv1.OperatorCondition) *imageregistryv1.Config {
		return configWith(operatorv1.Managed, append(degraded, cond("Available", yes, "Ready", "fine"), cond("Progressing", no, "Ready", "fine"))...)
	}
	h := newHarness(t, with(first))
	h.run(t)
	for _, step := range []struct {
		name       string
		conditions []operatorv1.OperatorCondition
		want       []string
	}{
		{"the first one in other words", []operatorv1.OperatorCondition{cond("Degraded", yes, "Unavailable", "still no pods")}, nil},
		{"a second one", []operatorv1.OperatorCondition{first, second}, []string{
			"OperatorStatusChanged: clusteroperator/image-registry Degraded stays True, now (NodeCADaemonControllerError::Unavailable): Degraded: no pods\nNodeCADaemonControllerDegraded: no etcd",
		}},
		{"the first one is over", []operatorv1.OperatorCondition{cond("Degraded", no, "AsExpected", ""), second}, nil},
	} {
		before := len(h.events())
		h.config.Replace(with(step.conditions...))
		h.run(t)
		if diff := cmp.Diff(step.want, h.events()[before:], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestSyncAddsThePrunersConditions(t *testing.T) {
	h := newHarness(t, configWith(operatorv1.Managed, healthy()...), &imageregistryv1.ImagePruner{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Status:     imageregistryv1.ImagePrunerStatus{Conditions: []operatorv1.OperatorCondition{cond("Degraded", yes, "JobFailed", "")}},
	})
	h.run(t)
	if got := configv1helpers.FindStatusCondition(h.stored(t).Status.Conditions, "Degraded"); got.Reason != "ImagePrunerJobFailed" {
		t.Errorf("Degraded is %+v", got)
	}
}

func TestSyncReturnsAFailedWrite(t *testing.T) {
	h := newHarness(t, configWith(operatorv1.Removed, healthy()...), &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}})
	h.client.PrependReactor("update", "clusteroperators", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("etcd is away")
	})
	if err := h.sync(t.Context(), h.syncCtx); err == nil || !strings.Contains(err.Error(), "updating status of clusteroperator image-registry: etcd is away") {
		t.Errorf("sync returned %v", err)
	}
	if got := h.events(); len(got) > 0 {
		t.Errorf("events for a write that failed: %v", got)
	}
}
