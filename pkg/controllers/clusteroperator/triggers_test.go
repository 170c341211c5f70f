package clusteroperator

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

func TestTriggers(t *testing.T) {
	h := newHarness(t, nil)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.ConfigInformer, h.ImagePrunerInformer, h.DeploymentInformer, h.ClusterOperatorInformer = stage.On("configs"), stage.On("imagepruners"), stage.On("deployments"), stage.On("clusteroperators")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{
		"configs":          &imageregistryv1.Config{},
		"imagepruners":     &imageregistryv1.ImagePruner{},
		"deployments":      &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}},
		"clusteroperators": &configv1.ClusterOperator{ObjectMeta: metav1.ObjectMeta{Name: "image-registry"}},
	})
}
