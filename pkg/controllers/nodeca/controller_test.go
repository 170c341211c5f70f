package nodeca

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	appslisters "k8s.io/client-go/listers/apps/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

const (
	namespace = "openshift-image-registry"
	image     = "example.com/operator@sha256:0"
)

type harness struct {
	*controller
	clock    *clocktesting.FakePassiveClock
	config   *operatorclienttest.Client
	kube     *kubefake.Clientset
	cached   cache.Indexer
	recorder events.InMemoryRecorder
	syncCtx  factory.SyncContext
}

func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	h := &harness{
		kube:   kubefake.NewClientset(objects...),
		cached: synctest.Indexer(),
	}
	h.clock, h.config, h.recorder, h.syncCtx = synctest.Parts(config)
	h.controller = &controller{applier: apply.NewApplier(h.recorder), Deps: Deps{
		Client: h.config, Image: image, Clock: h.clock, Recorder: h.recorder,
		DaemonSets:      appslisters.NewDaemonSetLister(h.cached).DaemonSets(namespace),
		DaemonSetClient: h.kube.AppsV1().DaemonSets(namespace),
	}}
	h.refresh(t)
	return h
}

// refresh lets the cache catch up with the API server.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.kube.AppsV1().DaemonSets(namespace).List(t.Context(), metav1.ListOptions{})
	synctest.Must(t, err)
	synctest.Refill(t, h.cached, list.Items)
	h.kube.ClearActions()
	h.config.ForgetWrites()
}

// run syncs once and returns the verbs of what was written to DaemonSets.
func (h *harness) run(t *testing.T) ([]string, error) {
	t.Helper()
	err := h.sync(t.Context(), h.syncCtx)
	var verbs []string
	for _, action := range h.kube.Actions() {
		verbs = append(verbs, action.GetVerb())
	}
	h.kube.ClearActions()
	return verbs, err
}

func (h *harness) get(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	daemonSet, err := h.kube.AppsV1().DaemonSets(namespace).Get(t.Context(), "node-ca", metav1.GetOptions{})
	synctest.Must(t, err)
	h.kube.ClearActions()
	return daemonSet
}

// store puts a DaemonSet into API server and cache as somebody else would.
func (h *harness) store(t *testing.T, edit func(*appsv1.DaemonSet)) {
	t.Helper()
	daemonSet := h.get(t)
	edit(daemonSet)
	_, err := h.kube.AppsV1().DaemonSets(namespace).Update(t.Context(), daemonSet, metav1.UpdateOptions{})
	synctest.Must(t, err)
	h.refresh(t)
}

func (h *harness) condition(t *testing.T, conditionType string) said {
	t.Helper()
	config, err := h.config.Config()
	synctest.Must(t, err)
	if found := conditions.Find(config.Status.Conditions, conditionType); found != nil {
		return said{conditionType, found.Status, found.Reason}
	}
	return said{}
}

// configIn is a Config that has got its first conditions.
func configIn(state operatorv1.ManagementState) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = state
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionFalse}}
	return config
}

func TestSyncKeepsTheDaemonSetInEveryState(t *testing.T) {
	for _, state := range []operatorv1.ManagementState{operatorv1.Managed, operatorv1.Unmanaged, operatorv1.Removed, operatorv1.Force, ""} {
		t.Run("state "+string(state), func(t *testing.T) {
			h := newHarness(t, configIn(state))
			verbs, err := h.run(t)
			synctest.Must(t, err)
			if diff := cmp.Diff([]string{"create"}, verbs); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if got := h.condition(t, "NodeCADaemonControllerDegraded"); got.Status != "False" {
				t.Errorf("condition %v", got)
			}
			h.refresh(t)
			verbs, err = h.run(t)
			if err != nil || len(verbs)+len(h.config.Writes()) > 0 {
				t.Errorf("second sync wrote %v and %v, error %v", verbs, h.config.Writes(), err)
			}
		})
	}
}

