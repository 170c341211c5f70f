package imageconfig

import (
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// tell raises the event for the step from the stored ImageConfigDegraded to the new one.
func tell(recorder events.Recorder, stored, now []operatorv1.OperatorCondition) {
	degraded := conditions.Find(now, names.ImageConfigDegraded)
	wrong, over := conditions.News(stored, *degraded, operatorv1.ConditionTrue)
	if wrong {
		recorder.Warning(names.EventImageConfigFailed, degraded.Message)
	}
	if over {
		recorder.Eventf(names.EventImageConfigRecovered, "the status of images.config.openshift.io/%s is up to date again", names.Cluster)
	}
}
