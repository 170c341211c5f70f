package pruner

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// publish replaces the whole status, which nobody else has a part in, when it differs.
func (c *controller) publish(ctx context.Context, f facts, status imageregistryv1.ImagePrunerStatus) error {
	current := f.pruner
	if current.ResourceVersion != "" && current.ResourceVersion == c.replaced {
		// The cache does not show our last write yet; the event that does is on its way.
		return nil
	}
	if equality.Semantic.DeepEqual(current.Status, status) {
		return nil
	}
	updated := current.DeepCopy()
	updated.Status = status
	delete(updated.Annotations, names.UndecodableAnnotation)
	stored, err := c.ImagePrunerClient.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("updating status of imagepruner %s: %w", names.Cluster, err)
	}
	c.replaced = current.ResourceVersion
	if stored.ResourceVersion == current.ResourceVersion {
		// The API server found no difference, and there will be no event.
		c.replaced = ""
	}
	changes := transitions(current.Status.Conditions, status.Conditions)
	klog.V(2).InfoS("object changed", "kind", "ImagePruner", "name", names.Cluster, "generation", current.Generation, "difference", changes)
	announce(c.Recorder, current.Generation, changes, status.Conditions)
	return nil
}

// transitions describes what an administrator would want to know: another status, and another complaint.
func transitions(before, after []operatorv1.OperatorCondition) []string {
	var changes []string
	for _, now := range after {
		was := operatorv1.ConditionStatus("unset")
		complaint := ""
		if old := conditions.Find(before, now.Type); old != nil {
			was, complaint = old.Status, old.Message
		}
		complains := now.Type == names.Degraded || now.Type == names.Failed
		newComplaint := complains && now.Status == operatorv1.ConditionTrue && now.Message != complaint
		if was != now.Status || newComplaint {
			changes = append(changes, strings.TrimSuffix(fmt.Sprintf("%s changed from %s to %s (%s): %s", now.Type, was, now.Status, now.Reason, now.Message), ": "))
		}
	}
	return changes
}

// announce raises one event for all of it. The generation tells edits apart that lead to the same conditions.
func announce(recorder events.Recorder, generation int64, changes []string, status []operatorv1.OperatorCondition) {
	if len(changes) == 0 {
		return
	}
	raise := recorder.Eventf
	for _, bad := range []string{names.Failed, names.Degraded} {
		if c := conditions.Find(status, bad); c != nil && c.Status == operatorv1.ConditionTrue {
			raise = recorder.Warningf
		}
	}
	raise(names.EventImagePrunerStatusChanged, "imagepruner/%s generation %d: %s", names.Cluster, generation, strings.Join(changes, "; "))
}
