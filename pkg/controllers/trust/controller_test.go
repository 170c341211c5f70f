package trust

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	here    = "openshift-image-registry"
	managed = "openshift-config-managed"
	user    = "openshift-config"
)

type harness struct {
	*controller
	clock      *clocktesting.FakePassiveClock
	config     *operatorclienttest.Client
	client     *kubefake.Clientset
	configMaps cache.Indexer
	recorder   events.InMemoryRecorder
	syncCtx    factory.SyncContext
	// bundles are what the storage driver answers by bucket; a bucket that is not listed is an error.
	bundles map[string]string
}

func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	index := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	h := &harness{
		clock:  clocktesting.NewFakePassiveClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)),
		client: kubefake.NewClientset(), configMaps: index(), bundles: map[string]string{},
	}
	h.config = operatorclienttest.New(config, h.clock)
	h.recorder = events.NewInMemoryRecorder("test", h.clock)
	h.syncCtx = factory.NewSyncContext("test", h.recorder)
	services, images := index(), index()
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.ConfigMap:
			must(t, h.client.Tracker().Add(o))
		case *corev1.Service:
			must(t, services.Add(o))
		case *configv1.Image:
			must(t, images.Add(o))
		}
	}
	lister := corelisters.NewConfigMapLister(h.configMaps)
	h.controller = &controller{applier: apply.NewApplier(h.recorder), Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, ConfigMapClient: h.client.CoreV1(),
		ConfigMaps: lister.ConfigMaps(here), RegistryCA: lister.ConfigMaps(managed), UserConfigMaps: lister.ConfigMaps(user),
		Services: corelisters.NewServiceLister(services).Services(here), Images: configlisters.NewImageLister(images),
		Drivers: storage.Drivers{{Kind: storage.S3, CABundle: h.bundle}},
		StorageInputs: func(_ *imageregistryv1.Config, coordinates storage.Coordinates) (storage.Inputs, error) {
			return storage.Inputs{Coordinates: coordinates}, nil
		},
	}}
	h.refresh(t)
	return h
}

func (h *harness) bundle(in storage.Inputs) (storage.CABundle, error) {
	pem, ok := h.bundles[in.Coordinates.S3.Bucket]
	if !ok {
		return storage.CABundle{}, errors.New("no bundle for " + in.Coordinates.S3.Bucket)
	}
	return storage.CABundle{PEM: []byte(pem)}, nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refresh lets the cache catch up with the API server.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.client.CoreV1().ConfigMaps("").List(t.Context(), metav1.ListOptions{})
	must(t, err)
	var items []any
	for i := range list.Items {
		items = append(items, &list.Items[i])
	}
	must(t, h.configMaps.Replace(items, ""))
	h.client.ClearActions()
	h.config.ForgetWrites()
}

// run syncs once and returns what was written to ConfigMaps.
func (h *harness) run(t *testing.T) ([]string, error) {
	t.Helper()
	err := h.sync(t.Context(), h.syncCtx)
	writes := []string{}
	for _, action := range h.client.Actions() {
		name := ""
		switch a := action.(type) {
		case clienttesting.CreateAction: // an update has the same method
			name = a.GetObject().(*corev1.ConfigMap).Name
		case clienttesting.DeleteAction:
			name = a.GetName()
		}
		writes = append(writes, action.GetVerb()+" "+action.GetNamespace()+"/"+name)
	}
	h.client.ClearActions()
	return writes, err
}

func (h *harness) get(t *testing.T, namespace, name string) *corev1.ConfigMap {
	t.Helper()
	configMap, err := h.client.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	h.client.ClearActions()
	return configMap
}

// edit changes a stored ConfigMap as somebody else would.
func (h *harness) edit(t *testing.T, namespace, name string, change func(*corev1.ConfigMap)) {
	t.Helper()
	configMap := h.get(t, namespace, name)
	change(configMap)
	_, err := h.client.CoreV1().ConfigMaps(namespace).Update(t.Context(), configMap, metav1.UpdateOptions{})
	must(t, err)
	h.refresh(t)
}

func (h *harness) expect(t *testing.T, status operatorv1.ConditionStatus, reason, message string) {
	t.Helper()
	config, err := h.config.Config()
	must(t, err)
	for _, got := range config.Status.Conditions {
		if got.Type != "ImageRegistryCertificatesControllerDegraded" {
			continue
		}
		if got.Status != status || got.Reason != reason || got.Message != message {
			t.Errorf("condition is %s/%s %q, want %s/%s %q", got.Status, got.Reason, got.Message, status, reason, message)
		}
		return
	}
	t.Error("no condition")
}

