package policies

import (
	"fmt"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selectors are those of all policies. Each stands for a label, which an object has when the selector matches it.
type selectors struct {
	stand map[string]string
	all   []named
}

type named struct {
	selector labels.Selector
	label    string
}

// rewritten returns the policy with selectors for the labels that stand for its own.
func (s *selectors) rewritten(policy *networkingv1.NetworkPolicy) (*networkingv1.NetworkPolicy, error) {
	policy = policy.DeepCopy()
	err := s.rewrite(&policy.Spec.PodSelector)
	for i := range policy.Spec.Ingress {
		err = s.peers(policy.Spec.Ingress[i].From, err)
	}
	for i := range policy.Spec.Egress {
		err = s.peers(policy.Spec.Egress[i].To, err)
	}
	if err != nil {
		return nil, fmt.Errorf("network policy %s/%s: %w", policy.Namespace, policy.Name, err)
	}
	return policy, nil
}

func (s *selectors) peers(peers []networkingv1.NetworkPolicyPeer, err error) error {
	for i := range peers {
		for _, selector := range []*metav1.LabelSelector{peers[i].PodSelector, peers[i].NamespaceSelector} {
			if err == nil && selector != nil {
				err = s.rewrite(selector)
			}
		}
	}
	return err
}

// rewrite leaves an empty selector as it is: it matches everything, for cyclonus too.
func (s *selectors) rewrite(selector *metav1.LabelSelector) error {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return fmt.Errorf("label selector: %w", err)
	}
	if compiled.Empty() {
		return nil
	}
	text := compiled.String()
	label, known := s.stand[text]
	if !known {
		label = "matched-by-selector-" + strconv.Itoa(len(s.all))
		s.stand[text] = label
		s.all = append(s.all, named{selector: compiled, label: label})
	}
	*selector = metav1.LabelSelector{MatchLabels: map[string]string{label: "true"}}
	return nil
}

// outcome is what an object with these labels gets in their place.
func (s *selectors) outcome(of map[string]string) map[string]string {
	out := map[string]string{}
	for _, n := range s.all {
		if n.selector.Matches(labels.Set(of)) {
			out[n.label] = "true"
		}
	}
	return out
}
