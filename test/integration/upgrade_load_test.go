package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const referenceCluster = "../fixtures/reference-cluster"

// notLoaded are objects of the fixture that the embedded cluster has its own of.
var notLoaded = map[string]string{
	"infrastructures": "it describes the cluster, which is this one",
	"leases":          "the reference has given it back when it ended",
}

// runByOthers are kinds whose status the cluster's own controllers write.
var runByOthers = []string{"deployments", "daemonsets", "cronjobs", "poddisruptionbudgets", "services"}

const (
	// loader is who writes the fixture; nothing of it stays in managedFields.
	loader = "fixture-loader"
	// administrator is who adds to every object what must not get lost.
	administrator = "kubectl-edit"
	mine          = "example.com/mine"
	stale         = "example.com/stale"
)

// taken is one object of the reference's cluster: what the fixture says, and what it was on the API server when our
// operator started.
type taken struct {
	managedObject
	fixture, before *unstructured.Unstructured
}

// loadReference makes the cluster the one that the reference left. No operator may be running.
func loadReference(t *testing.T, ca string) []*taken {
	t.Helper()
	replace := substitutions(t, ca)
	files, err := filepath.Glob(filepath.Join(referenceCluster, "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files in %s: %v", len(files), referenceCluster, err)
	}
	var all []*taken
	for _, file := range files {
		resource, _, _ := strings.Cut(filepath.Base(file), "-")
		if notLoaded[resource] != "" {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(replace.Replace(string(content))), &object.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		gv := object.GroupVersionKind().GroupVersion()
		all = append(all, &taken{managedObject: managedObject{gv.WithResource(resource), object.GetNamespace(), object.GetName()}, fixture: object})
	}
	// Config comes last but for what counts its objects: its generations are those of the Deployment and the DaemonSet.
	slices.SortStableFunc(all, func(a, b *taken) int { return rank(a) - rank(b) })
	for _, o := range all {
		o.write(t)
	}
	for _, o := range all {
		o.own(t)
		o.addStale(t)
		o.addMine(t)
	}
	return all
}

func rank(o *taken) int {
	return slices.Index([]string{"configmaps", "secrets", "serviceaccounts", "services", "deployments", "daemonsets", "configs"}, o.resource.Resource)
}

// substitutions make the fixture's cluster this one: its S3 server and its CA.
func substitutions(t *testing.T, ca string) *strings.Replacer {
	t.Helper()
	var serviceCA struct{ Data map[string]string }
	content, err := os.ReadFile(filepath.Join(referenceCluster, "configmaps-serviceca.json"))
	if err == nil {
		err = json.Unmarshal(content, &serviceCA)
	}
	if err != nil {
		t.Fatal(err)
	}
	inJSON := func(text string) string {
		quoted, _ := json.Marshal(text)
		return strings.Trim(string(quoted), `"`)
	}
	credentials := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", cluster.S3.AccessKeyID, cluster.S3.SecretAccessKey)
	return strings.NewReplacer(
		"http://10.244.0.1:9000", cluster.S3.Endpoint,
		`"region": "us-east-1"`, `"region": "`+cluster.S3.Region+`"`,
		base64.StdEncoding.EncodeToString([]byte("[default]\naws_access_key_id = minio\naws_secret_access_key = minio123\n")), base64.StdEncoding.EncodeToString([]byte(credentials)),
		inJSON(serviceCA.Data[names.ServiceCAKey]), inJSON(ca),
	)
}

// write creates the object, or makes the one there is say the same.
func (o *taken) write(t *testing.T) {
	t.Helper()
	wanted := o.fixture.DeepCopy()
	for _, field := range []string{"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(wanted.Object, "metadata", field)
	}
	if o.resource.Resource == "services" {
		// Addresses are of the cluster.
		for _, field := range []string{"clusterIP", "clusterIPs"} {
			unstructured.RemoveNestedField(wanted.Object, "spec", field)
		}
	}
	if o.resource.Resource == "configs" {
		countGenerations(t, wanted)
	}
	_, err := o.client().Create(t.Context(), wanted, metav1.CreateOptions{FieldManager: loader})
	if apierrors.IsAlreadyExists(err) {
		err = o.change(t, func(live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
			wanted.SetResourceVersion(live.GetResourceVersion())
			return o.client().Update(t.Context(), wanted, metav1.UpdateOptions{FieldManager: loader})
		})
	}
	if err != nil {
		t.Fatalf("loading %s: %v", o, err)
	}
	status, found := wanted.Object["status"]
	if !found || slices.Contains(runByOthers, o.resource.Resource) {
		return
	}
	err = o.change(t, func(live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		live.Object["status"] = status
		return o.client().UpdateStatus(t.Context(), live, metav1.UpdateOptions{FieldManager: loader})
	})
	if err != nil {
		t.Fatalf("loading the status of %s: %v", o, err)
	}
}

// change reads the object and writes it, again if somebody else has written it in between.
func (o *taken) change(t *testing.T, write func(live *unstructured.Unstructured) (*unstructured.Unstructured, error)) error {
	t.Helper()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := o.client().Get(t.Context(), o.name, metav1.GetOptions{})
		if err == nil {
			_, err = write(live)
		}
		return err
	})
}

// countGenerations makes status.generations say what the reference had noted here.
func countGenerations(t *testing.T, config *unstructured.Unstructured) {
	t.Helper()
	entries, _, _ := unstructured.NestedSlice(config.Object, "status", "generations")
	for _, entry := range entries {
		entry := entry.(map[string]any)
		of := managedObject{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: entry["resource"].(string)}, entry["namespace"].(string), entry["name"].(string)}
		live, err := of.client().Get(t.Context(), of.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		entry["lastGeneration"] = live.GetGeneration()
	}
	if len(entries) == 0 {
		t.Fatal("the fixture's config notes no generation")
	}
	_ = unstructured.SetNestedSlice(config.Object, entries, "status", "generations")
}

