package trust

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

func TestTriggers(t *testing.T) {
	// Everything is there, so that no sync asks for another one.
	h := newHarness(t, nil, template("serviceca.yaml"), template("certificates.yaml"), template("registryca.yaml"))
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.ConfigMapInformer, h.RegistryCAInformer, h.UserConfigMapInformer = stage.On("configs"), stage.On("configmaps"), stage.On("registry CA"), stage.On("user configmaps")
	h.ServiceInformer, h.ImageInformer, h.SecretInformer = stage.On("services"), stage.On("images"), stage.On("secrets")
	h.StorageInformers = []factory.Informer{stage.On("infrastructures"), stage.On("cloud configuration")}
	h.SettledInformers = []factory.Informer{stage.On("deployments"), stage.On("pods")}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	stage.Run(New(h.Deps))
	stage.Add("configmaps", &corev1.ConfigMap{ObjectMeta: named("image-registry-certificates")})
	stage.Expect("a new output")
	stage.ExpectAll(map[string]runtime.Object{
		"configs":             &imageregistryv1.Config{},
		"configmaps":          &corev1.ConfigMap{ObjectMeta: named("serviceca")},
		"registry CA":         &corev1.ConfigMap{ObjectMeta: named("image-registry-ca")},
		"user configmaps":     &corev1.ConfigMap{ObjectMeta: named("anything")},
		"services":            &corev1.Service{ObjectMeta: named("image-registry")},
		"images":              &configv1.Image{},
		"secrets":             &corev1.Secret{ObjectMeta: named("installer-cloud-credentials")},
		"deployments":         &appsv1.Deployment{ObjectMeta: named("image-registry")},
		"pods":                &corev1.Pod{ObjectMeta: named("image-registry-abc")},
		"infrastructures":     &configv1.Infrastructure{},
		"cloud configuration": &corev1.ConfigMap{ObjectMeta: named("kube-cloud-config")},
	})
}
