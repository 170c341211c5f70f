package standin_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const demo = "demo"

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	policies    = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	roles       = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
)

// TestVersionOperator follows one cluster through releases; each step builds on the one before.
func TestVersionOperator(t *testing.T) {
	c := start(t)
	leftOver(t, c)
	c.release(t, func(string) {})
	steps := []struct {
		name string
		run  func(*testing.T, *cluster)
	}{
		{"applies a release and waits for its operator", testInstalled},
		{"the credentials that it asks for are minted, those of other clouds are not", testCredentials},
		{"completes when the operator reports the version", testCompleted},
		{"restores what is changed or deleted, and keeps what others added", testRestored},
		{"leaves a create-only object alone", testCreateOnly},
		{"injects the proxy and takes it out again", testInjectsProxy},
		{"injects the TLS profile", testInjectsTLS},
		{"does not accept a release it does not understand, and keeps the one it has", testRejected},
		{"reports a manifest that the API server refuses", testRefusedByServer},
		{"rolls out a new version and lists its feature gates", testUpgraded},
		{"writes nothing when nothing changes", testSilent},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, c) }) {
			t.FailNow()
		}
	}
}

// leftOver makes what the release deletes.
func leftOver(t *testing.T, c *cluster) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: demo}}
	if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	old := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "left-over"}}
	if _, err := c.kube.CoreV1().ConfigMaps(demo).Create(t.Context(), old, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// condition waits for a condition of the ClusterVersion whose message contains the text.
func (c *cluster) condition(t *testing.T, kind configv1.ClusterStatusConditionType, status configv1.ConditionStatus, text string) {
	t.Helper()
	kubetest.Eventually(t, fmt.Sprintf("ClusterVersion %s=%s %q", kind, status, text), func(ctx context.Context) string {
		version := read[configv1.ClusterVersion](ctx, t, c, gvr.ClusterVersions, "", "version")
		for _, condition := range version.Status.Conditions {
			if condition.Type == kind && condition.Status == status && strings.Contains(condition.Message, text) {
				return ""
			}
		}
		return fmt.Sprintf("%+v", version.Status.Conditions)
	})
}

func (c *cluster) operator(ctx context.Context, t *testing.T) *appsv1.Deployment {
	t.Helper()
	return read[appsv1.Deployment](ctx, t, c, deployments, demo, "demo-operator")
}

func env(deployment *appsv1.Deployment) map[string]string {
	out := map[string]string{}
	for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
		out[variable.Name] = variable.Value
	}
	return out
}

func testInstalled(t *testing.T, c *cluster) {
	c.condition(t, configv1.OperatorProgressing, configv1.ConditionTrue, `cluster operator demo reports operator version "", not "4.22.1"`)
	c.condition(t, "Failing", configv1.ConditionFalse, "")
	status := read[configv1.ClusterVersion](t.Context(), t, c, gvr.ClusterVersions, "", "version").Status
	if status.Desired.Version != "4.22.1" || status.History[0].Version != "4.22.1" || status.History[0].State != configv1.PartialUpdate {
		t.Errorf("desired %+v, history %+v", status.Desired, status.History)
	}
	deployment := c.operator(t.Context(), t)
	if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "cluster.test/demo-operator:1" {
		t.Errorf("image %s", image)
	}
	if got := env(deployment); got["RELEASE_VERSION"] != "4.22.1" || got["IMAGE"] != "cluster.test/operand:1" {
		t.Errorf("environment %v", got)
	}
	if deployment.Annotations["include.release.openshift.io/hypershift"] != "" {
		t.Error("the hosted variant was applied")
	}
	if read[corev1.ConfigMap](t.Context(), t, c, configMaps, demo, "left-over") != nil {
		t.Error("what the release deletes is still there")
	}
}

