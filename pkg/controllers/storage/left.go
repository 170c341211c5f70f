package storage

import (
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// left says where the registry was before and what became of that place, in words that stay true when somebody deletes
// it. Where images were copied from is said by the report of the move.
func left(config *imageregistryv1.Config) string {
	before, used := config.Annotations[names.StorageLeftAnnotation], storage.Describe(config.Status.Storage)
	switch {
	case before == "", before == used:
		return ""
	case goesWithPods(before):
		return "; what was in " + before + ", where it was before, went with its pods"
	case strings.Contains(moved(config), " from "+before+" to "+used+"; "):
		return ""
	}
	return "; " + before + ", where it was before, was left behind with its content"
}

// fate says what becomes of the place that the registry is leaving.
func fate(before, after storage.Coordinates) string {
	place := storage.Describe(before)
	switch {
	case storage.SameMedium(before, after):
		return "it is the same bucket as " + place + " and has its content"
	case goesWithPods(place):
		return "what is in " + place + " goes with its pods"
	}
	return place + " is left behind with its content"
}

// goesWithPods tells, of a place as it is described, that its content lives and dies with a pod.
func goesWithPods(place string) bool { return place == string(storage.EmptyDir) }
