package bootstrap

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// storageFirst is how long a Config without status is left to the storage controller. On a new cluster that one gives it
// its first status, with the storage in it; until then nobody can say anything but that the installation has begun.
// Storage that takes longer or fails is reported from then on.
const storageFirst = time.Second

// bare is a Config without status, and since when it is known.
type bare struct {
	uid   types.UID
	since time.Time
}

// headStart is how much longer the status is left to the storage controller. Only while the registry is Managed is there
// any storage to expect.
func (c *controller) headStart(config *imageregistryv1.Config) time.Duration {
	if operatorclient.HasStatus(config) || config.Spec.ManagementState != operatorv1.Managed || config.DeletionTimestamp != nil {
		return 0
	}
	now := c.Clock.Now()
	if c.bare.uid != config.UID {
		c.bare = bare{config.UID, now}
	}
	return storageFirst - now.Sub(c.bare.since)
}

// seed gives a Config without status the two fields that its schema requires of every status. Until then the API
// server refuses each condition that a controller applies.
func (c *controller) seed(ctx context.Context, config *imageregistryv1.Config) error {
	if operatorclient.HasStatus(config) || slices.Contains(c.seeded[:], version(config)) {
		return nil
	}
	seeded, err := c.Client.ReplaceStorage(ctx, names.BootstrapController, config, imageregistryv1.ImageRegistryConfigStorage{}, false)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // the cache is behind; the event will come
	}
	if err != nil {
		return err
	}
	c.seeded = [2]string{version(config), version(seeded)}
	return nil
}

func version(config *imageregistryv1.Config) string {
	return string(config.UID) + "/" + config.ResourceVersion
}
