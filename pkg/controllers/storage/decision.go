package storage

import (
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// The words that may follow the location and a slash in annotation storage-decided-for. Without one, nothing was there when it was
// decided, and the registry has not left it: before status.storage is published, what is there can be of the operator's
// making only.
const (
	// decidedFound: something was there, or nobody could tell.
	decidedFound = "found"
	// decidedDone: the registry was on it before, or a removal has dealt with it.
	decidedDone = "done"
)

// decisionOf takes the annotation apart.
func decisionOf(config *imageregistryv1.Config) (location, word string) {
	location, word, _ = strings.Cut(config.Annotations[names.StorageDecidedAnnotation], "/")
	return location, word
}

// decision is what the annotation has to say before anything is made at the location of plan; empty to leave it as it is.
func decision(config *imageregistryv1.Config, plan storage.Plan, state string, ours bool) string {
	location := storage.LocationHash(plan.Coordinates)
	managed := state == imageregistryv1.StorageManagementStateManaged
	before, word := decisionOf(config)
	switch {
	case inUse(config, plan.Coordinates), plan.Coordinates.EmptyDir != nil:
		if ours {
			return location
		}
	case absent(config, plan):
		if ours || managed {
			return location
		}
	case ours, managed && before != location, before == location && word == decidedDone:
		return location + "/" + decidedFound
	}
	return ""
}

// absent tells that nothing is at the location of plan. Where no name was given nothing was looked at, and a name that is
// always made up alike may be that of a medium of before; not so when there never was any storage.
func absent(config *imageregistryv1.Config, plan storage.Plan) bool {
	switch {
	case plan.Exists:
		return false
	case plan.Condition != nil:
		return plan.Condition.Status == operatorv1.ConditionFalse
	}
	return config.Annotations[names.StorageDecidedAnnotation] == "" && len(storage.Configured(&config.Status.Storage)) == 0
}

// takesOver tells that a medium that somebody else has made becomes the operator's, as plan has been asked to find out.
func takesOver(config *imageregistryv1.Config, plan storage.Plan, state string) bool {
	return plan.Exists && plan.ManagementState == imageregistryv1.StorageManagementStateUnmanaged &&
		state == imageregistryv1.StorageManagementStateManaged && !inUse(config, plan.Coordinates)
}

// made corrects a decision: nothing can have been at a location whose medium has just been created.
func made(config *imageregistryv1.Config, coordinates storage.Coordinates) []operatorclient.Change {
	if location, word := decisionOf(config); word != decidedFound || location != storage.LocationHash(coordinates) {
		return nil
	}
	return annotate(config, names.StorageDecidedAnnotation, storage.LocationHash(coordinates))
}

// done notes that a decision about coordinates has had its time: whatever comes to be there next has a story.
func done(config *imageregistryv1.Config, coordinates storage.Coordinates) []operatorclient.Change {
	location, _ := decisionOf(config)
	if location != storage.LocationHash(coordinates) {
		return nil
	}
	return annotate(config, names.StorageDecidedAnnotation, location+"/"+decidedDone)
}

// unpublished is the place that spec.storage names, if the operator has turned to it and the registry has not been on it.
// ours tells that all there can be is of the operator's making.
func unpublished(config *imageregistryv1.Config) (place storage.Coordinates, ours, found bool) {
	spec, status := config.Spec.Storage, config.Status.Storage
	location, word := decisionOf(config)
	used := len(storage.Configured(&status)) > 0 && storage.Agree(spec, status)
	if location != storage.LocationHash(spec) || word == decidedDone || used || spec.EmptyDir != nil {
		return storage.Coordinates{}, false, false
	}
	return *spec.DeepCopy(), word == "" && spec.ManagementState == imageregistryv1.StorageManagementStateManaged, true
}
