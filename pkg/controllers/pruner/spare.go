package pruner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const (
	pruneRegistry     = "--prune-registry="
	pruneRegistryFlag = pruneRegistry + "true"
	registryURLFlag   = "--registry-url="
)

// metadataOnly is the CronJob as it is, but for the flags by which it prunes blobs; nil if it has none.
func metadataOnly(live *batchv1.CronJob) *batchv1.CronJob {
	containers := live.Spec.JobTemplate.Spec.Template.Spec.Containers
	if len(containers) == 0 || !slices.Contains(containers[0].Args, pruneRegistryFlag) {
		return nil
	}
	spared := live.DeepCopy()
	container := &spared.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
	container.Args = slices.DeleteFunc(container.Args, func(arg string) bool { return strings.HasPrefix(arg, registryURLFlag) })
	container.Args[slices.Index(container.Args, pruneRegistryFlag)] = pruneRegistry + "false"
	return spared
}

// spare keeps a CronJob that cannot follow a wrong ImagePruner from pruning the blobs of a registry that is not ours to
// change any more. Nothing else of it is touched.
func (c *controller) spare(ctx context.Context, in found) error {
	if in.cronJob == nil || in.cronJob.DeletionTimestamp != nil || in.registryHost() != "" {
		return nil
	}
	spared := metadataOnly(in.cronJob)
	if spared == nil {
		return nil
	}
	if _, err := c.Kube.BatchV1().CronJobs(spared.Namespace).Update(ctx, spared, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("updating %s: %w", object, err)
	}
	c.Recorder.Eventf("CronJobUpdated", "%s prunes only metadata from now on: registry %s is not Managed, or its host is not known", object, names.Registry)
	return nil
}
