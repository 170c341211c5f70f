package bootstrap

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

func TestTriggers(t *testing.T) {
	h := newHarness(t, nil, infrastructure("AWS", ""))
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.InfrastructureInformer, h.APIServerInformer = stage.On("configs"), stage.On("infrastructures"), stage.On("apiservers")
	stage.Run(New(h.Deps))
	stage.Expect("the start")
	stage.ExpectAll(map[string]runtime.Object{
		"configs":         &imageregistryv1.Config{},
		"infrastructures": &configv1.Infrastructure{},
	})
}
