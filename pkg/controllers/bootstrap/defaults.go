package bootstrap

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/tlsprofile"
)

// named is infrastructure with a platform: one that does not say what it is counts as unknown.
func named(infrastructure *configv1.Infrastructure) *configv1.Infrastructure {
	if infrastructure.Status.PlatformStatus == nil {
		infrastructure = infrastructure.DeepCopy()
		infrastructure.Status.PlatformStatus = &configv1.PlatformStatus{}
	}
	return infrastructure
}

// DefaultConfig is the Config to create on a platform. tls is nil when the cluster's settings could not be read; they are
// then observed later, at the price of one more rollout.
func DefaultConfig(platform storage.Default, tls *tlsprofile.Settings) (*imageregistryv1.Config, error) {
	config := &imageregistryv1.Config{
		ObjectMeta: metav1.ObjectMeta{Name: names.Cluster, Finalizers: []string{names.Finalizer}},
		Spec: imageregistryv1.ImageRegistrySpec{
			OperatorSpec: operatorv1.OperatorSpec{
				ManagementState:  platform.ManagementState,
				LogLevel:         operatorv1.Normal,
				OperatorLogLevel: operatorv1.Normal,
			},
			Storage:         platform.Storage,
			Replicas:        platform.Replicas,
			RolloutStrategy: platform.RolloutStrategy,
		},
	}
	if tls == nil {
		return config, nil
	}
	observed, err := tls.Encode()
	if err != nil {
		return nil, err
	}
	config.Spec.ObservedConfig = runtime.RawExtension{Raw: observed}
	return config, nil
}