func configIn(state operatorv1.ManagementState, spec, status string) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = state
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionFalse}}
	for bucket, union := range map[string]*imageregistryv1.ImageRegistryConfigStorage{"spec:" + spec: &config.Spec.Storage, "status:" + status: &config.Status.Storage} {
		if _, bucket, _ = strings.Cut(bucket, ":"); bucket != "" {
			union.S3 = &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: bucket}
		}
	}
	return config
}

func stored(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

func injected(ca string) *corev1.ConfigMap {
	return stored(here, "serviceca", data{"service-ca.crt": ca})
}

func imageNaming(name string) *configv1.Image {
	image := &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	image.Spec.AdditionalTrustedCA.Name = name
	return image
}

func TestSyncPublishesBothOutputsAndThenIsSilent(t *testing.T) {
	ca, store, extra := newCertificate(t), newCertificate(t), newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "b", "b"), service(5000), injected(ca),
		imageNaming("mine"), stored(user, "mine", data{"r.example.com": extra}))
	h.bundles["b"] = store
	writes, err := h.run(t)
	must(t, err)
	if diff := cmp.Diff([]string{"update " + here + "/serviceca", "create " + here + "/image-registry-certificates", "create " + managed + "/image-registry-ca"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
	own := ca + "\n" + store
	if diff := cmp.Diff(data{key1: own, key2: own, storageKey: store, "r.example.com": extra}, h.get(t, here, "image-registry-certificates").Data); diff != "" {
		t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
	}
	registryCA := h.get(t, managed, "image-registry-ca")
	if diff := cmp.Diff(data{key1: own, key2: own}, registryCA.Data); diff != "" {
		t.Errorf("image-registry-ca (-want +got):\n%s", diff)
	}
	if registryCA.Annotations["openshift.io/owning-component"] != "Image Registry" || !strings.HasPrefix(registryCA.Annotations["imageregistry.operator.openshift.io/checksum"], "sha256:") {
		t.Errorf("annotations %v", registryCA.Annotations)
	}
	h.refresh(t)
	writes, err = h.run(t)
	if err != nil || len(writes)+len(h.config.Writes()) > 0 {
		t.Errorf("second sync wrote %v and %v, error %v", writes, h.config.Writes(), err)
	}
}

func TestSyncRunsInEveryState(t *testing.T) {
	ca, store := newCertificate(t), newCertificate(t)
	own := ca + "\n" + store
	for _, tc := range []struct {
		state operatorv1.ManagementState
		want  data
	}{
		{operatorv1.Managed, data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Unmanaged, data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Force, data{key1: own, key2: own, storageKey: store}},
		{"", data{key1: own, key2: own, storageKey: store}},
		{operatorv1.Removed, data{key1: ca, key2: ca}},
	} {
		t.Run("state "+string(tc.state), func(t *testing.T) {
			h := newHarness(t, configIn(tc.state, "b", "b"), service(5000), injected(ca))
			h.bundles["b"] = store
			_, err := h.run(t)
			must(t, err)
			if diff := cmp.Diff(tc.want, h.get(t, here, "image-registry-certificates").Data); diff != "" {
				t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
			}
			h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
		})
	}
}

func TestSyncTrustsBothLocationsDuringASwitch(t *testing.T) {
	first, second := newCertificate(t), newCertificate(t)
	for _, tc := range []struct {
		name, spec, status string
		edit               func(*imageregistryv1.Config)
		want               string
		status2            operatorv1.ConditionStatus
		message            string
	}{
		{name: "before the switch", spec: "one", status: "one", want: first, status2: "False"},
		{name: "during the switch", spec: "two", status: "one", want: second + "\n" + first, status2: "False"},
		{name: "before the first storage is there", spec: "one", want: first, status2: "False"},
		{name: "a bad new location leaves the old one", spec: "bad", status: "one", want: first, status2: "True", message: "the CA bundle for spec.storage: no bundle for bad"},
		{
			name: "two kinds in spec are the storage controller's to report", spec: "two", status: "one", want: first, status2: "False",
			edit: func(c *imageregistryv1.Config) {
				c.Spec.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
			},
		},
		{
			name: "so is a kind without driver", status: "one", want: first, status2: "False",
			edit: func(c *imageregistryv1.Config) {
				c.Spec.Storage.GCS = &imageregistryv1.ImageRegistryConfigStorageGCS{}
			},
		},
		{name: "no storage at all", status2: "False"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configIn(operatorv1.Managed, tc.spec, tc.status)
			if tc.edit != nil {
				tc.edit(config)
			}
			h := newHarness(t, config, stored(here, "image-registry-certificates", nil))
			h.bundles["one"], h.bundles["two"] = first, second
			_, err := h.run(t)
			must(t, err)
			if diff := cmp.Diff(tc.want, h.get(t, here, "image-registry-certificates").Data[storageKey]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", storageKey, diff)
			}
			reason := map[operatorv1.ConditionStatus]string{"True": "Error", "False": "AsExpected"}[tc.status2]
			h.expect(t, tc.status2, reason, tc.message)
		})
	}
}

