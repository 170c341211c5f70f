package manifests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// networkPolicies are those of the release and those that the operator makes.
func networkPolicies(t *testing.T) map[string]networkingv1.NetworkPolicy {
	t.Helper()
	found := map[string]networkingv1.NetworkPolicy{}
	add := func(file string, content []byte) {
		var policy networkingv1.NetworkPolicy
		if err := yaml.UnmarshalStrict(content, &policy); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[policy.Name] = policy
	}
	for _, m := range load(t) {
		if m.Kind == "NetworkPolicy" {
			add(m.file, m.content)
		}
	}
	files, err := filepath.Glob("../../bindata/*/networkpolicy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(file, content)
	}
	if len(found) < 5 {
		t.Fatalf("only %d policies found", len(found))
	}
	return found
}

// Rules beside an open one decide nothing, which the evaluation of the policies cannot see. They tell readers who is meant, and
// have to tell all of them the same.
func TestRulesForReadersAgree(t *testing.T) {
	for name, policy := range networkPolicies(t) {
		for _, rule := range policy.Spec.Egress {
			for _, peer := range rule.To {
				if peer.PodSelector != nil && peer.PodSelector.MatchLabels["app"] == "openshift-kube-apiserver" && rule.Ports[0].Port.IntValue() != 6443 {
					t.Errorf("%s: the API server listens on 6443, and the rule says %s", name, rule.Ports[0].Port)
				}
			}
			ranges := map[bool]bool{}
			for _, peer := range rule.To {
				if peer.IPBlock != nil {
					ranges[strings.Contains(peer.IPBlock.CIDR, ":")] = true
				}
			}
			if len(ranges) == 1 {
				t.Errorf("%s: %v names addresses of one family only", name, rule.To)
			}
		}
	}
}

// A pod that nobody calls is closed by its own policy: not every profile has one for the whole namespace.
func TestPodsThatNobodyCallsAreClosed(t *testing.T) {
	policies := networkPolicies(t)
	for _, name := range []string{"image-pruner-networkpolicy", "image-registry-move-networkpolicy"} {
		policy := policies[name]
		isolates := false
		for _, t := range policy.Spec.PolicyTypes {
			isolates = isolates || t == networkingv1.PolicyTypeIngress
		}
		if !isolates || len(policy.Spec.Ingress) > 0 {
			t.Errorf("%s: policy types %v, ingress %v", name, policy.Spec.PolicyTypes, policy.Spec.Ingress)
		}
	}
}