func testCredentials(t *testing.T, c *cluster) {
	kubetest.Eventually(t, "the secret", func(ctx context.Context) string {
		secret := read[corev1.Secret](ctx, t, c, secrets, demo, "demo-cloud-credentials")
		if secret == nil {
			return "not there"
		}
		if string(secret.Data["aws_access_key_id"]) != "the-id" || string(secret.Data["aws_secret_access_key"]) != "the-key" || len(secret.Data["credentials"]) == 0 {
			return fmt.Sprintf("%d keys", len(secret.Data))
		}
		return ""
	})
	if read[corev1.Secret](t.Context(), t, c, secrets, demo, "demo-gcs-credentials") != nil {
		t.Error("a request of another cloud was answered")
	}
	if err := c.kube.CoreV1().Secrets(demo).Delete(t.Context(), "demo-cloud-credentials", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "the secret again", func(ctx context.Context) string {
		if read[corev1.Secret](ctx, t, c, secrets, demo, "demo-cloud-credentials") == nil {
			return "not there"
		}
		return ""
	})
	testHandMade(t, c)
	c.create(t, gvr.CredentialsRequests, `{apiVersion: cloudcredential.openshift.io/v1, kind: CredentialsRequest,
metadata: {name: odd, namespace: openshift-cloud-credential-operator},
spec: {secretRef: {name: a, namespace: b}, providerSpec: {apiVersion: cloudcredential.openshift.io/v1, kind: MoonProviderSpec}}}`)
	c.refused(t, "openshift-cloud-credential-operator", "odd", "CredentialsRequestInvalid", `"MoonProviderSpec" is not known`)
}

// testHandMade: a Secret without the annotation is the administrator's, until it has that again.
func testHandMade(t *testing.T, c *cluster) {
	const annotation, request = "cloudcredential.openshift.io/credentials-request", "demo"
	const namespace = "openshift-cloud-credential-operator"
	c.patch(t, secrets, demo, "demo-cloud-credentials", map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{annotation: nil}},
		"data":     map[string]any{"credentials": []byte("a role"), "aws_access_key_id": nil, "aws_secret_access_key": nil},
	})
	// An edit of the request brings it back; what it says of itself afterwards tells that it was dealt with.
	c.patch(t, gvr.CredentialsRequests, namespace, request, map[string]any{"spec": map[string]any{"serviceAccountNames": []string{"demo-2"}}})
	kubetest.Eventually(t, "the request to be dealt with", func(ctx context.Context) string {
		raw, err := c.client(gvr.CredentialsRequests, namespace).Get(ctx, request, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		seen, _, _ := unstructured.NestedInt64(raw.Object, "status", "lastSyncGeneration")
		if seen < 2 || seen != raw.GetGeneration() {
			return fmt.Sprintf("generation %d, seen %d", raw.GetGeneration(), seen)
		}
		return ""
	})
	if got := read[corev1.Secret](t.Context(), t, c, secrets, demo, "demo-cloud-credentials"); string(got.Data["credentials"]) != "a role" || len(got.Data) != 1 {
		t.Errorf("a secret that was made by hand has become one of %d keys", len(got.Data))
	}
	c.patch(t, secrets, demo, "demo-cloud-credentials", map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{annotation: namespace + "/" + request}},
	})
	kubetest.Eventually(t, "the secret to be minted again", func(ctx context.Context) string {
		if got := read[corev1.Secret](ctx, t, c, secrets, demo, "demo-cloud-credentials"); string(got.Data["aws_access_key_id"]) != "the-id" {
			return fmt.Sprintf("%d keys", len(got.Data))
		}
		return ""
	})
}

// reportVersion plays the operator of the release.
func (c *cluster) reportVersion(t *testing.T, version string) {
	t.Helper()
	operator := read[configv1.ClusterOperator](t.Context(), t, c, gvr.ClusterOperators, "", demo)
	operator.Status.Versions = []configv1.OperandVersion{{Name: "operator", Version: version}}
	now := metav1.Now()
	operator.Status.Conditions = []configv1.ClusterOperatorStatusCondition{
		{Type: configv1.OperatorAvailable, Status: configv1.ConditionTrue, LastTransitionTime: now},
		{Type: configv1.OperatorDegraded, Status: configv1.ConditionFalse, LastTransitionTime: now},
	}
	if _, err := loop.WriteStatus(t.Context(), c.dynamic, gvr.ClusterOperators, operator); err != nil {
		t.Fatal(err)
	}
}

func testCompleted(t *testing.T, c *cluster) {
	c.reportVersion(t, "4.22.1")
	c.condition(t, configv1.OperatorProgressing, configv1.ConditionFalse, "Cluster version is 4.22.1")
	status := read[configv1.ClusterVersion](t.Context(), t, c, gvr.ClusterVersions, "", "version").Status
	if status.History[0].State != configv1.CompletedUpdate || status.History[0].CompletionTime == nil {
		t.Errorf("history %+v", status.History[0])
	}
}

