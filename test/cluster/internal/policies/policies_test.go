package policies

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// cluster has a server with policies in namespace a, and clients around it.
func cluster(t *testing.T, policies ...string) *World {
	t.Helper()
	namespaces := []corev1.Namespace{
		{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"name": "a"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "b", Labels: map[string]string{"name": "b", "open": ""}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "c"}},
	}
	server := pod("a", "server", "app=server", "10.128.0.1", "fd01::1")
	server.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 5000}, {Name: "dns", ContainerPort: 5000, Protocol: corev1.ProtocolUDP}}}}
	ended := pod("a", "ended", "app=job", "10.128.0.9")
	ended.Status.Phase = corev1.PodSucceeded
	host := pod("c", "host", "app=host", "10.0.0.10")
	host.Spec.HostNetwork = true
	pods := []corev1.Pod{
		server, pod("a", "neighbour", "app=client", "10.128.0.2", "fd01::2"), pod("b", "client", "app=client", "10.128.2.1", "fd01::2:1"),
		pod("c", "stranger", "", "10.128.4.1"), host, ended, pod("c", "pending", "app=client"),
	}
	var decoded []networkingv1.NetworkPolicy
	for _, text := range policies {
		policy := networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(text), &policy); err != nil {
			t.Fatal(err)
		}
		decoded = append(decoded, policy)
	}
	world, err := New(namespaces, pods, decoded)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func pod(namespace, name, label string, addresses ...string) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	if key, value, labelled := strings.Cut(label, "="); labelled {
		pod.Labels = map[string]string{key: value}
	}
	for _, address := range addresses {
		pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: address})
	}
	return pod
}

func server(types, rules string) string {
	return "metadata: {namespace: a, name: server}\nspec:\n  podSelector: {matchLabels: {app: server}}\n  policyTypes: [" + types + "]\n" + rules
}

const (
	denyAll = "metadata: {namespace: a, name: deny}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}"
	tcp     = corev1.ProtocolTCP
)

// all are the peers of the cluster and the outside world, in both families.
func all(w *World) []Peer {
	outside := Address(netip.MustParseAddr("198.51.100.7"))
	outside.Addresses = append(outside.Addresses, netip.MustParseAddr("2001:db8::7"))
	return append(slices.Clone(w.Peers), outside)
}

func reaching(t *testing.T, w *World, port Port) []string {
	t.Helper()
	target, err := w.Select("a", "app=server")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := w.Flows(all(w), target, port)
	if err != nil {
		t.Fatal(err)
	}
	return allowed(flows, func(f Flow) string { return f.From + " " + f.FromAddress.String() })
}

func allowed(flows []Flow, name func(Flow) string) []string {
	names := []string{}
	for _, flow := range flows {
		if flow.Allowed {
			names = append(names, strings.TrimPrefix(name(flow), "198.51.100.7 "))
		}
	}
	slices.Sort(names)
	return names
}