func TestSyncKeepsWhatWasPublishedOfAMissingConfigMap(t *testing.T) {
	ca, extra := newCertificate(t), newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca), imageNaming("mine"),
		stored(here, "image-registry-certificates", data{key1: "an older service CA", "r.example.com": extra}))
	_, err := h.run(t)
	must(t, err)
	if diff := cmp.Diff(data{key1: ca, key2: ca, "r.example.com": extra}, h.get(t, here, "image-registry-certificates").Data); diff != "" {
		t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
	}
	const message = "configmap openshift-config/mine, named by spec.additionalTrustedCA of images.config.openshift.io/cluster, does not exist; still published from it: r.example.com"
	h.expect(t, operatorv1.ConditionTrue, "Error", message)
	if got := h.recorder.Events(); len(got) != 1 || got[0].Type != "Warning" || got[0].Message != message {
		t.Errorf("events %v", got)
	}
	h.refresh(t)
	_, err = h.run(t)
	must(t, err)
	if got := h.recorder.Events(); len(got) != 1 {
		t.Errorf("the same complaint was raised again: %v", got)
	}
}

func TestSyncWarnsWithoutDegrading(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""), imageNaming("mine"), stored(user, "mine", data{"r.example.com": "hello"}))
	_, err := h.run(t)
	must(t, err)
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "key r.example.com of configmap openshift-config/mine: no PEM encoded certificate in it")
}

func TestSyncRevertsDriftAndKeepsForeignMetadata(t *testing.T) {
	ca := newCertificate(t)
	drifts := map[string]func(*corev1.ConfigMap){
		"a changed value":               func(m *corev1.ConfigMap) { m.Data[key1] = "evil" },
		"a removed value":               func(m *corev1.ConfigMap) { delete(m.Data, key2) },
		"an added value":                func(m *corev1.ConfigMap) { m.Data["evil.example.com"] = "evil" },
		"an added binary value":         func(m *corev1.ConfigMap) { m.BinaryData = map[string][]byte{"evil": {1}} },
		"a removed owner annotation":    func(m *corev1.ConfigMap) { delete(m.Annotations, "openshift.io/owning-component") },
		"a removed checksum annotation": func(m *corev1.ConfigMap) { delete(m.Annotations, "imageregistry.operator.openshift.io/checksum") },
		"a changed label":               func(m *corev1.ConfigMap) { m.Labels["app.kubernetes.io/part-of"] = "x" },
	}
	for name, drift := range drifts {
		for _, output := range [][2]string{{here, "image-registry-certificates"}, {managed, "image-registry-ca"}} {
			t.Run(output[1]+": "+name, func(t *testing.T) {
				h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca))
				_, err := h.run(t)
				must(t, err)
				h.refresh(t)
				want := h.get(t, output[0], output[1])
				want.Labels["others"], want.Annotations["others"] = "kept", "kept"
				h.edit(t, output[0], output[1], func(m *corev1.ConfigMap) {
					m.Labels["others"], m.Annotations["others"] = "kept", "kept"
					drift(m)
				})
				writes, err := h.run(t)
				must(t, err)
				if diff := cmp.Diff([]string{"update " + output[0] + "/" + output[1]}, writes); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				got := h.get(t, output[0], output[1])
				got.ManagedFields, want.ManagedFields = nil, nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("reverted (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSyncReplacesAnOutputThatSomebodyMadeImmutable(t *testing.T) {
	ca := newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Managed, "", ""), service(5000), injected(ca))
	_, err := h.run(t)
	must(t, err)
	h.edit(t, here, "image-registry-certificates", func(m *corev1.ConfigMap) { m.Immutable, m.Data = ptr.To(true), nil })
	writes, err := h.run(t)
	must(t, err)
	name := here + "/image-registry-certificates"
	if diff := cmp.Diff([]string{"delete " + name, "create " + name}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestSyncOwnsTheMetadataOfServiceCAAndNeverItsData(t *testing.T) {
	ca := newCertificate(t)
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	writes, err := h.run(t)
	must(t, err)
	if writes[0] != "create "+here+"/serviceca" {
		t.Errorf("writes %v", writes)
	}
	created := h.get(t, here, "serviceca")
	if created.Annotations["service.beta.openshift.io/inject-cabundle"] != "true" || len(created.Data) > 0 {
		t.Errorf("created %+v", created)
	}
	h.edit(t, here, "serviceca", func(m *corev1.ConfigMap) {
		m.Data = data{"service-ca.crt": ca}
		m.Annotations = map[string]string{"others": "kept"}
	})
	_, err = h.run(t)
	must(t, err)
	got := h.get(t, here, "serviceca")
	if got.Annotations["service.beta.openshift.io/inject-cabundle"] != "true" || got.Annotations["others"] != "kept" || got.Data["service-ca.crt"] != ca {
		t.Errorf("kept up %+v", got)
	}
}

func TestSyncWritesEachOutputOnItsOwn(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	h.client.PrependReactor("create", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.(clienttesting.CreateAction).GetObject().(*corev1.ConfigMap).Name != "image-registry-ca" {
			return true, nil, errors.New("no")
		}
		return false, nil, nil
	})
	_, err := h.run(t)
	if err == nil {
		t.Error("the sync must be repeated")
	}
	h.get(t, managed, "image-registry-ca")
	h.expect(t, operatorv1.ConditionTrue, "Error",
		"creating ConfigMap openshift-image-registry/serviceca: no; creating ConfigMap openshift-image-registry/image-registry-certificates: no")
}

func TestSyncDoesNotReportACacheThatIsBehind(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Removed, "", ""))
	h.client.PrependReactor("create", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewAlreadyExists(corev1.Resource("configmaps"), "x")
	})
	if _, err := h.run(t); err == nil {
		t.Error("the sync must be repeated")
	}
	h.expect(t, operatorv1.ConditionFalse, "AsExpected", "")
}

