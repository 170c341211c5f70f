package policies

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
)

// Port is where a connection goes.
type Port struct {
	Number   int             `json:"port"`
	Protocol corev1.Protocol `json:"protocol"`
}

// Flow is what the policies say about connections from one peer to a port of another, over one address family.
type Flow struct {
	From        string     `json:"from"`
	FromAddress netip.Addr `json:"fromAddress"`
	To          string     `json:"to"`
	ToAddress   netip.Addr `json:"toAddress"`
	Port
	// Allowed means by both ends' policies.
	Allowed bool `json:"allowed"`
	// Egress is what the policies of From's namespace say, Ingress those of To's.
	Egress  Verdict `json:"egress"`
	Ingress Verdict `json:"ingress"`
}

// Verdict is what the policies on one side say. Without a policy that selects the pod everything is allowed.
type Verdict struct {
	Allowed bool `json:"allowed"`
	// AllowedBy are the policies (namespace/name) with a rule for it; Isolating those that select the pod and have none.
	AllowedBy []string `json:"allowedBy,omitempty"`
	Isolating []string `json:"isolating,omitempty"`
}

// Flows looks at every pair of peers that share an address family. A peer's way to itself is no flow.
func (w *World) Flows(from, to []Peer, port Port) (flows []Flow, err error) {
	// cyclonus reports a block that is no CIDR this way; the API server refuses such policies.
	defer func() {
		if cause := recover(); cause != nil {
			flows, err = nil, fmt.Errorf("evaluating the network policies: %v", cause)
		}
	}()
	flows = []Flow{}
	for _, source := range from {
		for _, target := range to {
			if source.Pod != "" && source.Pod == target.Pod {
				continue
			}
			for _, pair := range sameFamily(source.Addresses, target.Addresses) {
				flows = append(flows, w.flow(source, target, pair, port))
			}
		}
	}
	return flows, nil
}

func sameFamily(from, to []netip.Addr) (pairs [][2]netip.Addr) {
	for _, f := range from {
		for _, t := range to {
			if f.Is4() == t.Is4() {
				pairs = append(pairs, [2]netip.Addr{f, t})
			}
		}
	}
	return pairs
}

func (w *World) flow(source, target Peer, pair [2]netip.Addr, port Port) Flow {
	traffic := matcher.Traffic{
		Source:       &matcher.TrafficPeer{Internal: source.internal, IP: pair[0].String()},
		Destination:  &matcher.TrafficPeer{Internal: target.internal, IP: pair[1].String()},
		ResolvedPort: port.Number, Protocol: port.Protocol,
	}
	flow := Flow{
		From: source.String(), FromAddress: pair[0], To: target.String(), ToAddress: pair[1], Port: port,
		Egress: w.verdict(traffic, target, false), Ingress: w.verdict(traffic, target, true),
	}
	flow.Allowed = flow.Egress.Allowed && flow.Ingress.Allowed
	return flow
}

// verdict asks once for each name that the target's containers give the port: a rule may mean any of them.
func (w *World) verdict(traffic matcher.Traffic, target Peer, ingress bool) Verdict {
	portNames := []string{""}
	for _, port := range target.ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		if port.Name != "" && int(port.ContainerPort) == traffic.ResolvedPort && protocol == traffic.Protocol {
			portNames = append(portNames, port.Name)
		}
	}
	var last Verdict
	for _, name := range portNames {
		traffic.ResolvedPortName = name
		result := w.policy.IsIngressOrEgressAllowed(&traffic, ingress)
		last = Verdict{Allowed: result.IsAllowed(), AllowedBy: policyNames(result.AllowingTargets), Isolating: policyNames(result.DenyingTargets)}
		if last.Allowed {
			break
		}
	}
	return last
}

func policyNames(targets []*matcher.Target) []string {
	var names []string
	for _, target := range targets {
		for _, policy := range target.SourceRules {
			names = append(names, policy.Namespace+"/"+policy.Name)
		}
	}
	sort.Strings(names)
	return slices.Compact(names)
}
