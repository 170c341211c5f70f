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
	switch before {
	case "", used:
		return ""
	case string(storage.EmptyDir):
		return "; what was in " + before + ", where it was before, went with its pods"
	}
	if strings.Contains(moved(config), " from "+before+" to "+used+"; ") {
		return ""
	}
	return "; " + before + ", where it was before, was left behind with its content"
}
