package bindata

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// shipped are the texts of all objects that the operator or its release makes.
func shipped(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, folder := range []string{".", "../manifests"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" || strings.Contains(path, "crd") {
				return err
			}
			text, err := os.ReadFile(path)
			texts[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// TestPoliciesKeepNoAddressFamilyOut: a rule with a block of IPv4 addresses must not be the only one that lets traffic of
// its kind through.
func TestPoliciesKeepNoAddressFamilyOut(t *testing.T) {
	found := 0
	for path, text := range shipped(t) {
		var policy networkingv1.NetworkPolicy
		if !strings.Contains(text, "kind: NetworkPolicy\n") || yaml.Unmarshal([]byte(text), &policy) != nil {
			continue
		}
		found++
		v4, open := false, false
		for _, rule := range policy.Spec.Egress {
			open = open || len(rule.To) == 0 && len(rule.Ports) == 0
			v4 = v4 || oneFamily(rule.To)
		}
		if v4 && !open {
			t.Errorf("%s: egress names addresses of one family and is not open otherwise", path)
		}
		for _, rule := range policy.Spec.Ingress {
			if oneFamily(rule.From) {
				t.Errorf("%s: ingress names addresses of one family", path)
			}
		}
	}
	if found < 3 {
		t.Errorf("found only %d policies", found)
	}
}

func oneFamily(peers []networkingv1.NetworkPolicyPeer) bool {
	v4, v6 := false, false
	for _, peer := range peers {
		if peer.IPBlock != nil {
			six := strings.Contains(peer.IPBlock.CIDR, ":")
			v6, v4 = v6 || six, v4 || !six
		}
	}
	return v4 != v6
}

// TestServicesLeaveTheAddressFamilyToTheCluster: on a cluster with IPv6 only, or with both, the API server knows best.
func TestServicesLeaveTheAddressFamilyToTheCluster(t *testing.T) {
	found := 0
	for path, text := range shipped(t) {
		var service corev1.Service
		if !strings.Contains(text, "kind: Service\n") || yaml.Unmarshal([]byte(text), &service) != nil || service.Kind != "Service" {
			continue
		}
		found++
		if service.Spec.IPFamilyPolicy != nil || len(service.Spec.IPFamilies) > 0 || service.Spec.ClusterIP != "" && service.Spec.ClusterIP != corev1.ClusterIPNone {
			t.Errorf("%s decides about the address family: %+v", path, service.Spec)
		}
	}
	if found < 2 {
		t.Errorf("found only %d services", found)
	}
}

// TestNothingListensOnOneFamily: addresses to listen on name no host.
func TestNothingListensOnOneFamily(t *testing.T) {
	for path, text := range shipped(t) {
		for _, line := range strings.Split(text, "\n") {
			for _, literal := range []string{"0.0.0.0:", "127.0.0.1", "localhost"} {
				if strings.Contains(line, literal) {
					t.Errorf("%s: %s", path, strings.TrimSpace(line))
				}
			}
		}
	}
}
