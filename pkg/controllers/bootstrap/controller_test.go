package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	imageregistryfake "github.com/openshift/client-go/imageregistry/clientset/versioned/fake"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

type harness struct {
	*controller
	clock    *clocktesting.FakePassiveClock
	config   *operatorclienttest.Client
	registry *imageregistryfake.Clientset
	kube     *kubefake.Clientset
	recorder events.InMemoryRecorder
	syncCtx  factory.SyncContext
	// without are the kinds that the platform does not offer.
	without []storage.Kind
}

// newHarness holds config, and what is created reaches it at once, as if the cache never lagged.
func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Unix(1, 0))
	h := &harness{clock: clock, config: operatorclienttest.New(config, clock), registry: imageregistryfake.NewClientset(), kube: kubefake.NewClientset()}
	h.recorder = events.NewInMemoryRecorder("test", clock)
	h.syncCtx = factory.NewSyncContext("test", h.recorder)
	uids := 0
	h.registry.PrependReactor("create", "configs", func(action clienttesting.Action) (bool, runtime.Object, error) {
		created := action.(clienttesting.CreateAction).GetObject().(*imageregistryv1.Config).DeepCopy()
		uids++
		created.UID = types.UID(fmt.Sprint("uid ", uids))
		h.config.Replace(created)
		stored, err := h.config.Config()
		return true, stored, err
	})
	infrastructures, servers := cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil), cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil)
	for _, object := range objects {
		switch o := object.(type) {
		case *configv1.Infrastructure:
			must(t, infrastructures.Add(o))
		case *configv1.APIServer:
			must(t, servers.Add(o))
		default:
			must(t, h.kube.Tracker().Add(o))
		}
	}
	h.controller = &controller{Deps: Deps{
		Client: h.config, ConfigClient: h.registry.ImageregistryV1().Configs(), Clock: clock, Recorder: h.recorder,
		Infrastructures: configlisters.NewInfrastructureLister(infrastructures), APIServers: configlisters.NewAPIServerLister(servers),
		Default: func(_ context.Context, infrastructure *configv1.Infrastructure) (storage.Default, error) {
			return storage.DefaultFor(infrastructure, h.without...)
		},
		ClaimClient: h.kube.CoreV1().PersistentVolumeClaims("openshift-image-registry"), StorageClassClient: h.kube.StorageV1().StorageClasses(),
	}}
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run syncs once and returns what was written where.
func (h *harness) run(t *testing.T) ([]string, error) {
	t.Helper()
	err := h.sync(t.Context(), h.syncCtx)
	writes := []string{}
	for _, action := range append(h.kube.Actions(), h.registry.Actions()...) {
		if action.GetVerb() != "get" {
			writes = append(writes, action.GetVerb()+" "+action.GetResource().Resource)
		}
	}
	writes = append(writes, h.config.Writes()...)
	h.kube.ClearActions()
	h.registry.ClearActions()
	h.config.ForgetWrites()
	return writes, err
}

func (h *harness) stored(t *testing.T) *imageregistryv1.Config {
	t.Helper()
	config, err := h.config.Config()
	must(t, err)
	return config
}