func TestWhoMayReachAServer(t *testing.T) {
	neighbour := []string{"a/neighbour 10.128.0.2", "a/neighbour fd01::2"}
	client := []string{"b/client 10.128.2.1", "b/client fd01::2:1"}
	others := []string{"198.51.100.7", "2001:db8::7", "c/host 10.0.0.10", "c/stranger 10.128.4.1"}
	everyone := slices.Concat(neighbour, client, others)
	tests := []struct {
		name     string
		policies []string
		port     Port
		want     []string
	}{
		{"without a policy everyone does", nil, Port{5000, tcp}, everyone},
		{"an empty policy lets nobody in", []string{denyAll}, Port{5000, tcp}, nil},
		{
			"a rule for the port lets everyone in whose own policies let him out",
			[]string{denyAll, server("Ingress", "  ingress: [{ports: [{port: 5000, protocol: TCP}]}]")},
			Port{5000, tcp},
			slices.Concat(client, others),
		},
		{"another port stays closed", []string{server("Ingress", "  ingress: [{ports: [{port: 5000, protocol: TCP}]}]")}, Port{5001, tcp}, nil},
		{"a range of ports has both ends", []string{server("Ingress", "  ingress: [{ports: [{port: 4999, endPort: 5001, protocol: TCP}]}]")}, Port{5001, tcp}, everyone},
		{"a named port is that of the container", []string{server("Ingress", "  ingress: [{ports: [{port: web, protocol: TCP}]}]")}, Port{5000, tcp}, everyone},
		{"a named port is that of the protocol", []string{server("Ingress", "  ingress: [{ports: [{port: dns, protocol: TCP}]}]")}, Port{5000, tcp}, nil},
		{"another protocol stays closed", []string{server("Ingress", "  ingress: [{ports: [{port: 5000, protocol: TCP}]}]")}, Port{5000, corev1.ProtocolUDP}, nil},
		{
			"a pod selector alone means the policy's own namespace",
			[]string{server("Ingress", "  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]")},
			Port{5000, tcp},
			neighbour,
		},
		{
			"a namespace selector with a pod selector means both",
			[]string{server("Ingress", "  ingress: [{from: [{namespaceSelector: {matchLabels: {name: b}}, podSelector: {matchLabels: {app: client}}}]}]")},
			Port{5000, tcp},
			client,
		},
		{
			"a label with an empty value has to be there",
			[]string{server("Ingress", "  ingress: [{from: [{namespaceSelector: {matchLabels: {open: \"\"}}}]}]")},
			Port{5000, tcp},
			client,
		},
		{
			"NotIn matches what has no such label",
			[]string{server("Ingress", "  ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: name, operator: NotIn, values: [a]}]}}]}]")},
			Port{5000, tcp},
			slices.Concat(client, []string{"c/stranger 10.128.4.1"}),
		},
		{
			"an IPv4 block says nothing about IPv6",
			[]string{server("Ingress", "  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]")},
			Port{5000, tcp},
			[]string{"198.51.100.7"},
		},
		{
			"an IPv6 block with an exception",
			[]string{server("Ingress", "  ingress: [{from: [{ipBlock: {cidr: \"::/0\", except: [\"fd01::/112\"]}}]}]")},
			Port{5000, tcp},
			[]string{"2001:db8::7", "b/client fd01::2:1"},
		},
		{
			"a pod in the host network is an address, not a pod",
			[]string{server("Ingress", "  ingress: [{from: [{namespaceSelector: {}}, {ipBlock: {cidr: 10.0.0.0/24}}]}]")},
			Port{5000, tcp},
			slices.Concat(neighbour, client, []string{"c/host 10.0.0.10", "c/stranger 10.128.4.1"}),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := slices.Sorted(slices.Values(test.want))
			if got := reaching(t, cluster(t, test.policies...), test.port); !slices.Equal(got, want) {
				t.Errorf("reached by\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestWhatAPodMayReach(t *testing.T) {
	tests := []struct {
		name, rules string
		port        Port
		want        []string
	}{
		{"no rule: nothing", "", Port{443, tcp}, nil},
		{"a block: what lies in it", "  egress: [{to: [{ipBlock: {cidr: \"2001:db8::/32\"}}], ports: [{port: 443, protocol: TCP}]}]", Port{443, tcp}, []string{"2001:db8::7"}},
		{"an empty rule: everything", "  egress: [{}]", Port{1, tcp}, []string{"198.51.100.7", "2001:db8::7", "a/neighbour", "a/neighbour", "b/client", "b/client", "c/host", "c/stranger"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := cluster(t, server("Egress", test.rules))
			from, err := w.Select("a", "app=server")
			if err != nil {
				t.Fatal(err)
			}
			flows, err := w.Flows(from, all(w), test.port)
			if err != nil {
				t.Fatal(err)
			}
			got := allowed(flows, func(f Flow) string {
				if strings.Contains(f.To, "/") {
					return f.To
				}
				return f.ToAddress.String()
			})
			if !slices.Equal(got, slices.Sorted(slices.Values(test.want))) {
				t.Errorf("reaches %v, want %v", got, test.want)
			}
		})
	}
}

func TestAVerdictNamesThePolicies(t *testing.T) {
	w := cluster(t, denyAll, server("Ingress", "  ingress: [{ports: [{port: 5000, protocol: TCP}]}]"))
	target, err := w.Select("a", "app=server")
	if err != nil {
		t.Fatal(err)
	}
	from, err := w.Select("a", "app=client")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := w.Flows(from, target, Port{5000, tcp})
	if err != nil || len(flows) != 2 {
		t.Fatalf("flows %v, %v", flows, err)
	}
	for _, flow := range flows {
		if flow.Allowed || !flow.Ingress.Allowed || flow.Egress.Allowed {
			t.Errorf("flow %+v: want it to be let in and not out", flow)
		}
		if !slices.Equal(flow.Ingress.AllowedBy, []string{"a/server"}) || !slices.Equal(flow.Ingress.Isolating, []string{"a/deny"}) || !slices.Equal(flow.Egress.Isolating, []string{"a/deny"}) {
			t.Errorf("flow %+v: the policies are not named", flow)
		}
	}
}

func TestAPodThatDoesNotRunYet(t *testing.T) {
	w := cluster(t, denyAll)
	if _, err := w.Select("a", "app=job"); err == nil {
		t.Error("a pod that has ended was found")
	}
	planned := pod("a", "planned", "app=job", "10.128.0.77")
	if err := w.WhatIf(&planned); err != nil {
		t.Fatal(err)
	}
	from, err := w.Select("a", "app=job")
	if err != nil {
		t.Fatal(err)
	}
	target, err := w.Select("b", "app=client")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := w.Flows(from, target, Port{80, tcp})
	if err != nil || len(flows) != 1 || flows[0].Allowed {
		t.Errorf("flows %+v, %v: want one that is not allowed", flows, err)
	}
	lost := pod("nowhere", "planned", "", "10.128.0.78")
	if err := w.WhatIf(&lost); err == nil {
		t.Error("a pod of a namespace that does not exist was taken")
	}
}

func TestPoliciesThatCannotBe(t *testing.T) {
	if _, err := New(nil, nil, []networkingv1.NetworkPolicy{{}}); err == nil {
		t.Error("a policy without types was taken")
	}
	broken := networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}},
	}}}
	if _, err := New(nil, nil, []networkingv1.NetworkPolicy{broken}); err == nil {
		t.Error("a selector with an unknown operator was taken")
	}
	w := cluster(t, server("Ingress", "  ingress: [{from: [{ipBlock: {cidr: nonsense}}]}]"))
	if _, err := w.Flows(w.Peers, w.Peers, Port{80, tcp}); err == nil {
		t.Error("a block that is no CIDR was taken")
	}
}