// own makes the fields belong to whom the fixture says: an API server takes over managedFields of an update that changes
// nothing else. The cluster's own controllers keep theirs.
func (o *taken) own(t *testing.T) {
	t.Helper()
	var owned *unstructured.Unstructured
	err := o.change(t, func(live *unstructured.Unstructured) (_ *unstructured.Unstructured, err error) {
		owners := slices.DeleteFunc(slices.Clone(o.fixture.GetManagedFields()), byCluster)
		for _, entry := range live.GetManagedFields() {
			if byCluster(entry) {
				owners = append(owners, entry)
			}
		}
		live.SetManagedFields(owners)
		owned, err = o.client().Update(t.Context(), live, metav1.UpdateOptions{FieldManager: loader})
		return owned, err
	})
	if err != nil {
		t.Fatalf("giving %s its owners: %v", o, err)
	}
	// Otherwise this would not be what the reference leaves.
	if got, want := ownedBy(owned, byReference), ownedBy(o.fixture, byReference); !cmp.Equal(got, want) {
		t.Fatalf("%s: the reference owns other fields here (-fixture +here):\n%s", o, cmp.Diff(want, got))
	}
}

func byCluster(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == "kube-controller-manager" && entry.Subresource == "status"
}

// additions are fields that somebody else than an operator sets, beside a label and an annotation on every object.
var additions = map[string]string{
	"serviceaccounts": `,"imagePullSecrets":[{"name":"mine"}]`,
	"services":        `,"spec":{"sessionAffinity":"ClientIP"}`,
}

// addStale is what an earlier reference has written, and nobody wants any more. It cannot be on routes and ConfigMaps,
// whose metadata the reference replaces whole.
func (o *taken) addStale(t *testing.T) {
	t.Helper()
	if o.resource.Resource == "routes" || o.resource.Resource == "configmaps" {
		return
	}
	patch := `{"metadata":{"annotations":{"` + stale + `":"annotation"},"labels":{"` + stale + `":"label"}}}`
	if _, err := o.client().Patch(t.Context(), o.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: referenceManagers[0]}); err != nil {
		t.Fatalf("adding to %s: %v", o, err)
	}
}

func (o *taken) addMine(t *testing.T) {
	t.Helper()
	patch := `{"metadata":{"labels":{"` + mine + `":"label"},"annotations":{"` + mine + `":"annotation"}}` + additions[o.resource.Resource] + `}`
	if _, err := o.client().Patch(t.Context(), o.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: administrator}); err != nil {
		t.Fatalf("adding to %s: %v", o, err)
	}
}

// sweep deletes what the operator has made, so that the fixture meets an empty cluster.
func sweep(t *testing.T) {
	t.Helper()
	config := managedObject{schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "configs"}, "", names.Cluster}
	pruner := managedObject{config.resource.GroupVersion().WithResource("imagepruners"), "", names.Cluster}
	pair := managedObject{private.resource, names.OperatorNamespace, names.StoragePair}
	_, err := config.client().Patch(t.Context(), config.name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	objects := []managedObject{config, pruner, pair, httpSecret, deployment, service, account, role, binding, budget, policy, private, pullSecret, certificates, registryCA, serviceCA, defaultRoute}
	for _, row := range takeOvers {
		if !row.singleton {
			objects = append(objects, row.managedObject)
		}
	}
	foreground := metav1.DeletePropagationForeground
	for _, o := range objects {
		if err := library.IgnoreNotFound(o.client().Delete(t.Context(), o.name, metav1.DeleteOptions{PropagationPolicy: &foreground})); err != nil {
			t.Fatalf("deleting %s: %v", o, err)
		}
	}
	for _, o := range objects {
		cluster.Until(t, settle, "the end of "+o.String(), func(ctx context.Context) error { return absent(ctx, o) })
	}
}

// addReferred makes what the fixture refers to and does not have.
func addReferred(t *testing.T, objects []*taken) {
	t.Helper()
	var bucket string
	certificates := map[string]string{}
	for _, o := range objects {
		switch o.String() {
		case "configs/cluster":
			bucket, _, _ = unstructured.NestedString(o.fixture.Object, "spec", "storage", "s3", "bucket")
		case "configmaps/" + names.Certificates:
			certificates, _, _ = unstructured.NestedStringMap(o.fixture.Object, "data")
		}
	}
	if err := cluster.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatalf("making the reference's bucket: %v", err)
	}
	const ca = "registry.example.com..5000"
	if certificates[ca] == "" {
		t.Fatalf("the fixture publishes no CA for %s", ca)
	}
	certificate, key := library.SelfSignedPair(t, "registry.example.com")
	keys := map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": cluster.S3.AccessKeyID, "REGISTRY_STORAGE_S3_SECRETKEY": cluster.S3.SecretAccessKey}
	for _, secret := range []*corev1.Secret{
		{ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser}, StringData: keys},
		{ObjectMeta: metav1.ObjectMeta{Name: "r2-tls"}, Type: corev1.SecretTypeTLS, StringData: map[string]string{"tls.crt": certificate, "tls.key": key}},
	} {
		secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
		if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}) })
	}
	userCA := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "user-ca"}, Data: map[string]string{ca: certificates[ca]}}
	configMaps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	if _, err := configMaps.Create(t.Context(), userCA, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = configMaps.Delete(context.Background(), userCA.Name, metav1.DeleteOptions{}) })
}
