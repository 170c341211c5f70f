package pruner

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

func TestTriggers(t *testing.T) {
	// Everything is there, so that no sync asks for another one.
	h := settled(t)
	stage := triggertest.New(t)
	h.Client = stage.Client(h.config)
	h.Informers = []factory.Informer{stage.On("configs"), stage.On("imagepruners"), stage.On("cronjobs")}
	h.JobInformer = stage.On("jobs")
	stage.Run(New(h.Deps))
	stage.ExpectAll(map[string]runtime.Object{
		"configs": &imageregistryv1.Config{}, "imagepruners": &imageregistryv1.ImagePruner{}, "cronjobs": &batchv1.CronJob{}, "jobs": &batchv1.Job{},
	})
}
