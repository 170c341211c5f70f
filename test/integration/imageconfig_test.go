package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const (
	internalHost = "image-registry.openshift-image-registry.svc:5000"
	publicHost   = "default-route-openshift-image-registry.apps.cluster.test"
)

// untilHosts waits for the hostnames in the status of the image config.
func untilHosts(t *testing.T, internal string, external ...string) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("hostnames %q and %q", internal, external), func(ctx context.Context) error {
		image, err := cluster.Config.ConfigV1().Images().Get(ctx, names.Cluster, metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := image.Status
		if status.InternalRegistryHostname != internal || strings.Join(status.ExternalRegistryHostnames, " ") != strings.Join(external, " ") {
			return fmt.Errorf("hostnames %q and %q", status.InternalRegistryHostname, status.ExternalRegistryHostnames)
		}
		return nil
	})
}

// foreignRoute is somebody's own, by the name of one that Config asks for.
func foreignRoute(t *testing.T, name, host string) {
	t.Helper()
	routes := cluster.Route.RouteV1().Routes(names.OperatorNamespace)
	_, err := routes.Create(t.Context(), &routev1.Route{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       routev1.RouteSpec{Host: host, To: routev1.RouteTargetReference{Kind: "Service", Name: "mine"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = routes.Delete(context.Background(), name, metav1.DeleteOptions{}) })
}

func TestImageConfigSaysWhereTheRegistryIs(t *testing.T) {
	onEmptyDir(t)
	untilHosts(t, internalHost)
	foreignRoute(t, "taken", "mine.test")
	cluster.Patch(t, `{"spec":{"defaultRoute":true,"routes":[{"name":"b","hostname":"b.test"},{"name":"a","hostname":"a.test"},{"name":"taken","hostname":"taken.test"}]}}`)
	untilHosts(t, internalHost, publicHost, "a.test", "b.test")
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.RoutesReady, Status: "False", Reason: names.ReasonRouteConflict, Message: "taken"},
		library.Want{Type: names.ImageConfigDegraded, Status: "False", Reason: names.ReasonAsExpected},
		library.Want{Type: names.ImageConfigReady, Status: "True"},
	)

	t.Run("an edit is reverted", func(t *testing.T) {
		patchImageStatus(t, `{"status":{"internalRegistryHostname":"elsewhere:5000","externalRegistryHostnames":["x.test"]}}`)
		untilHosts(t, internalHost, publicHost, "a.test", "b.test")
	})
	t.Run("an image config that is deleted comes back", func(t *testing.T) {
		if err := cluster.Config.ConfigV1().Images().Delete(t.Context(), names.Cluster, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		untilHosts(t, internalHost, publicHost, "a.test", "b.test")
	})
	t.Run("Unmanaged goes on", func(t *testing.T) {
		cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
		cluster.UntilConditions(t, settle, library.Want{Type: names.Available, Status: "True", Reason: names.ReasonUnmanaged})
		routes := cluster.Route.RouteV1().Routes(names.OperatorNamespace)
		if err := routes.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		untilHosts(t, internalHost, publicHost, "b.test")
	})
	t.Run("Removed takes all hostnames and all routes of ours, and no other", func(t *testing.T) {
		// Routes that spec does not name any more are ours as well.
		cluster.Patch(t, `{"spec":{"managementState":"Removed","defaultRoute":false,"routes":null}}`)
		untilHosts(t, "")
		list, err := cluster.Route.RouteV1().Routes(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != 1 || list.Items[0].Name != "taken" || list.Items[0].Spec.Host != "mine.test" || list.Items[0].Spec.To.Name != "mine" {
			t.Errorf("routes left: %+v", list.Items)
		}
	})
}

func patchImageStatus(t *testing.T, patch string) {
	t.Helper()
	if _, err := cluster.Config.ConfigV1().Images().Patch(t.Context(), names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatalf("patching the status of the image config with %s: %v", patch, err)
	}
}

func TestThePullSecretIsCopied(t *testing.T) {
	onEmptyDir(t)
	sources := cluster.Kube.CoreV1().Secrets(names.UserConfigNamespace)
	source, err := sources.Get(t.Context(), names.ClusterPullSecret, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	original := source.DeepCopy()
	original.ResourceVersion, original.UID = "", ""
	t.Cleanup(func() {
		_ = sources.Delete(context.Background(), names.ClusterPullSecret, metav1.DeleteOptions{})
		if _, err := sources.Create(context.Background(), original, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	})
	untilCopied(t, string(source.Data[corev1.DockerConfigJsonKey]))

	changed := `{"auths":{"rotated.test":{"auth":"eDp5"}}}`
	source.Data[corev1.DockerConfigJsonKey] = []byte(changed)
	if _, err := sources.Update(t.Context(), source, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	untilCopied(t, changed)

	if err := sources.Delete(t.Context(), names.ClusterPullSecret, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// Everything else goes on, a registry made anew included.
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.Until(t, settle, "the end of the copy", func(ctx context.Context) error { return absent(ctx, pullSecret) })
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilAvailable(t, settle)
	if err := absent(t.Context(), pullSecret); err != nil {
		t.Errorf("without a source there is a copy: %v", err)
	}
	if _, err := sources.Create(t.Context(), original, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	untilCopied(t, string(original.Data[corev1.DockerConfigJsonKey]))
}

func untilCopied(t *testing.T, content string) {
	t.Helper()
	cluster.Until(t, settle, "the copy of the pull secret", func(ctx context.Context) error {
		secret, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.PullSecretCopy, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if string(secret.Data[corev1.DockerConfigJsonKey]) != content {
			return fmt.Errorf("the copy has other content, of %d bytes", len(secret.Data[corev1.DockerConfigJsonKey]))
		}
		return nil
	})
}
