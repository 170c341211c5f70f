package registry

import (
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	testImage   = "quay.example/registry@sha256:1111"
	testVersion = "4.22.0"
	testSecret  = "0123456789abcdef"
)

// drivers are kinds of storage as a backend describes them: a volume, a claim, and a cloud with a secret variable, a
// secret file and a Secret of the administrator.
var drivers = storage.Drivers{
	{
		Kind: storage.EmptyDir,
		Settings: func(storage.Coordinates, storage.Facts) (storage.Settings, error) {
			return storage.FilesystemSettings(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}), nil
		},
	},
	{
		Kind: storage.PVC,
		Settings: func(c storage.Coordinates, _ storage.Facts) (storage.Settings, error) {
			return storage.FilesystemSettings(corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c.PVC.Claim},
			}), nil
		},
	},
	{
		Kind: storage.S3,
		Settings: func(c storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
			return storage.Settings{
				Env: []storage.EnvVar{
					{Name: "REGISTRY_STORAGE", Value: "s3"},
					{Name: "REGISTRY_STORAGE_S3_BUCKET", Value: c.S3.Bucket},
					{Name: "REGISTRY_STORAGE_S3_REGION", Value: c.S3.Region},
					{Name: "REGISTRY_STORAGE_S3_ENCRYPT", Value: c.S3.Encrypt},
					{Name: "REGISTRY_STORAGE_S3_TOKEN", Value: string(facts["token"]), Secret: true},
				},
				SecretData: map[string][]byte{"credentials": facts["credentials"]},
				Volumes: []corev1.Volume{{Name: names.PrivateConfiguration, VolumeSource: corev1.VolumeSource{
					Secret: &corev1.SecretVolumeSource{SecretName: names.PrivateConfiguration, Optional: ptr.To(false)},
				}}},
				Mounts: []corev1.VolumeMount{{Name: names.PrivateConfiguration, MountPath: "/var/run/secrets/cloud", ReadOnly: true}},
			}, nil
		},
	},
}

func s3(bucket string) storage.Coordinates {
	return storage.Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: bucket, Region: "us-east-1", Encrypt: true}}
}

var s3Facts = storage.Facts{"credentials": []byte("[default]\n"), "token": []byte("10")}

// world is what a test cluster contains, as far as the registry reads it.
type world struct {
	config     *imageregistryv1.Config
	secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
	pullSecret *corev1.Secret
	namespace  *corev1.Namespace
	proxy      *configv1.Proxy
	zones      bool
	image      string
	live       Objects
}

// newWorld is a managed registry on S3 whose storage is ready, before its first Deployment.
func newWorld(edits ...func(*world)) *world {
	w := &world{
		config: &imageregistryv1.Config{
			ObjectMeta: metav1.ObjectMeta{Name: names.Cluster, Generation: 5, Finalizers: []string{names.Finalizer}},
			Spec: imageregistryv1.ImageRegistrySpec{
				OperatorSpec: operatorv1.OperatorSpec{ManagementState: operatorv1.Managed, LogLevel: operatorv1.Normal},
				HTTPSecret:   testSecret,
				Replicas:     2,
			},
		},
		secrets: map[string]*corev1.Secret{
			names.RegistryTLSSecret: namedSecret(names.RegistryTLSSecret, map[string][]byte{"tls.crt": []byte("c"), "tls.key": []byte("k")}),
		},
		configMaps: map[string]*corev1.ConfigMap{
			names.Certificates: namedConfigMap(names.Certificates, map[string]string{serviceCAKey: "ca"}),
			names.TrustedCA:    namedConfigMap(names.TrustedCA, map[string]string{names.TrustedCAKey: "bundle"}),
		},
		pullSecret: &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: names.ClusterPullSecret, Namespace: names.UserConfigNamespace},
			Type:       corev1.SecretTypeDockerConfigJson,
			Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`)},
		},
		namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: names.OperatorNamespace, Annotations: map[string]string{names.SupplementalGroupsAnnotation: "1000650000/10000"},
		}},
		zones: true,
		image: testImage,
	}
	w.setStorage(s3("bucket"), s3Facts)
	for _, edit := range edits {
		edit(w)
	}
	return w
}

// setStorage makes coordinates the storage that is asked for, ready, and acknowledged.
func (w *world) setStorage(coordinates storage.Coordinates, facts storage.Facts) {
	w.config.Spec.Storage, w.config.Status.Storage = coordinates, coordinates
	w.secrets[names.StoragePair] = namedSecret(names.StoragePair, storage.EncodePair(coordinates, facts))
	w.config.Status.Generations = []operatorv1.GenerationStatus{storage.Acknowledgement(w.config)}
	w.config.Status.Conditions = []operatorv1.OperatorCondition{{
		Type: names.StorageReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected,
		LastTransitionTime: metav1.NewTime(testNow),
	}}
}

func (w *world) inputs() Inputs {
	return Inputs{
		Config: w.config, Drivers: drivers, Pair: w.secrets[names.StoragePair], PullSecret: w.pullSecret,
		Namespace: w.namespace, Proxy: w.proxy, Zones: w.zones,
		Secret:        func(name string) (*corev1.Secret, error) { return w.secrets[name], nil },
		ConfigMap:     func(name string) (*corev1.ConfigMap, error) { return w.configMaps[name], nil },
		RegistryImage: w.image, ReleaseVersion: testVersion,
		Live: w.live,
	}
}

// render renders a world that must be valid and complete.
func render(t *testing.T, w *world) Desired {
	t.Helper()
	if err := Validate(w.inputs()); err != nil {
		t.Fatalf("validation: %v", err)
	}
	desired, err := Render(w.inputs())
	if err != nil {
		t.Fatalf("rendering: %v", err)
	}
	if desired.Deployment == nil {
		t.Fatalf("no deployment: %s", desired.Waiting)
	}
	return desired
}

func namedSecret(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: names.OperatorNamespace}, Data: data}
}

func namedConfigMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: names.OperatorNamespace}, Data: data}
}

func raw(text string) runtime.RawExtension { return runtime.RawExtension{Raw: []byte(text)} }
