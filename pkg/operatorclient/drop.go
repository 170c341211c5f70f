package operatorclient

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
)

// dropping is the patch that removes conditions. It goes from the end, so that the places of those before stay the same;
// the resourceVersion that the patch is tied to makes sure that they are the places.
func dropping(config *imageregistryv1.Config, types []string) []Change {
	var changes []Change
	for i, condition := range slices.Backward(config.Status.Conditions) {
		if slices.Contains(types, condition.Type) {
			changes = append(changes, Remove(fmt.Sprintf("/status/conditions/%d", i)))
		}
	}
	return changes
}

// OwnedConditions are the types of the conditions that manager has applied and keeps up, as managedFields record them.
func OwnedConditions(config *imageregistryv1.Config, manager string) (sets.Set[string], error) {
	o, err := ownedStatus(config, manager)
	return o.conditions, err
}
