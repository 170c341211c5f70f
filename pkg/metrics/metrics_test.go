package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gathered are the operator's own series and their values.
func gathered(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%s", label.GetName(), label.GetValue()))
			}
			name := family.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			series[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	// Its labels are those of the machine.
	maps.DeleteFunc(series, func(name string, _ float64) bool {
		return strings.HasPrefix(name, "image_registry_operator_build_info")
	})
	return series
}

// having keeps the series whose name begins like that.
func having(series map[string]float64, prefix string) map[string]float64 {
	maps.DeleteFunc(series, func(name string, _ float64) bool { return !strings.HasPrefix(name, prefix) })
	return series
}

func TestTagsAreExportedOnceTheyAreKnown(t *testing.T) {
	m := New("v1")
	known := false
	m.ImageStreams(func() ([]Tags, bool) {
		return []Tags{{Source: "imported", Location: "openshift", Number: 3}, {Source: "pushed", Location: "other"}}, known
	})
	const prefix = "image_registry_image_stream"
	if got := having(gathered(t, m), prefix); len(got) > 0 {
		t.Errorf("nothing is known, and there is %v", got)
	}
	known = true
	want := map[string]float64{
		"image_registry_image_stream_tags_total{location=openshift,source=imported}": 3,
		"image_registry_image_stream_tags_total{location=other,source=pushed}":       0,
	}
	if diff := cmp.Diff(want, having(gathered(t, m), prefix)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOneKindOfStorageIsInUse(t *testing.T) {
	m := New("v1", "S3", "PVC", "EmptyDir")
	for _, kind := range []string{"S3", "PVC", ""} {
		m.StorageType(kind)
		got := having(gathered(t, m), "image_registry_storage_type")
		for _, each := range []string{"S3", "PVC", "EmptyDir"} {
			want := 0.0
			if each == kind {
				want = 1
			}
			if value, found := got["image_registry_storage_type{storage="+each+"}"]; !found || value != want {
				t.Errorf("with %q in use: %v", kind, got)
			}
		}
	}
}

func TestAzureKeyCacheAndReconfiguredAreThereFromTheStart(t *testing.T) {
	m := New("v1")
	m.AzureKeyCache(true)
	m.AzureKeyCache(true)
	m.StorageReconfigured()
	got := gathered(t, m)
	for name, want := range map[string]float64{
		"image_registry_operator_azure_key_cache_requests_total{result=hit}":  2,
		"image_registry_operator_azure_key_cache_requests_total{result=miss}": 0,
		"image_registry_operator_storage_reconfigured_total":                  1,
	} {
		if value, found := got[name]; !found || value != want {
			t.Errorf("%s is %v, want %v; there are %v", name, value, want, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestStateIsThatOfTheMomentOfTheScrape(t *testing.T) {
	m := New("v1")
	conditions := []Condition{{Resource: "configs", Type: "Available", Reason: "Ready", True: true}}
	m.State(func() []Condition { return conditions }, func() []Certificate {
		return []Certificate{{Secret: "image-registry-tls", NotAfter: time.Unix(1_800_000_000, 0)}}
	})
	for reason, value := range map[string]float64{"Ready": 1, "NoReplicasAvailable": 0} {
		conditions[0].Reason, conditions[0].True = reason, value == 1
		want := map[string]float64{
			"image_registry_operator_condition{condition=Available,reason=" + reason + ",resource=configs}": value,
			"image_registry_operator_certificate_expiry_timestamp_seconds{secret=image-registry-tls}":       1_800_000_000,
		}
		got := gathered(t, m)
		maps.DeleteFunc(got, func(name string, _ float64) bool {
			return !strings.HasPrefix(name, "image_registry_operator_condition") && !strings.HasPrefix(name, "image_registry_operator_certificate")
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
