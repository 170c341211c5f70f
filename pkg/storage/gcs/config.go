package gcs

import (
	"errors"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// ownerLabel is, with the name of the cluster behind it and the value owned, the mark of a bucket of that cluster. It is
// the key that the installer gives to everything of the cluster; label keys have neither dots nor slashes.
const (
	ownerLabel = "kubernetes-io-cluster-"
	owned      = "owned"
)

// cluster is what Infrastructure says about Google's cloud.
type cluster struct {
	infrastructure  string
	region, project string
	labels          map[string]string
	// tags are <parent>/<key>/<value>, in the order of Infrastructure.
	tags []string
}

func clusterFrom(infrastructure *configv1.Infrastructure) (cluster, error) {
	if infrastructure == nil || infrastructure.Status.PlatformStatus == nil {
		return cluster{}, errors.New("infrastructure cluster has no status.platformStatus yet")
	}
	c := cluster{infrastructure: infrastructure.Status.InfrastructureName}
	platform := infrastructure.Status.PlatformStatus
	if platform.Type != configv1.GCPPlatformType || platform.GCP == nil {
		return c, nil
	}
	c.region, c.project = platform.GCP.Region, platform.GCP.ProjectID
	c.labels = make(map[string]string, len(platform.GCP.ResourceLabels))
	for _, label := range platform.GCP.ResourceLabels {
		c.labels[label.Key] = label.Value
	}
	for _, tag := range platform.GCP.ResourceTags {
		c.tags = append(c.tags, fmt.Sprintf("%s/%s/%s", tag.ParentID, tag.Key, tag.Value))
	}
	return c, nil
}

// mark is the key of the label that says that the bucket is this cluster's.
func (c cluster) mark() string { return ownerLabel + c.infrastructure }

// wantedLabels are the labels of a Managed bucket. The mark comes last: nothing may take its place.
func (c cluster) wantedLabels() map[string]string {
	labels := make(map[string]string, len(c.labels)+1)
	for key, value := range c.labels {
		labels[key] = value
	}
	labels[c.mark()] = owned
	return labels
}

// effective is spec.storage.gcs completed from the cluster.
type effective struct {
	imageregistryv1.ImageRegistryConfigStorageGCS
}

// effectiveConfig completes region and project, each where it is empty: what the administrator gave stays.
func effectiveConfig(given *imageregistryv1.ImageRegistryConfigStorageGCS, c cluster) effective {
	e := effective{}
	if given != nil {
		e.ImageRegistryConfigStorageGCS = *given.DeepCopy()
	}
	if e.Region == "" {
		e.Region = c.region
	}
	if e.ProjectID == "" {
		e.ProjectID = c.project
	}
	return e
}

// mayCreate says what is missing to create a bucket; one that is there needs neither region nor project.
func (e effective) mayCreate() error {
	missing := func(field string) error {
		return &storage.Error{
			Status: "False", ConditionReason: storage.UnknownError, Code: "MissingConfiguration",
			Message: fmt.Sprintf("%s does not exist, and nothing says where to create it: set spec.storage.gcs.%s", e.where(), field),
		}
	}
	switch {
	case e.ProjectID == "":
		return missing("projectID")
	case e.Region == "":
		return missing("region")
	}
	return nil
}

// where names the bucket in messages.
func (e effective) where() string { return "GCS bucket " + e.Bucket }
