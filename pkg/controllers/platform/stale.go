package platform

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// nobody stands for a writer that exists no more.
const nobody = ""

// writers says who keeps up the conditions that come and go. A type that is not here is somebody else's business.
var writers = map[string]string{
	names.AzurePathFixProgressing: nobody,
	names.AzurePathFixDegraded:    nobody,

	names.StorageExists:                         names.StorageController,
	names.StorageTagged:                         names.StorageController,
	names.StorageLabeled:                        names.StorageController,
	names.StorageEncrypted:                      names.StorageController,
	names.StoragePublicAccessBlocked:            names.StorageController,
	names.StorageIncompleteUploadCleanupEnabled: names.StorageController,
}

// Stale are the types of conditions that nobody keeps up: their writer is gone, or it has spoken and does without them.
// A writer's own conditions go when it leaves them out, but not where an earlier release has written them too.
func Stale(config *imageregistryv1.Config, platform configv1.PlatformType) ([]string, error) {
	spoken := map[string]sets.Set[string]{}
	var stale []string
	for _, condition := range config.Status.Conditions {
		writer, known := writers[condition.Type]
		if condition.Type == names.AzureStackDegraded && platform != "" && platform != configv1.AzurePlatformType {
			writer, known = nobody, true
		}
		switch {
		case !known:
			continue
		case writer == nobody:
			stale = append(stale, condition.Type)
			continue
		}
		if spoken[writer] == nil {
			owned, err := operatorclient.OwnedConditions(config, writer)
			if err != nil {
				return nil, fmt.Errorf("finding the conditions of %s: %w", writer, err)
			}
			spoken[writer] = owned
		}
		if owned := spoken[writer]; owned.Len() > 0 && !owned.Has(condition.Type) {
			stale = append(stale, condition.Type)
		}
	}
	return stale, nil
}
