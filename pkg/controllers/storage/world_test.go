package storage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/fake"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	appsv1listers "k8s.io/client-go/listers/apps/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configv1listers "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

var errCrash = errors.New("the process is gone")

// world is a cluster and a cloud in memory. Processes (controllers) come and go in it.
type world struct {
	t          *testing.T
	client     *operatorclienttest.Client
	kube       *fake.Clientset
	cloud      *cloud
	clock      *clocktesting.FakeClock
	recorder   events.InMemoryRecorder
	metrics    *countedMetrics
	indexers   map[string]cache.Indexer
	controller *controller
	// budget is how many calls that write the process has left to live; negative for ever.
	budget int
	// lost makes the last call take effect with its answer lost, rather than not at all.
	lost bool
}

func newWorld(t *testing.T, config *imageregistryv1.Config) *world {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	w := &world{
		t: t, clock: clock, client: operatorclienttest.New(config, clock), kube: fake.NewClientset(),
		recorder: events.NewInMemoryRecorder("test", clock), metrics: &countedMetrics{}, budget: -1,
		indexers: map[string]cache.Indexer{},
	}
	w.cloud = &cloud{w: w, media: map[string]*medium{}, fail: map[string]error{}}
	for _, kind := range []string{"infrastructures", "configmaps", "deployments", "pods"} {
		w.indexers[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	w.add("infrastructures", infrastructure(configv1.AWSPlatformType))
	w.restart()
	return w
}

func infrastructure(platform configv1.PlatformType) *configv1.Infrastructure {
	return &configv1.Infrastructure{
		ObjectMeta: metav1.ObjectMeta{Name: names.Cluster},
		Status: configv1.InfrastructureStatus{
			InfrastructureName: "infra",
			PlatformStatus:     &configv1.PlatformStatus{Type: platform, AWS: &configv1.AWSPlatformStatus{Region: "us-east-1"}},
		},
	}
}

// config is a Config in state Managed.
func config(edits ...func(*imageregistryv1.Config)) *imageregistryv1.Config {
	c := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster, UID: "config-uid"}}
	c.Spec.ManagementState, c.Spec.Replicas = operatorv1.Managed, 1
	c.Spec.Storage.S3 = &imageregistryv1.ImageRegistryConfigStorageS3{}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

func bucket(name string) func(*imageregistryv1.Config) {
	return func(c *imageregistryv1.Config) { c.Spec.Storage.S3.Bucket = name }
}

func (w *world) add(kind string, object any) {
	w.t.Helper()
	if err := w.indexers[kind].Add(object); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) drop(kind string, object any) {
	w.t.Helper()
	if err := w.indexers[kind].Delete(object); err != nil {
		w.t.Fatal(err)
	}
}

// secret makes the Secret of that name hold value.
func (w *world) secret(name, value string) {
	w.t.Helper()
	client := w.kube.CoreV1().Secrets(names.OperatorNamespace)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"key": []byte(value)}}
	_, err := client.Create(context.Background(), secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = client.Update(context.Background(), secret, metav1.UpdateOptions{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// restart begins a new process, which remembers nothing.
func (w *world) restart() {
	secrets := w.kube.CoreV1().Secrets(names.OperatorNamespace)
	configMaps := corev1listers.NewConfigMapLister(w.indexers["configmaps"])
	w.controller = &controller{timeout: syncTimeout, Deps: Deps{
		Client: &mortalClient{Client: w.client, w: w},
		Whereabouts: Whereabouts{
			Drivers:     storage.Drivers{w.cloud.driver()},
			Secrets:     secretLister{secrets},
			Deployments: appsv1listers.NewDeploymentLister(w.indexers["deployments"]).Deployments(names.OperatorNamespace),
			Pods:        corev1listers.NewPodLister(w.indexers["pods"]).Pods(names.OperatorNamespace),
		},
		Infrastructures:   configv1listers.NewInfrastructureLister(w.indexers["infrastructures"]),
		SecretClient:      mortalSecrets{secrets, w},
		UserConfigMaps:    configMaps.ConfigMaps(names.UserConfigNamespace),
		ManagedConfigMaps: configMaps.ConfigMaps(names.ManagedConfigNamespace),
		Jobs:              jobLister{w.kube.BatchV1().Jobs(names.OperatorNamespace)},
		JobClient:         mortalJobs{w.kube.BatchV1().Jobs(names.OperatorNamespace), w},
		Image:             "operator",
		Clock:             w.clock,
		Recorder:          w.recorder,
		Metrics:           w.metrics,
	}}
}

func (w *world) sync() error {
	return w.controller.sync(context.Background(), factory.NewSyncContext("test", w.recorder))
}

func (w *world) mustSync() {
	w.t.Helper()
	if err := w.sync(); err != nil {
		w.t.Fatalf("sync: %v", err)
	}
}

func (w *world) config() *imageregistryv1.Config {
	w.t.Helper()
	c, err := w.client.Config()
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) edit(edit func(*imageregistryv1.Config)) {
	w.t.Helper()
	c := w.config()
	edit(c)
	w.client.Replace(c)
}

// owner makes the administrator the one who set spec.storage.managementState last.
func owner(c *imageregistryv1.Config) {
	c.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1",
		FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:storage":{"f:managementState":{}}}}`)},
	}}
}

// condition is "Status/Reason" of a condition; empty when there is none.
func (w *world) condition(conditionType string) string {
	for _, c := range w.config().Status.Conditions {
		if c.Type == conditionType {
			return string(c.Status) + "/" + c.Reason
		}
	}
	return ""
}

func (w *world) message(conditionType string) string {
	for _, c := range w.config().Status.Conditions {
		if c.Type == conditionType {
			return c.Message
		}
	}
	return ""
}

func (w *world) expect(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s is %q, want %q\nwrites:\n%s\ncloud: %v\nconditions: %+v", what, got, want,
			strings.Join(w.client.Writes(), "\n"), w.cloud.calls, w.config().Status.Conditions)
	}
}

