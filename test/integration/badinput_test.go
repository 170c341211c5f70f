package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestBadInputBesideARunningRegistry edits Config badly: the conditions say which field and what to do, the registry
// stays as it was, and taking the edit back heals it without a restart.
func TestBadInputBesideARunningRegistry(t *testing.T) {
	onEmptyDir(t)
	tests := map[string]struct {
		edit, undo, reason, message string
	}{
		"negative replicas": {
			`{"spec":{"replicas":-1}}`, `{"spec":{"replicas":1}}`, names.ReasonVerificationFailed, "replicas must be greater than or equal to 0",
		},
		"two routes of one name": {
			`{"spec":{"routes":[{"name":"a","hostname":"a.test"},{"name":"a","hostname":"b.test"}]}}`, `{"spec":{"routes":null}}`, names.ReasonVerificationFailed, "routes",
		},
		"a route of the reserved name": {
			`{"spec":{"routes":[{"name":"default-route","hostname":"a.test"}]}}`, `{"spec":{"routes":null}}`, names.ReasonVerificationFailed, "default-route",
		},
		"a route name that is none": {
			`{"spec":{"routes":[{"name":"Not_A_Name","hostname":"a.test"}]}}`, `{"spec":{"routes":null}}`, names.ReasonVerificationFailed, "Not_A_Name",
		},
		"negative read limit": {
			`{"spec":{"requests":{"read":{"maxRunning":-1}}}}`, `{"spec":{"requests":null}}`, names.ReasonInvalidRequestLimits, "requests.read.maxRunning",
		},
		"negative write queue": {
			`{"spec":{"requests":{"write":{"maxInQueue":-1}}}}`, `{"spec":{"requests":null}}`, names.ReasonInvalidRequestLimits, "requests.write.maxInQueue",
		},
		"overrides of the wrong shape": {
			`{"spec":{"unsupportedConfigOverrides":{"deployment":{"annotations":"none"}}}}`, `{"spec":{"unsupportedConfigOverrides":null}}`,
			names.ReasonInvalidConfigOverrides, "unsupportedConfigOverrides",
		},
		"two storages": {
			`{"spec":{"storage":{"s3":{"bucket":"b"}}}}`, `{"spec":{"storage":{"s3":null}}}`, names.ReasonMultipleStoragesConfigured, "[EmptyDir S3]",
		},
		"no storage where the platform has none": {
			`{"spec":{"storage":{"emptyDir":null}}}`, `{"spec":{"storage":{"emptyDir":{}}}}`, names.ReasonStorageNotConfigured, "spec.storage",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			before := read(t, deployment, []string{"metadata", "generation"})
			cluster.Patch(t, test.edit)
			cluster.UntilConditions(t, settle,
				library.Want{Type: names.Degraded, Status: "True", Reason: test.reason, Message: test.message},
				library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonError, Message: test.message},
				library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			)
			if after := read(t, deployment, []string{"metadata", "generation"}); after != before {
				t.Errorf("the bad edit changed the deployment: generation %s, was %s", after, before)
			}
			cluster.Patch(t, test.undo)
			cluster.UntilAvailable(t, settle)
		})
	}
}

// TestAClaimThatPodsCannotShare: what has to be changed, the claim or the Deployment, is said before any pod waits for the volume.
func TestAClaimThatPodsCannotShare(t *testing.T) {
	onEmptyDir(t)
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "only-once"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	if _, err := claims.Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claims.Delete(context.Background(), claim.Name, metav1.DeleteOptions{}) })
	for _, step := range []struct{ edit, message string }{
		{
			`{"spec":{"replicas":2,"rolloutStrategy":"Recreate","storage":{"emptyDir":null,"pvc":{"claim":"only-once"},"managementState":null}}}`,
			"claim openshift-image-registry/only-once is ReadWriteOnce and cannot be shared by 2 replicas; set spec.replicas to 1 or use a ReadWriteMany claim",
		},
		{
			`{"spec":{"replicas":1,"rolloutStrategy":"RollingUpdate"}}`,
			"claim openshift-image-registry/only-once is ReadWriteOnce: old and new pod of a rollout cannot both mount it; set spec.rolloutStrategy to Recreate",
		},
	} {
		cluster.Patch(t, step.edit)
		cluster.UntilConditions(t, settle,
			library.Want{Type: names.StorageExists, Status: "False", Reason: "PVC Issues Found", Message: step.message},
			library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: step.message},
			library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
		)
	}
	cluster.Patch(t, `{"spec":{"rolloutStrategy":"Recreate"}}`)
	cluster.UntilConditions(t, settle, library.Want{Type: names.StorageReady, Status: "True", Reason: names.ReasonAsExpected, Message: "only-once"})
}