func expectWrites(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

const seeding = "storage ImageRegistryBootstrapController"

func TestSyncCreatesConfigWithAStatusAndThenIsSilent(t *testing.T) {
	h := newHarness(t, nil, infrastructure("AWS", ""), &configv1.APIServer{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Spec:       configv1.APIServerSpec{TLSSecurityProfile: &configv1.TLSSecurityProfile{Type: "Modern"}},
	})
	writes, err := h.run(t)
	must(t, err)
	expectWrites(t, []string{"create configs"}, writes)
	config := h.stored(t)
	if len(config.Spec.HTTPSecret) != 128 {
		t.Errorf("created without an HTTP secret: %q", config.Spec.HTTPSecret)
	}
	if config.Spec.Storage.S3 == nil || !strings.Contains(string(config.Spec.ObservedConfig.Raw), "VersionTLS13") {
		t.Errorf("created %+v", config.Spec)
	}
	recorded := h.recorder.Events()
	if len(recorded) != 1 || recorded[0].Reason != "ConfigCreated" || !strings.Contains(recorded[0].Message, "managementState Managed, storage S3, replicas 2") {
		t.Errorf("events %v", recorded)
	}
	writes, err = h.run(t)
	must(t, err)
	expectWrites(t, nil, writes)
	h.clock.SetTime(h.clock.Now().Add(storageFirst))
	writes, err = h.run(t)
	must(t, err)
	expectWrites(t, []string{seeding}, writes)
	writes, err = h.run(t)
	must(t, err)
	expectWrites(t, nil, writes)
}

// The first status is left to the storage controller, but not for long.
func TestStorageHasAHeadStart(t *testing.T) {
	managed := func() *imageregistryv1.Config {
		config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster", UID: "u"}}
		config.Spec.ManagementState = operatorv1.Managed
		return config
	}
	for _, tc := range []struct {
		name string
		edit func(*imageregistryv1.Config)
		age  time.Duration
		want []string
	}{
		{"a new one is left alone", nil, 0, nil},
		{"and until just before the end", nil, storageFirst - 1, nil},
		{"then it is given a status", nil, storageFirst, []string{seeding}},
		{"the start counts for each Config", func(c *imageregistryv1.Config) { c.UID = "another" }, storageFirst, nil},
		{"no storage is to be expected when Removed", func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Removed }, 0, []string{seeding}},
		{"nor of one being deleted", func(c *imageregistryv1.Config) {
			c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		}, 0, []string{seeding}},
		{"storage was faster", func(c *imageregistryv1.Config) {
			c.Status.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
		}, storageFirst, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, managed())
			writes, err := h.run(t)
			must(t, err)
			expectWrites(t, nil, writes)
			h.clock.SetTime(h.clock.Now().Add(tc.age))
			if tc.edit != nil {
				config := h.stored(t)
				tc.edit(config)
				h.config.Replace(config)
				h.config.ForgetWrites()
			}
			writes, err = h.run(t)
			must(t, err)
			expectWrites(t, tc.want, writes)
		})
	}
}

func TestSyncStartsOverAfterADeletion(t *testing.T) {
	h := newHarness(t, nil, infrastructure("None", ""))
	_, err := h.run(t)
	must(t, err)
	h.config.Delete()
	writes, err := h.run(t)
	must(t, err)
	expectWrites(t, []string{"create configs", seeding}, writes)
}

func TestSyncLeavesAConfigThatIsThereAlone(t *testing.T) {
	status := func(edit func(*imageregistryv1.Config)) *imageregistryv1.Config {
		config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster", UID: "u"}}
		if edit != nil {
			edit(config)
		}
		return config
	}
	for _, tc := range []struct {
		name   string
		config *imageregistryv1.Config
		want   []string
	}{
		{"one without status is given one", status(nil), []string{seeding}},
		{"one being deleted too", status(func(c *imageregistryv1.Config) {
			c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		}), []string{seeding}},
		{"one with a condition has a status", status(func(c *imageregistryv1.Config) {
			c.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available"}}
		}), nil},
		{"one with storage has a status", status(func(c *imageregistryv1.Config) {
			c.Status.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
		}), nil},
		{"one whose status somebody wrote and that looks empty has a status", status(func(c *imageregistryv1.Config) {
			c.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x", Operation: "Update", Subresource: "status"}}
		}), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.config)
			writes, err := h.run(t)
			must(t, err)
			expectWrites(t, tc.want, writes)
			writes, err = h.run(t)
			must(t, err)
			expectWrites(t, nil, writes)
		})
	}
}

func TestSyncWhileSomebodyElseIsFaster(t *testing.T) {
	resource := imageregistryv1.Resource("configs")
	t.Run("at creating", func(t *testing.T) {
		h := newHarness(t, nil, infrastructure("AWS", ""))
		h.registry.PrependReactor("create", "configs", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewAlreadyExists(resource, "cluster")
		})
		writes, err := h.run(t)
		must(t, err)
		expectWrites(t, []string{"create configs"}, writes)
		if got := h.recorder.Events(); len(got) > 0 {
			t.Errorf("events %v", got)
		}
	})
	t.Run("at the first status", func(t *testing.T) {
		h := newHarness(t, &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}})
		h.config.Fail("storage", apierrors.NewConflict(resource, "cluster", errors.New("newer")))
		_, err := h.run(t)
		must(t, err)
		h.config.Fail("storage", nil)
		writes, err := h.run(t)
		must(t, err)
		expectWrites(t, []string{seeding}, writes)
	})
}