func (w *world) eventReasons() []string {
	var reasons []string
	for _, e := range w.recorder.Events() {
		reasons = append(reasons, e.Reason)
	}
	return reasons
}

// mutate spends one call that writes.
func (w *world) mutate(effect func() error) error {
	switch {
	case w.budget == 0:
		return errCrash
	case w.budget > 0:
		w.budget--
	}
	err := effect()
	if w.budget == 0 && w.lost {
		return errCrash
	}
	return err
}

// mortalClient is a client whose process may die.
type mortalClient struct {
	operatorclient.Client
	w *world
}

func (m *mortalClient) Patch(ctx context.Context, manager string, config *imageregistryv1.Config, changes ...operatorclient.Change) (out *imageregistryv1.Config, err error) {
	err = m.w.mutate(func() error {
		out, err = m.Client.Patch(ctx, manager, config, changes...)
		return err
	})
	return out, err
}

func (m *mortalClient) ReplaceStorage(ctx context.Context, manager string, config *imageregistryv1.Config, s imageregistryv1.ImageRegistryConfigStorage, managed bool) (out *imageregistryv1.Config, err error) {
	err = m.w.mutate(func() error {
		out, err = m.Client.ReplaceStorage(ctx, manager, config, s, managed)
		return err
	})
	return out, err
}

func (m *mortalClient) ApplyStatus(ctx context.Context, manager string, status operatorclient.Status) error {
	return m.w.mutate(func() error { return m.Client.ApplyStatus(ctx, manager, status) })
}

// secretLister reads the operator's Secrets without the delay of a cache.
type secretLister struct{ client corev1client.SecretInterface }

func (s secretLister) List(labels.Selector) ([]*corev1.Secret, error) {
	return nil, errors.New("the controller lists no secrets")
}

func (s secretLister) Get(name string) (*corev1.Secret, error) {
	return s.client.Get(context.Background(), name, metav1.GetOptions{})
}

// mortalSecrets is a client whose process may die.
type mortalSecrets struct {
	corev1client.SecretInterface
	w *world
}

func (m mortalSecrets) Create(ctx context.Context, secret *corev1.Secret, options metav1.CreateOptions) (out *corev1.Secret, err error) {
	err = m.w.mutate(func() error {
		out, err = m.SecretInterface.Create(ctx, secret, options)
		return err
	})
	return out, err
}

func (m mortalSecrets) Update(ctx context.Context, secret *corev1.Secret, options metav1.UpdateOptions) (out *corev1.Secret, err error) {
	err = m.w.mutate(func() error {
		out, err = m.SecretInterface.Update(ctx, secret, options)
		return err
	})
	return out, err
}

func (m mortalSecrets) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return m.w.mutate(func() error { return m.SecretInterface.Delete(ctx, name, options) })
}

// jobLister reads Jobs without the delay of a cache.
type jobLister struct{ client batchv1client.JobInterface }

func (j jobLister) List(labels.Selector) ([]*batchv1.Job, error) {
	return nil, errors.New("the controller lists no jobs")
}

func (j jobLister) Get(name string) (*batchv1.Job, error) {
	return j.client.Get(context.Background(), name, metav1.GetOptions{})
}

// mortalJobs is a client whose process may die.
type mortalJobs struct {
	batchv1client.JobInterface
	w *world
}

func (m mortalJobs) Create(ctx context.Context, job *batchv1.Job, options metav1.CreateOptions) (out *batchv1.Job, err error) {
	err = m.w.mutate(func() error {
		out, err = m.JobInterface.Create(ctx, job, options)
		return err
	})
	return out, err
}

func (m mortalJobs) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return m.w.mutate(func() error { return m.JobInterface.Delete(ctx, name, options) })
}

type countedMetrics struct {
	reconfigured int
	kind         string
}

func (m *countedMetrics) StorageReconfigured()    { m.reconfigured++ }
func (m *countedMetrics) StorageType(kind string) { m.kind = kind }

func registryDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: names.Registry}}
}

func registryPod() *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: names.OperatorNamespace, Name: "image-registry-1", Labels: map[string]string{names.RegistryLabel: names.RegistryLabelValue},
	}}
}