func TestSyncWaitsForConfigAndItsFirstConditions(t *testing.T) {
	begun := configIn(operatorv1.Managed)
	fresh := begun.DeepCopy()
	fresh.Status.Conditions = nil
	for name, config := range map[string]*imageregistryv1.Config{"no config": nil, "no conditions": fresh} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, config)
			verbs, err := h.run(t)
			if err != nil || len(verbs)+len(h.config.Writes()) > 0 {
				t.Errorf("wrote %v and %v, error %v", verbs, h.config.Writes(), err)
			}
			h.config.Replace(begun)
			if verbs, err = h.run(t); err != nil || !slices.Equal(verbs, []string{"create"}) {
				t.Errorf("then wrote %v, error %v", verbs, err)
			}
		})
	}
}

func TestSyncRevertsDriftAndKeepsForeignMetadata(t *testing.T) {
	pod := func(d *appsv1.DaemonSet) *corev1.PodSpec { return &d.Spec.Template.Spec }
	for name, drift := range map[string]func(*appsv1.DaemonSet){
		"no tolerations": func(d *appsv1.DaemonSet) { pod(d).Tolerations = nil },
		"another image":  func(d *appsv1.DaemonSet) { pod(d).Containers[0].Image = "evil" },
		"a privileged container": func(d *appsv1.DaemonSet) {
			privileged := true
			pod(d).Containers[0].SecurityContext.Privileged = &privileged
		},
		"another folder":          func(d *appsv1.DaemonSet) { pod(d).Volumes[0].HostPath.Path = "/" },
		"another container":       func(d *appsv1.DaemonSet) { pod(d).Containers = append(pod(d).Containers, corev1.Container{Name: "x"}) },
		"another strategy":        func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType },
		"a restart of the pods":   func(d *appsv1.DaemonSet) { d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "now" },
		"a label of ours removed": func(d *appsv1.DaemonSet) { delete(d.Labels, "app.kubernetes.io/component") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, configIn(operatorv1.Removed))
			_, err := h.run(t)
			synctest.Must(t, err)
			want := h.get(t)
			want.Labels["others"], want.Annotations["others"] = "kept", "kept"
			h.store(t, func(d *appsv1.DaemonSet) {
				d.Labels["others"], d.Annotations["others"] = "kept", "kept"
				drift(d)
			})
			verbs, err := h.run(t)
			synctest.Must(t, err)
			if diff := cmp.Diff([]string{"update"}, verbs); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			got := h.get(t)
			got.ManagedFields, want.ManagedFields = nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("reverted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSyncReplacesADaemonSetWithAnotherSelector(t *testing.T) {
	foreign := Desired(image)
	foreign.Spec.Selector.MatchLabels["name"] = "x"
	h := newHarness(t, configIn(operatorv1.Managed), foreign)
	verbs, err := h.run(t)
	synctest.Must(t, err)
	if diff := cmp.Diff([]string{"delete", "create"}, verbs); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestSyncLeavesADaemonSetOnItsWayOutAlone(t *testing.T) {
	going := Desired("old")
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: now}, []string{"foregroundDeletion"}
	h := newHarness(t, configIn(operatorv1.Managed), going)
	verbs, err := h.run(t)
	if err != nil || len(verbs) > 0 {
		t.Errorf("wrote %v, error %v", verbs, err)
	}
}

func TestSyncDegradesAfterAWhile(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	refused := true
	h.kube.PrependReactor("create", "daemonsets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return refused, nil, errors.New("no")
	})
	expect := func(want said) {
		t.Helper()
		if _, err := h.run(t); (err != nil) != refused {
			t.Errorf("error %v, refused %v", err, refused)
		}
		if got := h.condition(t, "NodeCADaemonControllerDegraded"); got != want {
			t.Errorf("condition %v, want %v", got, want)
		}
		if got := h.condition(t, "NodeCADaemonAvailable"); got.Status != "False" {
			t.Errorf("condition %v", got)
		}
	}
	expect(said{})
	h.clock.SetTime(now.Add(2*time.Minute - time.Second))
	expect(said{})
	h.clock.SetTime(now.Add(2 * time.Minute))
	expect(said{"NodeCADaemonControllerDegraded", "True", "Error"})
	refused = false
	expect(said{"NodeCADaemonControllerDegraded", "False", "AsExpected"})
}