func testRestored(t *testing.T, c *cluster) {
	c.patch(t, deployments, demo, "demo-operator", map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"foreign": "label"}},
		"spec":     map[string]any{"replicas": 3, "minReadySeconds": 7},
	})
	c.patch(t, roles, demo, "demo-operator", map[string]any{"rules": []any{
		map[string]any{"apiGroups": []string{""}, "resources": []string{"configmaps"}, "verbs": []string{"get", "list"}, "resourceNames": []string{"a"}},
		map[string]any{"apiGroups": []string{""}, "resources": []string{"secrets"}, "verbs": []string{"get"}},
	}})
	c.patch(t, policies, demo, "default-deny-all", map[string]any{"spec": map[string]any{
		"ingress": []any{map[string]any{}}, "podSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
	}})
	if err := c.client(policies, demo).Delete(t.Context(), "demo-operator", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "all as it was", func(ctx context.Context) string {
		deployment := c.operator(ctx, t)
		if *deployment.Spec.Replicas != 1 {
			return fmt.Sprintf("%d replicas", *deployment.Spec.Replicas)
		}
		if deployment.Labels["foreign"] != "label" || deployment.Spec.MinReadySeconds != 7 {
			return "what others added is lost"
		}
		role := read[rbacv1.Role](ctx, t, c, roles, demo, "demo-operator")
		if len(role.Rules) != 1 || len(role.Rules[0].ResourceNames) != 0 {
			return fmt.Sprintf("rules %v", role.Rules)
		}
		deny := read[networkingv1.NetworkPolicy](ctx, t, c, policies, demo, "default-deny-all")
		if len(deny.Spec.Ingress) != 0 || len(deny.Spec.PodSelector.MatchLabels) != 0 {
			return fmt.Sprintf("policy %+v", deny.Spec)
		}
		if read[networkingv1.NetworkPolicy](ctx, t, c, policies, demo, "demo-operator") == nil {
			return "the deleted policy is not there"
		}
		return ""
	})
}

func testCreateOnly(t *testing.T, c *cluster) {
	c.patch(t, configMaps, demo, "trusted-ca", map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		"capability.openshift.io/name": "changed",
	}}})
	// Something later in the same pass shows that the pass has been by.
	c.patch(t, deployments, demo, "demo-operator", map[string]any{"spec": map[string]any{"replicas": 2}})
	kubetest.Eventually(t, "the deployment restored", func(ctx context.Context) string {
		if n := *c.operator(ctx, t).Spec.Replicas; n != 1 {
			return fmt.Sprintf("%d replicas", n)
		}
		return ""
	})
	kept := read[corev1.ConfigMap](t.Context(), t, c, configMaps, demo, "trusted-ca")
	if kept.Annotations["capability.openshift.io/name"] != "changed" {
		t.Error("the create-only object was changed back")
	}
	if !strings.Contains(kept.Data["ca-bundle.crt"], "BEGIN CERTIFICATE") {
		t.Error("the trusted CA bundle was not injected or was taken out")
	}
}

func testInjectsProxy(t *testing.T, c *cluster) {
	for _, want := range []string{"http://proxy.test:8080", ""} {
		c.patch(t, gvr.Proxies, "", "cluster", map[string]any{"spec": map[string]any{"httpProxy": want}})
		kubetest.Eventually(t, "HTTP_PROXY="+want, func(ctx context.Context) string {
			got := env(c.operator(ctx, t))
			if got["HTTP_PROXY"] != want || (got["NO_PROXY"] != "") != (want != "") || got["RELEASE_VERSION"] == "" {
				return fmt.Sprint(got)
			}
			return ""
		})
	}
}

func testInjectsTLS(t *testing.T, c *cluster) {
	has := func(text string) {
		t.Helper()
		kubetest.Eventually(t, "the TLS profile", func(ctx context.Context) string {
			config := read[corev1.ConfigMap](ctx, t, c, configMaps, demo, "demo-config").Data["config.yaml"]
			if !strings.Contains(config, text) || !strings.Contains(config, `bindAddress: :60000`) {
				return config
			}
			return ""
		})
	}
	has("minTLSVersion: VersionTLS12")
	c.patch(t, gvr.APIServers, "", "cluster", map[string]any{"spec": map[string]any{"tlsSecurityProfile": map[string]any{"type": "Modern", "modern": map[string]any{}}}})
	has("minTLSVersion: VersionTLS13")
}

