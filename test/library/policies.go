package library

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Pods as `cluster policies` selects them.
const (
	registryWorkload = names.OperatorNamespace + "/" + names.RegistryLabel + "=" + names.RegistryLabelValue
	// OperatorWorkload is the operator's pod.
	OperatorWorkload = names.OperatorNamespace + "/name=" + names.OperatorDeployment
	// PrunerWorkload is a pod of the pruner's CronJob.
	PrunerWorkload = names.OperatorNamespace + "/app=" + names.Pruner
	moveWorkload   = names.OperatorNamespace + "/app=" + names.Move
	// strayWorkload is a pod of the namespace that no policy but the one for all pods selects.
	strayWorkload = names.OperatorNamespace + "/app=stray"

	operatorPolicy = "image-registry-operator-networkpolicy"
	movePolicy     = "image-registry-move-networkpolicy"
	everyPolicy    = "default-deny-all"
)

// Flow is the part of the answer of `cluster policies reach` that tests look at.
type Flow struct {
	From      string  `json:"from"`
	To        string  `json:"to"`
	ToAddress string  `json:"toAddress"`
	Allowed   bool    `json:"allowed"`
	Egress    Verdict `json:"egress"`
	Ingress   Verdict `json:"ingress"`
}

// Verdict is what the policies of one side say.
type Verdict struct {
	Allowed   bool     `json:"allowed"`
	AllowedBy []string `json:"allowedBy"`
	Isolating []string `json:"isolating"`
}

// decidedBy says whether the policy is one that allows, or one that isolates where none allows.
func (f Flow) decidedBy(policy string) bool {
	deciding := slices.Concat(f.Egress.AllowedBy, f.Ingress.AllowedBy)
	if !f.Allowed {
		deciding = nil
		for _, side := range []Verdict{f.Egress, f.Ingress} {
			if !side.Allowed {
				deciding = append(deciding, side.Isolating...)
			}
		}
	}
	return slices.Contains(deciding, names.OperatorNamespace+"/"+policy)
}

// Reach evaluates the cluster's policies over its pods, one pod that moves images and one stray pod that do not run: who of all
// pods, and of the world outside, reaches the target.
func (c *Cluster) Reach(t *testing.T, to string) []Flow {
	t.Helper()
	var flows []Flow
	c.reach(t, &flows, nil, "--to", to)
	if len(flows) == 0 {
		t.Fatalf("nothing connects to %s", to)
	}
	return flows
}

