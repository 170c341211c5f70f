package nodeca

import (
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// tell raises the events for the step from the stored conditions to the new ones.
func tell(recorder events.Recorder, stored, now []operatorv1.OperatorCondition) {
	for _, condition := range now {
		switch condition.Type {
		case names.NodeCAAvailable:
			wrong, over := conditions.News(stored, condition, operatorv1.ConditionFalse)
			switch {
			case wrong && conditions.Find(stored, condition.Type) != nil:
				// On a new cluster there is no pod yet, which is no news.
				recorder.Warning(names.EventNodeCAUnavailable, condition.Message+": nodes do not learn of new CAs")
			case over && condition.Status == operatorv1.ConditionTrue:
				recorder.Event(names.EventNodeCAAvailable, condition.Message)
			}
		case names.NodeCADegraded:
			wrong, over := conditions.News(stored, condition, operatorv1.ConditionTrue)
			if wrong {
				recorder.Warning(names.EventNodeCAFailed, condition.Message)
			}
			if over {
				recorder.Event(names.EventNodeCARecovered, "DaemonSet node-ca is what it should be again")
			}
		}
	}
}
