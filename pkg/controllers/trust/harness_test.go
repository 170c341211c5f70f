package trust

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
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
	// leaving tells that pods of the registry are on another storage than status.storage.
	leaving bool
}

func newHarness(t *testing.T, config *imageregistryv1.Config, objects ...runtime.Object) *harness {
	t.Helper()
	h := &harness{
		client: kubefake.NewClientset(), configMaps: synctest.Indexer(), bundles: map[string]string{},
	}
	h.clock, h.config, h.recorder, h.syncCtx = synctest.Parts(config)
	services, images := synctest.Indexer(), synctest.Indexer()
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.ConfigMap:
			synctest.Must(t, h.client.Tracker().Add(o))
		case *corev1.Service:
			synctest.Must(t, services.Add(o))
		case *configv1.Image:
			synctest.Must(t, images.Add(o))
		}
	}
	lister := corelisters.NewConfigMapLister(h.configMaps)
	h.controller = &controller{applier: apply.NewApplier(h.recorder), Deps: Deps{
		Client: h.config, Clock: h.clock, Recorder: h.recorder, ConfigMapClient: h.client.CoreV1(),
		ConfigMaps: lister.ConfigMaps(here), RegistryCA: lister.ConfigMaps(managed), UserConfigMaps: lister.ConfigMaps(user),
		Services: corelisters.NewServiceLister(services).Services(here), Images: configlisters.NewImageLister(images),
		Drivers: storage.Drivers{{Kind: storage.S3, CABundle: h.bundle}},
		Settled: func(*imageregistryv1.Config) (bool, error) { return !h.leaving, nil },
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

// refresh lets the cache catch up with the API server.
func (h *harness) refresh(t *testing.T) {
	t.Helper()
	list, err := h.client.CoreV1().ConfigMaps("").List(t.Context(), metav1.ListOptions{})
	synctest.Must(t, err)
	synctest.Refill(t, h.configMaps, list.Items)
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
	synctest.Must(t, err)
	h.client.ClearActions()
	return configMap
}

// edit changes a stored ConfigMap as somebody else would.
func (h *harness) edit(t *testing.T, namespace, name string, change func(*corev1.ConfigMap)) {
	t.Helper()
	configMap := h.get(t, namespace, name)
	change(configMap)
	_, err := h.client.CoreV1().ConfigMaps(namespace).Update(t.Context(), configMap, metav1.UpdateOptions{})
	synctest.Must(t, err)
	h.refresh(t)
}

func (h *harness) expect(t *testing.T, status operatorv1.ConditionStatus, reason, message string) {
	t.Helper()
	config, err := h.config.Config()
	synctest.Must(t, err)
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