func TestFirstPublicationWaitsForOwnEntries(t *testing.T) {
	const patience = 10 * time.Second
	ca := newCertificate(t)
	for _, tc := range []struct {
		name      string
		config    *imageregistryv1.Config
		objects   []runtime.Object
		age       time.Duration
		published bool
	}{
		{"before Config is there", nil, nil, 0, false},
		{"but not for ever without Config", nil, nil, patience, true},
		{"before the Service is there", configIn(operatorv1.Managed, "", ""), []runtime.Object{injected(ca)}, patience - 1, false},
		{"before the service CA is injected", configIn(operatorv1.Managed, "", ""), []runtime.Object{service(5000)}, patience - 1, false},
		{"but not for ever", configIn(operatorv1.Managed, "", ""), nil, patience, true},
		{"and no longer than needed", configIn(operatorv1.Managed, "", ""), []runtime.Object{injected(ca), service(5000)}, 0, true},
		{"not for a registry that is not to come", configIn(operatorv1.Removed, "", ""), nil, 0, true},
		{"not once something is published", configIn(operatorv1.Managed, "", ""), []runtime.Object{stored(here, "image-registry-certificates", nil)}, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.config, tc.objects...)
			_, err := h.run(t)
			must(t, err)
			h.clock.SetTime(h.clock.Now().Add(tc.age))
			h.refresh(t)
			_, err = h.run(t)
			must(t, err)
			_, err = h.client.CoreV1().ConfigMaps(managed).Get(t.Context(), "image-registry-ca", metav1.GetOptions{})
			if got := err == nil; got != tc.published {
				t.Errorf("published: %v (%v)", got, err)
			}
		})
	}
}

// On a new cluster the first core conditions come first, but a complaint does not wait for them.
func TestGoodNewsWaitsForTheCoreConditions(t *testing.T) {
	for _, tc := range []struct {
		name, bucket string
		want         int
	}{
		{"all is well", "b", 0},
		{"the storage's CA cannot be read", "unknown", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := configIn(operatorv1.Managed, tc.bucket, tc.bucket)
			config.Status.Conditions = nil
			h := newHarness(t, config, service(5000), injected(newCertificate(t)))
			h.bundles["b"] = newCertificate(t)
			_, err := h.run(t)
			must(t, err)
			if got := h.config.Writes(); len(got) != tc.want {
				t.Errorf("wrote %v, want %d", got, tc.want)
			}
		})
	}
}
