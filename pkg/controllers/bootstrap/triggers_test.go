package bootstrap

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	h.SecretInformer = stage.On("secrets")
	stage.Run(New(h.Deps))
	stage.Expect("the start")
	stage.ExpectAll(map[string]runtime.Object{
		"configs":         &imageregistryv1.Config{},
		"infrastructures": &configv1.Infrastructure{},
		"secrets":         &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "installer-cloud-credentials"}},
	})
}