func TestSyncReturnsWhatIsMissing(t *testing.T) {
	t.Run("no Infrastructure", func(t *testing.T) {
		writes, err := newHarness(t, nil).run(t)
		if err == nil || !strings.Contains(err.Error(), "reading infrastructure cluster") {
			t.Errorf("error %v", err)
		}
		expectWrites(t, nil, writes)
	})
	t.Run("no APIServer means the default profile", func(t *testing.T) {
		h := newHarness(t, nil, infrastructure("AWS", ""))
		_, err := h.run(t)
		must(t, err)
		if got := string(h.stored(t).Spec.ObservedConfig.Raw); !strings.Contains(got, "VersionTLS12") {
			t.Errorf("observedConfig %s", got)
		}
	})
	t.Run("an API that refuses Config", func(t *testing.T) {
		h := newHarness(t, nil, infrastructure("AWS", ""))
		h.registry.PrependReactor("create", "configs", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no") })
		if _, err := h.run(t); err == nil || err.Error() != "bootstrapping config cluster: creating it: no" {
			t.Errorf("error %v", err)
		}
	})
}

// brokenServers is a lister that cannot read.
type brokenServers struct{ configlisters.APIServerLister }

func (brokenServers) Get(string) (*configv1.APIServer, error) { return nil, errors.New("broken") }

func TestSyncGoesOnWithoutTLSSettings(t *testing.T) {
	h := newHarness(t, nil, infrastructure("AWS", ""))
	h.APIServers = brokenServers{}
	_, err := h.run(t)
	must(t, err)
	if got := h.stored(t).Spec.ObservedConfig.Raw; len(got) > 0 {
		t.Errorf("observedConfig %s", got)
	}
}

func TestSyncMakesTheClaimFirst(t *testing.T) {
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "ovirt-csi-sc"}}
	existing := newClaim(*mustClaim(t))
	existing.Spec.StorageClassName = nil
	for _, tc := range []struct {
		name    string
		objects []runtime.Object
		class   *string
		warned  bool
	}{
		{"with the platform's class", []runtime.Object{class}, ptr.To("ovirt-csi-sc"), false},
		{"with the default class where the platform's does not exist", nil, nil, true},
		{"unless there is one of that name", []runtime.Object{class, existing}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, nil, append(tc.objects, infrastructure("oVirt", ""))...)
			writes, err := h.run(t)
			must(t, err)
			expectWrites(t, []string{"create persistentvolumeclaims", "create configs"}, writes)
			claim, err := h.ClaimClient.Get(t.Context(), "image-registry-storage", metav1.GetOptions{})
			must(t, err)
			// An empty name is not the default class, it is no class.
			if diff := cmp.Diff(tc.class, claim.Spec.StorageClassName); diff != "" {
				t.Errorf("class (-want +got):\n%s", diff)
			}
			if warned := h.recorder.Events()[0].Reason == "StorageClassNotFound"; warned != tc.warned {
				t.Errorf("events %v", h.recorder.Events())
			}
			made := 0
			for _, event := range h.recorder.Events() {
				if event.Reason == "PersistentVolumeClaimCreated" {
					made++
				}
			}
			if there := slices.Contains(tc.objects, runtime.Object(existing)); there != (made == 0) || made > 1 {
				t.Errorf("%d events for the claim, which was there: %t", made, there)
			}
		})
	}
	t.Run("and not Config when that fails", func(t *testing.T) {
		h := newHarness(t, nil, class, infrastructure("oVirt", ""))
		h.kube.PrependReactor("create", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no") })
		writes, err := h.run(t)
		if err == nil || !strings.Contains(err.Error(), "creating persistentvolumeclaim openshift-image-registry/image-registry-storage: no") {
			t.Errorf("error %v", err)
		}
		expectWrites(t, []string{"create persistentvolumeclaims"}, writes)
	})
}

func mustClaim(t *testing.T) *storage.DefaultClaim {
	t.Helper()
	return platformDefault(t, infrastructure("oVirt", "")).Claim
}

// idle is an informer without objects and events.
type idle struct{}

func (idle) AddEventHandler(cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return nil, nil
}
func (idle) HasSynced() bool { return true }

func TestTheControllerStartsWithoutAnyEvent(t *testing.T) {
	h := newHarness(t, nil, infrastructure("AWS", ""))
	h.ConfigInformer, h.InfrastructureInformer, h.APIServerInformer, h.SecretInformer = idle{}, idle{}, idle{}, idle{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	created := make(chan struct{})
	h.registry.PrependReactor("create", "configs", func(clienttesting.Action) (bool, runtime.Object, error) {
		close(created)
		return false, nil, nil
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(h.Deps).Run(ctx, 1)
	}()
	select {
	case <-created:
	case <-ctx.Done():
		t.Error("no Config was created")
	}
	cancel()
	<-ended
}
