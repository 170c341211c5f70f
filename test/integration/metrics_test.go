package integration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// tagged makes an image stream that mentions and has the given tags.
func tagged(t *testing.T, client dynamic.ResourceInterface, name string, mentioned, there []string) {
	t.Helper()
	var spec, status []any
	for _, tag := range mentioned {
		spec = append(spec, map[string]any{"name": tag})
	}
	for _, tag := range there {
		status = append(status, map[string]any{"tag": tag, "items": []any{map[string]any{"image": "sha256:0"}}})
	}
	stream := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"tags": spec},
	}}
	created, err := client.Create(t.Context(), stream, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}) })
	created.Object["status"] = map[string]any{"tags": status}
	if _, err := client.UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// shows waits until the operator's endpoint has these series with these values.
func shows(t *testing.T, want map[string]float64) {
	t.Helper()
	cluster.Until(t, settle, "the metrics to show it", func(ctx context.Context) error {
		got, err := operator.Scrape(ctx)
		if err != nil {
			return err
		}
		for name, value := range want {
			if actual, found := got[name]; !found || actual != value {
				family, _, _ := strings.Cut(name, "{")
				maps.DeleteFunc(got, func(series string, _ float64) bool { return !strings.HasPrefix(series, family) })
				return fmt.Errorf("%s is not %v; there is %v", name, value, slices.Collect(maps.Keys(got)))
			}
		}
		return nil
	})
}

func TestMetricsOfImageStreams(t *testing.T) {
	operator.PrintOnFailure(t)
	streams := dynamic.NewForConfigOrDie(cluster.REST).Resource(schema.GroupVersionResource{Group: "image.openshift.io", Version: "v1", Resource: "imagestreams"})
	before, err := operator.Scrape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const tags = "image_registry_image_stream_tags_total"
	series := func(location, source string) string {
		return fmt.Sprintf("%s{location=%q,source=%q}", tags, location, source)
	}
	tagged(t, streams.Namespace("default"), "metrics-a", []string{"latest"}, []string{"latest", "mine", "other"})
	tagged(t, streams.Namespace(names.OperatorNamespace), "metrics-b", []string{"v1", "v2"}, []string{"v1", "v2"})
	more := func(location, source string, n float64) float64 { return before[series(location, source)] + n }
	shows(t, map[string]float64{
		series("other", "imported"): more("other", "imported", 1), series("other", "pushed"): more("other", "pushed", 2),
		series("openshift", "imported"): more("openshift", "imported", 2), series("openshift", "pushed"): more("openshift", "pushed", 0),
	})
	if err := streams.Namespace("default").Delete(t.Context(), "metrics-a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	shows(t, map[string]float64{series("other", "imported"): more("other", "imported", 0), series("other", "pushed"): more("other", "pushed", 0)})
}

func TestMetricsOfTheRegistry(t *testing.T) {
	onEmptyDir(t)
	shows(t, map[string]float64{
		`image_registry_storage_type{storage="EmptyDir"}`: 1, `image_registry_storage_type{storage="S3"}`: 0,
		`image_registry_operator_condition{condition="Available",reason="Ready",resource="configs"}`:         1,
		`image_registry_operator_condition{condition="StorageReady",reason="AsExpected",resource="configs"}`: 1,
		`leader_election_master_status{name="cluster-image-registry-operator"}`:                              1,
	})
	got, err := operator.Scrape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{
		"go_goroutines", "process_resident_memory_bytes", "workqueue_depth{", "rest_client_requests_total{", "image_registry_operator_build_info{",
		`image_registry_operator_syncs_total{controller="` + names.RegistryController + `"`, `image_registry_operator_syncs_total{controller="` + names.StorageController + `"`,
		`image_registry_operator_sync_duration_seconds_bucket{controller="` + names.TrustController + `"`,
		`image_registry_operator_certificate_expiry_timestamp_seconds{secret="image-registry-operator-tls"}`,
	} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(got)), func(series string) bool { return strings.HasPrefix(series, prefix) }) {
			t.Errorf("no series begins with %s", prefix)
		}
	}
}
