package pruner

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// What a field of ImagePruner means when it is not set.
const (
	defaultSchedule         = "0 0 * * *"
	defaultKeepTagRevisions = 3
	defaultHistoryLimit     = 3
	defaultKeepYoungerThan  = "60m"
)

// DefaultImagePruner is the object for clusters that have none. What it leaves open gets its value when the CronJob is
// rendered, so that the defaults of a later release reach old clusters.
func DefaultImagePruner() *imageregistryv1.ImagePruner {
	return &imageregistryv1.ImagePruner{
		ObjectMeta: metav1.ObjectMeta{Name: names.Cluster},
		Spec: imageregistryv1.ImagePrunerSpec{
			Suspend:                      ptr.To(false),
			KeepTagRevisions:             ptr.To(defaultKeepTagRevisions),
			SuccessfulJobsHistoryLimit:   ptr.To[int32](defaultHistoryLimit),
			FailedJobsHistoryLimit:       ptr.To[int32](defaultHistoryLimit),
			IgnoreInvalidImageReferences: true,
			LogLevel:                     operatorv1.Normal,
		},
	}
}
