package library

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Patch edits Config as an administrator with `kubectl patch --type merge` would.
func (c *Cluster) Patch(t *testing.T, patch string) *imageregistryv1.Config {
	t.Helper()
	config, err := c.Registry.ImageregistryV1().Configs().Patch(t.Context(), names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatalf("patching config with %s: %v", patch, err)
	}
	return config
}

// SetPlatform makes Infrastructure say that the cluster runs on platform, keeping what each platform needs.
func (c *Cluster) SetPlatform(t *testing.T, platform configv1.PlatformType) {
	t.Helper()
	status := configv1.PlatformStatus{Type: platform}
	if platform == configv1.AWSPlatformType {
		status.AWS = &configv1.AWSPlatformStatus{
			Region:           c.S3.Region,
			ServiceEndpoints: []configv1.AWSServiceEndpoint{{Name: "s3", URL: c.S3.Endpoint}, {Name: "sts", URL: c.S3.STSEndpoint}},
		}
	}
	c.SetPlatformStatus(t, status)
}

// SetPlatformStatus makes Infrastructure say that about the platform.
func (c *Cluster) SetPlatformStatus(t *testing.T, status configv1.PlatformStatus) {
	t.Helper()
	infrastructures := c.Config.ConfigV1().Infrastructures()
	infra, err := infrastructures.Get(t.Context(), names.Cluster, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("reading infrastructure: %v", err)
	}
	infra.Status.PlatformStatus = &status
	if _, err := infrastructures.UpdateStatus(t.Context(), infra, metav1.UpdateOptions{}); err != nil {
		t.Fatalf("making the cluster one on %s: %v", status.Type, err)
	}
}

// SetTopology makes Infrastructure say how many machines there are for workloads.
func (c *Cluster) SetTopology(ctx context.Context, topology configv1.TopologyMode) error {
	patch := fmt.Sprintf(`{"status":{"infrastructureTopology":%q}}`, topology)
	if _, err := c.Config.ConfigV1().Infrastructures().Patch(ctx, names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("making the topology %s: %w", topology, err)
	}
	return nil
}

// UntilServiceAccount waits until the version operator has applied the operator's identity.
func (c *Cluster) UntilServiceAccount(ctx context.Context, namespace, name string) error {
	err := wait.PollUntilContextTimeout(ctx, interval, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := c.Kube.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for service account %s/%s from manifests/: %w", namespace, name, err)
	}
	return nil
}
