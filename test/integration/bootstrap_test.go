package integration

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// want is what a default Config says on a platform (controllers.md 4.1).
type want struct {
	storage  string
	replicas int32
	state    operatorv1.ManagementState
	rollout  string
	// lacks is what this suite lacks of the cloud, as StorageReady names it: its credentials are AWS's. test/storages has the
	// other clouds, and OpenStack, which has no Config before its cloud was asked.
	lacks string
}

var (
	removed  = want{"", 1, operatorv1.Removed, "RollingUpdate", ""}
	emptyDir = want{"emptyDir", 1, operatorv1.Managed, "RollingUpdate", ""}
)

// allow lets a comparison look into want.
var allow = cmp.AllowUnexported(want{})

func TestDefaultConfigPerPlatform(t *testing.T) {
	tests := map[configv1.PlatformType]want{
		configv1.AWSPlatformType:          {"s3", 2, operatorv1.Managed, "RollingUpdate", ""},
		configv1.AzurePlatformType:        {"azure", 2, operatorv1.Managed, "RollingUpdate", "azure_"},
		configv1.GCPPlatformType:          {"gcs", 2, operatorv1.Managed, "RollingUpdate", "service_account.json"},
		configv1.IBMCloudPlatformType:     {"ibmcos", 2, operatorv1.Managed, "RollingUpdate", "spec.storage.ibmcos.location"},
		configv1.PowerVSPlatformType:      {"ibmcos", 2, operatorv1.Managed, "RollingUpdate", "spec.storage.ibmcos.location"},
		configv1.OvirtPlatformType:        {"pvc", 1, operatorv1.Managed, "Recreate", ""},
		configv1.LibvirtPlatformType:      emptyDir,
		configv1.BareMetalPlatformType:    removed,
		configv1.VSpherePlatformType:      removed,
		configv1.NonePlatformType:         removed,
		configv1.NutanixPlatformType:      removed,
		configv1.KubevirtPlatformType:     removed,
		configv1.EquinixMetalPlatformType: removed,
		configv1.AlibabaCloudPlatformType: removed,
		configv1.ExternalPlatformType:     removed,
	}
	for platform, want := range tests {
		t.Run(string(platform), func(t *testing.T) {
			config := fresh(t, platform)
			if diff := cmp.Diff(want, defaults(config, want.lacks), allow); diff != "" {
				t.Errorf("default config on %s (-want +got):\n%s", platform, diff)
			}
			if diff := cmp.Diff([]string{names.Finalizer}, config.Finalizers); diff != "" {
				t.Errorf("finalizers (-want +got):\n%s", diff)
			}
			if config.Spec.LogLevel != operatorv1.Normal || config.Spec.OperatorLogLevel != operatorv1.Normal {
				t.Errorf("log levels %q and %q, want Normal", config.Spec.LogLevel, config.Spec.OperatorLogLevel)
			}
			if len(config.Spec.ObservedConfig.Raw) == 0 {
				t.Error("observedConfig is empty: the first rollout would miss the TLS profile")
			}
			switch {
			case want.lacks != "":
				cluster.UntilConditions(t, settle,
					library.Want{Type: names.Available, Status: "False"},
					library.Want{Type: names.StorageReady, Status: "False", Message: want.lacks},
				)
				requireNoDeployment(t)
			case want.state == operatorv1.Removed:
				cluster.UntilConditions(t, settle,
					library.Want{Type: names.Available, Status: "True", Reason: names.ReasonRemoved},
					library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonRemoved},
					library.Want{Type: names.Degraded, Status: "False", Reason: names.ReasonRemoved},
					library.Want{Type: names.Removed, Status: "True", Reason: names.ReasonRemoved},
				)
			}
		})
	}
}

func defaults(config *imageregistryv1.Config, lacks string) want {
	storage := config.Spec.Storage
	members := map[string]bool{
		"s3": storage.S3 != nil, "gcs": storage.GCS != nil, "azure": storage.Azure != nil, "swift": storage.Swift != nil,
		"ibmcos": storage.IBMCOS != nil, "pvc": storage.PVC != nil, "emptyDir": storage.EmptyDir != nil,
	}
	got := want{replicas: config.Spec.Replicas, state: config.Spec.ManagementState, rollout: config.Spec.RolloutStrategy, lacks: lacks}
	for member, set := range members {
		if set {
			got.storage += member
		}
	}
	return got
}

func TestSingleReplicaTopologyGetsOneReplica(t *testing.T) {
	if err := cluster.SetTopology(t.Context(), configv1.SingleReplicaTopologyMode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.SetTopology(context.Background(), configv1.HighlyAvailableTopologyMode); err != nil {
			t.Error(err)
		}
	})
	if config := fresh(t, configv1.AWSPlatformType); config.Spec.Replicas != 1 {
		t.Errorf("replicas %d on a single node, want 1", config.Spec.Replicas)
	}
}

func requireNoDeployment(t *testing.T) {
	t.Helper()
	cluster.Until(t, settle, "the registry's deployment to be absent", func(ctx context.Context) error {
		_, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err == nil {
			return errors.New("it exists")
		}
		return library.IgnoreNotFound(err)
	})
}
