package configobserver

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

const (
	modern = `{"servingInfo":{"minTLSVersion":"VersionTLS13","cipherSuites":["TLS_AES_128_GCM_SHA256","TLS_AES_256_GCM_SHA384","TLS_CHACHA20_POLY1305_SHA256"]}}`
	wrote  = "patch ImageRegistryConfigObserver-ConfigObserver /spec/observedConfig"
	fine   = "status ImageRegistryConfigObserver-ConfigObserver ConfigObservationDegraded=False/"
	broken = "status ImageRegistryConfigObserver-ConfigObserver ConfigObservationDegraded=True/Error"
)

type harness struct {
	*controller
	config   *operatorclienttest.Client
	servers  cache.Indexer
	recorder events.InMemoryRecorder
	syncCtx  factory.SyncContext
}

// newHarness has an APIServer with profile, nil for no APIServer, and a Config with observed settings.
func newHarness(t *testing.T, observed string, server *configv1.APIServer) *harness {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = operatorv1.Managed
	if observed != "" {
		config.Spec.ObservedConfig.Raw = []byte(observed)
	}
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionTrue}}
	h := &harness{servers: cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil), config: operatorclienttest.New(config, clock)}
	h.recorder = events.NewInMemoryRecorder("test", clock)
	h.syncCtx = factory.NewSyncContext("test", h.recorder)
	h.controller = &controller{Deps: Deps{Client: h.config, APIServers: configlisters.NewAPIServerLister(h.servers), Recorder: h.recorder}}
	if server != nil {
		h.set(t, server)
	}
	return h
}

func (h *harness) set(t *testing.T, server *configv1.APIServer) {
	t.Helper()
	if err := h.servers.Add(server); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) edit(t *testing.T, change func(*imageregistryv1.Config)) {
	t.Helper()
	config, err := h.config.Config()
	if err != nil {
		t.Fatal(err)
	}
	change(config)
	h.config.Replace(config)
}

// run syncs and returns what was written and which events were raised.
func (h *harness) run(t *testing.T) (writes []string, err error) {
	t.Helper()
	h.config.ForgetWrites()
	err = h.sync(t.Context(), h.syncCtx)
	return h.config.Writes(), err
}

func (h *harness) reasons() []string {
	var all []string
	for _, event := range h.recorder.Events() {
		all = append(all, event.Reason)
	}
	return all
}

func server(profile *configv1.TLSSecurityProfile) *configv1.APIServer {
	return &configv1.APIServer{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: configv1.APIServerSpec{TLSSecurityProfile: profile}}
}

func ofType(profile configv1.TLSProfileType) *configv1.APIServer {
	return server(&configv1.TLSSecurityProfile{Type: profile})
}

func badProfile() *configv1.APIServer {
	return server(&configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType, Custom: &configv1.CustomTLSProfile{
		TLSProfileSpec: configv1.TLSProfileSpec{MinTLSVersion: "VersionTLS12", Ciphers: []string{"NO-SUCH"}},
	}})
}

