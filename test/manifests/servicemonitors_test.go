package manifests

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// A ServiceMonitor that selects no Service, or a port that the Service has not, scrapes nothing and says so nowhere.
func TestServiceMonitorsFitTheirServices(t *testing.T) {
	all := load(t)
	var registry, self corev1.Service
	content, err := os.ReadFile("../../bindata/registry/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, &registry); err != nil {
		t.Fatal(err)
	}
	find(all, "Service", "image-registry-operator")[0].decode(t, &self)
	for name, service := range map[string]corev1.Service{"image-registry": registry, "image-registry-operator": self} {
		var monitor struct {
			manifestHead
			Spec struct {
				Endpoints []struct {
					Port string `json:"port"`
				} `json:"endpoints"`
				Selector metav1.LabelSelector `json:"selector"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(find(all, "ServiceMonitor", name)[0].content, &monitor); err != nil {
			t.Fatal(err)
		}
		selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
		if err != nil || selector.Empty() || !selector.Matches(labels.Set(service.Labels)) {
			t.Errorf("ServiceMonitor %s selects %v (%v), the Service has %v", name, selector, err, service.Labels)
		}
		if len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name {
			t.Errorf("ServiceMonitor %s scrapes %v, the Service has %v", name, monitor.Spec.Endpoints, service.Spec.Ports)
		}
	}
}