// A rollout on a single node leaves it without a pod for a moment.
func TestSyncHoldsBackThatThereIsNoPodForAWhile(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	available := func(at time.Duration, pods int32, want said) {
		t.Helper()
		h.clock.SetTime(now.Add(at))
		h.store(t, func(d *appsv1.DaemonSet) { d.Status.DesiredNumberScheduled, d.Status.NumberAvailable = 1, pods })
		if _, err := h.run(t); err != nil {
			t.Error(err)
		}
		if got := h.condition(t, "NodeCADaemonAvailable"); got != want {
			t.Errorf("after %s with %d pods %v, want %v", at, pods, got, want)
		}
		held := pods == 0 && want.Status == operatorv1.ConditionTrue
		if got := h.condition(t, "NodeCADaemonServing"); held != (got.Status == operatorv1.ConditionFalse) {
			t.Errorf("after %s with %d pods %v", at, pods, got)
		}
	}
	yes, no := said{"NodeCADaemonAvailable", "True", "AsExpected"}, said{"NodeCADaemonAvailable", "False", "NoAvailableReplicas"}
	available(0, 0, no) // there has never been one
	available(time.Minute, 1, yes)
	available(10*time.Minute, 0, yes)
	available(11*time.Minute, 0, yes)
	available(11*time.Minute+time.Second, 1, yes)
	available(12*time.Minute, 0, yes) // two short ones are not a long one
	available(14*time.Minute-time.Second, 0, yes)
	available(14*time.Minute, 0, no)
	available(15*time.Minute, 1, yes)
}

func TestSyncDoesNotReportACacheThatIsBehind(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	h.kube.PrependReactor("create", "daemonsets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewAlreadyExists(appsv1.Resource("daemonsets"), "node-ca")
	})
	if _, err := h.run(t); err == nil {
		t.Error("the sync must be repeated")
	}
	if got := h.config.Writes(); len(got) > 0 {
		t.Errorf("wrote %v", got)
	}
}

// The pods ask for no more than they need: the network and one folder of the host, and to write there.
func TestDesiredIsLeastPrivileged(t *testing.T) {
	spec := Desired(image).Spec.Template.Spec
	container := spec.Containers[0]
	if container.Image != image || !slices.Equal(append(container.Command, container.Args...), []string{"cluster-image-registry-operator", "node-ca-sync"}) {
		t.Errorf("runs %s %v %v", container.Image, container.Command, container.Args)
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken || spec.HostPID || spec.HostIPC {
		t.Error("the pods get a token, or more namespaces of the host than its network")
	}
	context := container.SecurityContext
	if context.Privileged != nil || *context.AllowPrivilegeEscalation || !*context.ReadOnlyRootFilesystem || context.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security context %v", context)
	}
	if diff := cmp.Diff(&corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"DAC_OVERRIDE"}}, context.Capabilities); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	for _, volume := range spec.Volumes {
		if volume.HostPath != nil && volume.HostPath.Path != "/etc/docker/certs.d" {
			t.Errorf("the pods see %s of the host", volume.HostPath.Path)
		}
	}
	for _, mount := range container.VolumeMounts {
		if !mount.ReadOnly && mount.MountPath != "/etc/docker/certs.d" {
			t.Errorf("the pods may write %s", mount.MountPath)
		}
	}
	if strings.Contains(spec.PriorityClassName, "node") != true || len(spec.Tolerations) != 1 || spec.Tolerations[0] != (corev1.Toleration{Operator: corev1.TolerationOpExists}) {
		t.Errorf("priority %s, tolerations %v", spec.PriorityClassName, spec.Tolerations)
	}
}

func TestTriggers(t *testing.T) {
	h := newHarness(t, nil)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.DaemonSetInformer = stage.On("configs"), stage.On("daemonsets")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{"configs": &imageregistryv1.Config{}, "daemonsets": &appsv1.DaemonSet{}})
}
