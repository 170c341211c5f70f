package trust

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// trigger is an informer that makes events on demand.
type trigger struct{ handler cache.ResourceEventHandler }

func (i *trigger) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	i.handler = handler
	return nil, nil
}
func (*trigger) HasSynced() bool { return true }

// watched tells of every sync, each of which begins by reading Config.
type watched struct {
	operatorclient.Client
	syncs chan struct{}
}

func (w watched) Config() (*imageregistryv1.Config, error) {
	select {
	case w.syncs <- struct{}{}:
	default:
	}
	return w.Client.Config()
}

func TestTriggers(t *testing.T) {
	// Everything is there, so that no sync asks for another one.
	h := newHarness(t, nil, template("serviceca.yaml"), template("certificates.yaml"), template("registryca.yaml"))
	w := watched{h.config, make(chan struct{}, 1)}
	h.Client = w
	triggers := map[string]*trigger{}
	on := func(name string) factory.Informer {
		triggers[name] = &trigger{}
		return triggers[name]
	}
	h.ConfigInformer, h.ConfigMapInformer, h.RegistryCAInformer, h.UserConfigMapInformer = on("configs"), on("configmaps"), on("registry CA"), on("user configmaps")
	h.ServiceInformer, h.ImageInformer, h.SecretInformer = on("services"), on("images"), on("secrets")
	h.StorageInformers = []factory.Informer{on("infrastructures"), on("cloud configuration")}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	ctx, cancel := context.WithCancel(t.Context())
	ended, controller := make(chan struct{}), New(h.Deps)
	go func() {
		defer close(ended)
		controller.Run(ctx, 1)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	expect := func(what string) {
		t.Helper()
		select {
		case <-w.syncs:
		case <-time.After(30 * time.Second):
			t.Errorf("%s made no sync", what)
		}
	}

	triggers["configmaps"].handler.OnAdd(&corev1.ConfigMap{ObjectMeta: named("image-registry-certificates")}, false)
	expect("a new output")
	for name, object := range map[string]runtime.Object{
		"configs":             &imageregistryv1.Config{},
		"configmaps":          &corev1.ConfigMap{ObjectMeta: named("serviceca")},
		"registry CA":         &corev1.ConfigMap{ObjectMeta: named("image-registry-ca")},
		"user configmaps":     &corev1.ConfigMap{ObjectMeta: named("anything")},
		"services":            &corev1.Service{ObjectMeta: named("image-registry")},
		"images":              &configv1.Image{},
		"secrets":             &corev1.Secret{ObjectMeta: named("installer-cloud-credentials")},
		"infrastructures":     &configv1.Infrastructure{},
		"cloud configuration": &corev1.ConfigMap{ObjectMeta: named("kube-cloud-config")},
	} {
		triggers[name].handler.OnAdd(object, false)
		expect("a new object on " + name)
		triggers[name].handler.OnDelete(cache.DeletedFinalStateUnknown{Obj: object})
		expect("a deletion missed by " + name)
	}
}