func TestSync(t *testing.T) {
	strict := ofType("Modern")
	strict.Spec.TLSAdherence = configv1.TLSAdherencePolicyStrictAllComponents
	for _, tc := range []struct {
		name     string
		observed string
		server   *configv1.APIServer
		edit     func(*imageregistryv1.Config)
		writes   []string
		contains string
		fails    bool
	}{
		{"a new profile is written", `{"servingInfo":{"minTLSVersion":"VersionTLS12"}}`, ofType("Modern"), nil, []string{wrote, fine}, `"VersionTLS13"`, false},
		{"the same profile in another order is left as it is", `{"servingInfo":{"cipherSuites":["TLS_AES_128_GCM_SHA256","TLS_AES_256_GCM_SHA384","TLS_CHACHA20_POLY1305_SHA256"],"minTLSVersion":"VersionTLS13"}}`, ofType("Modern"), nil, []string{fine}, "VersionTLS13", false},
		{"no APIServer is Intermediate", "", nil, nil, []string{wrote, fine}, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", false},
		{"what others put there goes", `{"other":1,` + modern[1:], ofType("Modern"), nil, []string{wrote, fine}, modern, false},
		{"what does not parse is replaced", `"text"`, ofType("Modern"), nil, []string{wrote, fine}, modern, false},
		{"Unmanaged is observed", "", ofType("Modern"), func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Unmanaged }, []string{wrote, fine}, modern, false},
		{"Removed is observed", "", ofType("Modern"), func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Removed }, []string{wrote, fine}, modern, false},
		{"tlsAdherence changes nothing", "", strict, nil, []string{wrote, fine}, modern, false},
		{"a profile that cannot be expressed leaves the last one", modern, badProfile(), nil, []string{broken}, modern, true},
		{"good news waits on a new cluster", modern, ofType("Modern"), func(c *imageregistryv1.Config) { c.Status.Conditions = nil }, nil, modern, false},
		{"bad news does not", modern, badProfile(), func(c *imageregistryv1.Config) { c.Status.Conditions = nil }, []string{broken}, modern, true},
		{"a deleted Config is left alone", "", ofType("Modern"), func(c *imageregistryv1.Config) {
			c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		}, nil, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.observed, tc.server)
			if tc.edit != nil {
				h.edit(t, tc.edit)
			}
			writes, err := h.run(t)
			if (err != nil) != tc.fails {
				t.Errorf("error %v, want one: %v", err, tc.fails)
			}
			if diff := cmp.Diff(tc.writes, writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			config, err := h.config.Config()
			if err != nil || !strings.Contains(string(config.Spec.ObservedConfig.Raw), tc.contains) {
				t.Errorf("observedConfig %s, want %s in it; error %v", config.Spec.ObservedConfig.Raw, tc.contains, err)
			}
			if writes, _ := h.run(t); len(writes) > 0 {
				t.Errorf("the second sync wrote %v", writes)
			}
		})
	}
}

func TestEventsTellEachChangeOnce(t *testing.T) {
	h := newHarness(t, `{"servingInfo":{"minTLSVersion":"VersionTLS12","cipherSuites":["TLS_AES_128_GCM_SHA256"]}}`, ofType("Modern"))
	for range 3 {
		if _, err := h.run(t); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"ObserveTLSSecurityProfile", "ObserveTLSSecurityProfile", "ObservedConfigChanged"}, h.reasons()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAWriteThatFailsIsToldOnceAndHeals(t *testing.T) {
	h := newHarness(t, "", ofType("Modern"))
	h.config.Fail("patch", errors.New("no etcd"))
	for range 3 {
		if _, err := h.run(t); err == nil {
			t.Error("the failure was not returned")
		}
	}
	config, err := h.config.Config()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Status.Conditions[1]; got.Status != operatorv1.ConditionTrue || got.Reason != "Error" || got.Message != "no etcd" {
		t.Errorf("condition %+v", got)
	}
	if diff := cmp.Diff([]string{"ObservedConfigWriteError"}, h.reasons()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	h.config.Fail("patch", nil)
	writes, err := h.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{wrote, fine}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestACacheThatIsBehindIsNoNews(t *testing.T) {
	h := newHarness(t, "", ofType("Modern"))
	h.config.Fail("patch", apierrors.NewConflict(schema.GroupResource{Resource: "configs"}, "cluster", nil))
	writes, err := h.run(t)
	if !apierrors.IsConflict(err) || len(writes) > 0 || len(h.reasons()) > 0 {
		t.Errorf("error %v, writes %v, events %v", err, writes, h.reasons())
	}
}

func TestWithoutConfigNothingHappens(t *testing.T) {
	h := newHarness(t, "", ofType("Modern"))
	h.config.Delete()
	if writes, err := h.run(t); err != nil || len(writes) > 0 {
		t.Errorf("error %v, writes %v", err, writes)
	}
}

func TestTriggers(t *testing.T) {
	h := newHarness(t, "", nil)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.APIServerInformer = stage.On("configs"), stage.On("apiservers")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{"configs": &imageregistryv1.Config{}, "apiservers": &configv1.APIServer{}})
}
