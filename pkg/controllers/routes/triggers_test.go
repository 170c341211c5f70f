package routes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

func TestTriggers(t *testing.T) {
	h := newHarness(t, nil)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.RouteInformer, h.SecretInformer = stage.On("configs"), stage.On("routes"), stage.On("secrets")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{
		"configs": &imageregistryv1.Config{},
		"routes":  &routev1.Route{},
		"secrets": &corev1.Secret{},
	})
}