func testRejected(t *testing.T, c *cluster) {
	c.release(t, func(dir string) {
		write(t, filepath.Join(dir, "manifests", "20-job.yaml"), "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a, namespace: demo}\n")
		edit(t, filepath.Join(dir, "release.json"), "4.22.1", "4.22.2")
	})
	c.condition(t, "Failing", configv1.ConditionTrue, "batch/v1, Kind=Job is not known")
	c.condition(t, "ReleaseAccepted", configv1.ConditionFalse, "20-job.yaml")
	c.refused(t, "default", "version", "ReleaseNotApplied", "Kind=Job is not known")
	if desired := read[configv1.ClusterVersion](t.Context(), t, c, gvr.ClusterVersions, "", "version").Status.Desired.Version; desired != "4.22.1" {
		t.Errorf("the version became %s", desired)
	}
	c.patch(t, deployments, demo, "demo-operator", map[string]any{"spec": map[string]any{"replicas": 4}})
	kubetest.Eventually(t, "the deployment restored", func(ctx context.Context) string {
		if n := *c.operator(ctx, t).Spec.Replicas; n != 1 {
			return fmt.Sprintf("%d replicas", n)
		}
		return ""
	})
	// An object that nobody takes is found only when the release is applied.
	c.release(t, func(dir string) {
		write(t, filepath.Join(dir, "manifests", "20-nobody.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nobody, namespace: demo}\n")
	})
	c.condition(t, "Failing", configv1.ConditionTrue, "nobody takes it")
}

func testRefusedByServer(t *testing.T, c *cluster) {
	c.release(t, func(dir string) {
		edit(t, filepath.Join(dir, "manifests", "06-service.yaml"), "port: 60000", "port: 600000")
	})
	c.condition(t, "Failing", configv1.ConditionTrue, "06-service.yaml[0] Service demo/demo-operator: updating:")
	c.release(t, func(string) {})
	c.condition(t, "Failing", configv1.ConditionFalse, "")
}

func testUpgraded(t *testing.T, c *cluster) {
	c.release(t, func(dir string) {
		edit(t, filepath.Join(dir, "release.json"), "4.22.1", "4.23.0")
		edit(t, filepath.Join(dir, "release.json"), "demo-operator:1", "demo-operator:2")
	})
	c.condition(t, configv1.OperatorProgressing, configv1.ConditionTrue, `reports operator version "4.22.1", not "4.23.0"`)
	if image := c.operator(t.Context(), t).Spec.Template.Spec.Containers[0].Image; image != "cluster.test/demo-operator:2" {
		t.Errorf("image %s", image)
	}
	kubetest.Eventually(t, "feature gates of the new version", func(ctx context.Context) string {
		var listed []string
		for _, details := range read[configv1.FeatureGate](ctx, t, c, gvr.FeatureGates, "", "cluster").Status.FeatureGates {
			listed = append(listed, details.Version)
		}
		if len(listed) == 0 || listed[0] != "4.23.0" {
			return fmt.Sprint(listed)
		}
		return ""
	})
	c.reportVersion(t, "4.23.0")
	c.condition(t, configv1.OperatorProgressing, configv1.ConditionFalse, "Cluster version is 4.23.0")
	history := read[configv1.ClusterVersion](t.Context(), t, c, gvr.ClusterVersions, "", "version").Status.History
	if history[0].Version != "4.23.0" || history[0].State != configv1.CompletedUpdate || history[1].Version != "4.22.1" {
		t.Errorf("history %+v", history)
	}
}

// testSilent makes the version operator pass over the whole release several times and sees that it writes only to the object
// that was changed.
func testSilent(t *testing.T, c *cluster) {
	before := c.writes.snapshot()
	for range 3 {
		// This object is behind most others: what is put right here shows that a pass has been by.
		c.patch(t, gvr.ClusterOperators, "", demo, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"capability.openshift.io/name": "x"}}})
		kubetest.Eventually(t, "a pass", func(ctx context.Context) string {
			operator := read[configv1.ClusterOperator](ctx, t, c, gvr.ClusterOperators, "", demo)
			if operator.Annotations["capability.openshift.io/name"] != "ImageRegistry" {
				return "not yet"
			}
			return ""
		})
	}
	// The service CA renews its short-lived certificates meanwhile; that is not the version operator's doing.
	expected := []string{"/clusteroperators/demo", "/secrets/demo-operator-tls", "/services/demo-operator"}
	for path, count := range c.writes.snapshot() {
		ours := strings.Contains(path, "demo") || strings.Contains(path, "/clusterversions/")
		isExpected := slices.ContainsFunc(expected, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
		if n := count - before[path]; n > 0 && ours && !isExpected {
			t.Errorf("%d writes to %s", n, path)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