// TestGroupsThatAreNone: the group of the pods is made from an annotation that others write.
func TestGroupsThatAreNone(t *testing.T) {
	onEmptyDir(t)
	namespaces := cluster.Kube.CoreV1().Namespaces()
	namespace, err := namespaces.Get(t.Context(), names.OperatorNamespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	groups := namespace.Annotations[names.SupplementalGroupsAnnotation]
	annotate := func(ctx context.Context, value string) error {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, names.SupplementalGroupsAnnotation, value)
		_, err := namespaces.Patch(ctx, names.OperatorNamespace, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	t.Cleanup(func() {
		if err := annotate(context.Background(), groups); err != nil {
			t.Error(err)
		}
	})
	if err := annotate(t.Context(), "1000"); err != nil {
		t.Fatal(err)
	}
	const message = `"1000" is not of the form <first group>/<number of groups>`
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.ResourcesApplied, Status: "False", Reason: names.ReasonError, Message: message},
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
	)
	if err := annotate(t.Context(), groups); err != nil {
		t.Fatal(err)
	}
	cluster.UntilConditions(t, settle, library.Want{Type: names.ResourcesApplied, Status: "True", Reason: names.ReasonAsExpected})
}

func TestNoStorageOnPlatformNone(t *testing.T) {
	fresh(t, configv1.NonePlatformType)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonStorageNotConfigured},
		library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonError},
		library.Want{Type: names.Degraded, Status: "True", Reason: names.ReasonStorageNotConfigured},
	)
	requireNoDeployment(t)
	cluster.Patch(t, `{"spec":{"storage":{"emptyDir":{}}}}`)
	cluster.UntilAvailable(t, settle)
}

// TestRouteNamesAreNotHijacked: a route of the administrator's that has the name of one of ours stays his.
func TestRouteNamesAreNotHijacked(t *testing.T) {
	onEmptyDir(t)
	foreign := map[string]any{
		"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": map[string]any{"name": "mine"},
		"spec": map[string]any{"host": "mine.test", "to": map[string]any{"kind": "Service", "name": "mine"}},
	}
	route := managedObject{defaultRoute.resource, names.OperatorNamespace, "mine"}
	create(t, route, foreign)
	cluster.Patch(t, `{"spec":{"routes":[{"name":"mine","hostname":"ours.test"}]}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.RoutesReady, Status: "False", Reason: names.ReasonRouteConflict, Message: "mine"},
		library.Want{Type: names.Degraded, Status: "True", Reason: names.ReasonRouteConflict, Message: "mine"},
	)
	if host := read(t, route, []string{"spec", "host"}); host != "mine.test" {
		t.Errorf("the administrator's route now has host %s", host)
	}
	if err := route.client().Delete(t.Context(), route.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.UntilConditions(t, settle, library.Want{Type: names.RoutesReady, Status: "True"}, library.Want{Type: names.Degraded, Status: "False"})
	if host := read(t, route, []string{"spec", "host"}); host != "ours.test" {
		t.Errorf("our route has host %s, want ours.test", host)
	}
	cluster.Patch(t, `{"spec":{"routes":null}}`)
}

// TestMissingUserCADoesNotStopTheServiceCA: what is valid is published, what was published stays, the rest is reported.
func TestMissingUserCADoesNotStopTheServiceCA(t *testing.T) {
	onEmptyDir(t)
	patchImage(t, `{"spec":{"additionalTrustedCA":{"name":"no-such-map"}}}`)
	defer patchImage(t, `{"spec":{"additionalTrustedCA":{"name":""}}}`)
	cluster.UntilConditions(t, settle, library.Want{Type: names.CertificatesDegraded, Status: "True", Reason: names.ReasonError, Message: "no-such-map"})
	if err := certificates.client().Delete(t.Context(), certificates.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	requireKey(t, "image-registry.openshift-image-registry.svc..5000")
	ca := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "no-such-map"}, Data: map[string]string{"good.test..5000": serviceCAText(t), "bad.test": "no certificate"}}
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	if _, err := maps.Create(t.Context(), ca, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = maps.Delete(t.Context(), ca.Name, metav1.DeleteOptions{}) }()
	requireKey(t, "good.test..5000")
	// Text that is no certificate goes out as it is, for the clusters that have always had it; the message names the key.
	cluster.UntilConditions(t, settle, library.Want{Type: names.CertificatesDegraded, Status: "False", Reason: names.ReasonAsExpected, Message: "bad.test"})
	if _, err := maps.Patch(t.Context(), ca.Name, types.MergePatchType, []byte(`{"data":{"bad.test":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the message to go", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		for _, condition := range config.Status.Conditions {
			if condition.Type == names.CertificatesDegraded && condition.Message != "" {
				return errors.New(condition.Message)
			}
		}
		return nil
	})
}
