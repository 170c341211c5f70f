package lifecycle

import (
	"errors"
	"fmt"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// Options are what the user can choose about a cluster.
type Options struct {
	// Nodes are real nodes, one per zone; Simulated are nodes played by kwok.
	Nodes     int `json:"nodes"`
	Simulated int `json:"simulated"`
	// Family is what addresses the cluster has; real nodes have IPv4 only.
	Family addresses.Family `json:"family"`
	// ControlPlaneOnly starts etcd, the API server and a handful of controllers.
	ControlPlaneOnly bool `json:"controlPlaneOnly"`
	// Sandbox gives the cluster namespaces of its own.
	Sandbox bool `json:"sandbox"`
	// APIPort is the API server's port on the machine; 0 takes a free one.
	APIPort int `json:"apiPort"`
	// Platform, Region and Version go into the cluster's configuration objects.
	Platform string `json:"platform"`
	Region   string `json:"region"`
	Version  string `json:"version"`
	// Zones is how many zones the nodes are spread over.
	Zones int `json:"zones"`
	// Images are tarballs to import into every node at the start.
	Images []string `json:"images"`
	// Operator is a binary of the operator to run as a process of the cluster once its manifests are deployed.
	Operator string `json:"operator,omitempty"`
	// NoSeed leaves out the OpenShift configuration objects, NoStandIns the stand-ins for OpenShift's operators.
	NoSeed     bool `json:"noSeed"`
	NoStandIns bool `json:"noStandIns"`
}

// validate finds contradictions before anything is started.
func (o Options) validate() error {
	if err := o.Family.Check(); err != nil {
		return Cure(err, "use --ip-family with one of them")
	}
	if o.Operator != "" && o.Nodes > 0 {
		return Cure(errors.New("where there is a real node the operator runs in a pod"), "leave out --host-operator, or use --nodes 0")
	}
	return o.validateNodes()
}

func (o Options) validateNodes() error {
	switch {
	case o.Nodes > 0 && o.Family != addresses.IPv4:
		return Cure(fmt.Errorf("a real node has IPv4 only, not %s", o.Family), "use --nodes 0, with --simulated n for nodes that exist in the API only")
	case o.Nodes < 0 || o.Simulated < 0:
		return errors.New("the number of nodes cannot be negative")
	case o.Nodes > addresses.MaxNodes:
		return Cure(fmt.Errorf("%d real nodes are too many", o.Nodes),
			fmt.Sprintf("use at most %d, and simulated nodes for more", addresses.MaxNodes))
	case o.Nodes > 0 && !o.Sandbox:
		return Cure(errors.New("a real node needs a sandbox"), "use --nodes 0, with --simulated n for nodes that exist in the API only")
	case o.ControlPlaneOnly && o.Nodes+o.Simulated > 0:
		return Cure(errors.New("a control plane alone has no nodes"), "use --nodes 0, or leave out --control-plane-only")
	case o.Zones < 1:
		return errors.New("there is at least one zone")
	}
	return nil
}

// topology is the value of Infrastructure's status for this number of real nodes.
func (o Options) topology() string {
	if o.Nodes > 1 {
		return "HighlyAvailable"
	}
	return "SingleReplica"
}

// zone is where the n-th node, real and simulated ones counted together, is.
func (o Options) zone(n int) string { return fmt.Sprintf("%s%c", o.Region, 'a'+rune(n%o.Zones)) }

// simulatedLabels are the labels of a simulated node, the n-th of all. It is a worker only: what belongs on the control
// plane, the operator first of all, has to run for real.
func (o Options) simulatedLabels(name string, n int) map[string]string {
	return map[string]string{
		"kubernetes.io/hostname":         name,
		"kubernetes.io/os":               "linux",
		"node-role.kubernetes.io/worker": "",
		"topology.kubernetes.io/region":  o.Region,
		"topology.kubernetes.io/zone":    o.zone(n),
	}
}

// nodeLabels are the labels of a real node. It takes every role: there are too few for a division of work.
func (o Options) nodeLabels(name string, n int) map[string]string {
	labels := o.simulatedLabels(name, n)
	labels["node-role.kubernetes.io/master"] = ""
	labels["node-role.kubernetes.io/control-plane"] = ""
	return labels
}