// reach evaluates policies beside pods that are to be there although they do not run.
func (c *Cluster) reach(t *testing.T, into any, whatIf []string, args ...string) {
	t.Helper()
	for _, pod := range append([]string{moveWorkload, strayWorkload}, whatIf...) {
		args = append(args, "--what-if", pod)
	}
	out, err := c.Driver(t.Context(), "policies", append([]string{"reach"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("decoding %q: %v", out, err)
	}
}

// Surroundings are what the policies of the operator's namespace are evaluated against.
type Surroundings struct {
	// Client is an ordinary pod of another namespace.
	Client string
	// Anywhere is an address outside of any cluster; APIServer and DNS are those of this one.
	Anywhere, APIServer, DNS string
	// WhatIf are pods that are to be there although they do not run.
	WhatIf []string
}

// reachability is what the policies are to mean for a source and a target.
type reachability struct {
	name, from, to string
	want           bool
	// by is the policy that decides, in the direction in which it does.
	by string
}

// reachabilities are who may reach the registry, the operator, the pruner and the pod that moves images, and what each of them
// may reach.
func (s Surroundings) reachabilities() []reachability {
	at := func(address, port string) string { return net.JoinHostPort(address, port) }
	return []reachability{
		{"a pod of another namespace reaches the registry", s.Client, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the outside reaches the registry", s.Anywhere, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the operator reaches the registry", OperatorWorkload, registryWorkload + ":5000", true, names.RegistryNetworkPolicy},
		{"the pruner reaches the registry", PrunerWorkload, registryWorkload + ":5000", true, names.PrunerNetworkPolicy},
		{"another port of the registry is closed", s.Client, registryWorkload + ":5001", false, names.RegistryNetworkPolicy},
		{"the registry is not reached by UDP", s.Client, registryWorkload + ":5000/UDP", false, names.RegistryNetworkPolicy},
		{"a pod of another namespace reads the operator's metrics", s.Client, OperatorWorkload + ":60000", true, operatorPolicy},
		{"another port of the operator is closed", s.Client, OperatorWorkload + ":8443", false, operatorPolicy},
		{"nobody reaches the pruner from another namespace", s.Client, PrunerWorkload + ":5000", false, everyPolicy},
		{"nobody reaches the pruner from outside", s.Anywhere, PrunerWorkload + ":443", false, everyPolicy},
		{"nobody reaches the pruner from the registry", registryWorkload, PrunerWorkload + ":443", false, everyPolicy},
		{"the registry reaches storage anywhere", registryWorkload, at(s.Anywhere, "443"), true, names.RegistryNetworkPolicy},
		{"the registry reaches a storage's own port", registryWorkload, at(s.Anywhere, "9000"), true, names.RegistryNetworkPolicy},
		{"the operator reaches clouds", OperatorWorkload, at(s.Anywhere, "443"), true, operatorPolicy},
		{"the operator reaches the API server", OperatorWorkload, at(s.APIServer, "6443"), true, operatorPolicy},
		{"the pruner reaches the API server", PrunerWorkload, at(s.APIServer, "6443"), true, names.PrunerNetworkPolicy},
		{"the pruner reaches DNS", PrunerWorkload, at(s.DNS, "5353/UDP"), true, names.PrunerNetworkPolicy},
		// The source of a move may be a storage on any port, in the cluster or not.
		{"the move reaches storage anywhere", moveWorkload, at(s.Anywhere, "443"), true, movePolicy},
		{"the move reaches a storage's own port", moveWorkload, at(s.Anywhere, "9000"), true, movePolicy},
		{"the move reaches a storage in the cluster", moveWorkload, s.Client + ":9000", true, movePolicy},
		{"the move reaches the API server", moveWorkload, at(s.APIServer, "6443"), true, movePolicy},
		{"the move reaches DNS", moveWorkload, at(s.DNS, "5353/UDP"), true, movePolicy},
		{"nobody reaches the move from another namespace", s.Client, moveWorkload + ":5000", false, movePolicy},
		{"nobody reaches the move from outside", s.Anywhere, moveWorkload + ":443", false, movePolicy},
		{"nobody reaches the move from the registry", registryWorkload, moveWorkload + ":443", false, movePolicy},
		{"a stray pod of the namespace reaches nothing", strayWorkload, at(s.Anywhere, "443"), false, everyPolicy},
		{"a stray pod of the namespace reaches no registry", strayWorkload, registryWorkload + ":5000", false, everyPolicy},
		{"nobody reaches a stray pod of the namespace", s.Client, strayWorkload + ":80", false, everyPolicy},
	}
}

// RequirePolicies checks what the policies mean, as they are in the cluster, for the family of the addresses.
func (c *Cluster) RequirePolicies(t *testing.T, s Surroundings) {
	t.Helper()
	tests := s.reachabilities()
	// All by one look: a process for each took a minute.
	var questions []string
	for _, test := range tests {
		questions = append(questions, test.from+"=>"+test.to)
	}
	var answers []struct {
		Flows []Flow `json:"flows"`
	}
	c.reach(t, &answers, s.WhatIf, questions...)
	if len(answers) != len(tests) {
		t.Fatalf("%d answers to %d questions", len(answers), len(tests))
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			of := 0
			for _, flow := range answers[i].Flows {
				if strings.Contains(flow.ToAddress, ":") != strings.Contains(s.Anywhere, ":") {
					continue
				}
				of++
				if flow.Allowed != test.want {
					t.Errorf("%+v: allowed %t, want %t", flow, flow.Allowed, test.want)
				}
				if !flow.decidedBy(test.by) {
					t.Errorf("%+v: want it decided by %s", flow, test.by)
				}
			}
			if of == 0 {
				t.Error("nothing connects them in this address family")
			}
		})
	}
}
