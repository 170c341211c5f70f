package clusteroperator

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
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
	h := newHarness(t, nil)
	w := watched{h.config, make(chan struct{}, 1)}
	h.Client = w
	triggers := map[string]*trigger{}
	on := func(name string) factory.Informer {
		triggers[name] = &trigger{}
		return triggers[name]
	}
	h.ConfigInformer, h.ImagePrunerInformer, h.DeploymentInformer, h.ClusterOperatorInformer = on("configs"), on("imagepruners"), on("deployments"), on("clusteroperators")
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

	for name, object := range map[string]runtime.Object{
		"configs":          &imageregistryv1.Config{},
		"imagepruners":     &imageregistryv1.ImagePruner{},
		"deployments":      &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}},
		"clusteroperators": &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}},
	} {
		triggers[name].handler.OnAdd(object, false)
		expect("a new object on " + name)
		triggers[name].handler.OnDelete(cache.DeletedFinalStateUnknown{Obj: object})
		expect("a deletion missed by " + name)
	}
}
