// Package addresses is the address plan of a cluster. Every cluster has a network namespace of its own without a route
// to the outside, so all clusters use the same plan. The pod and service ranges are OpenShift's defaults. Real nodes have
// IPv4 only; see Family for the others.
package addresses

import "fmt"

const (
	// NodeBridge is the bridge that joins the nodes; the control plane's addresses are on it too. They cannot be on the
	// loopback device: pods must reach them, and there is no dummy device in many kernels.
	NodeBridge = "br-nodes"
	// NodeNetwork is the range of the node bridge.
	NodeNetwork = "10.0.0.0/24"
	// APIServer is where the API server listens and what it advertises.
	APIServer = "10.0.0.1"
	// DNS is where CoreDNS listens.
	DNS = "10.0.0.2"
	// S3 is where the S3 server listens.
	S3 = "10.0.0.3"
	// PodNetwork is the range all pods get their addresses from.
	PodNetwork = "10.128.0.0/14"
	// ServiceNetwork is the range of services.
	ServiceNetwork = "172.30.0.0/16"
	// KubernetesService is the first address of the service network, which the API server claims for itself.
	KubernetesService = "172.30.0.1"
	// ClusterDomain is the DNS domain of services and pods.
	ClusterDomain = "cluster.local"
	// APIPort is the API server's port inside a sandbox.
	APIPort = 6443
)

// MaxNodes bounds the real nodes: one per zone.
const MaxNodes = 3

// NodeName is the name of a real node.
func NodeName(index int) string { return fmt.Sprintf("node-%d", index) }

// Node is a real node's address.
func Node(index int) string { return fmt.Sprintf("10.0.0.%d", 10+index) }

// NodePods is the part of the pod network that a real node hands out.
func NodePods(index int) string { return fmt.Sprintf("10.128.%d.0/23", 2*index) }

// S3Domain is the name of the S3 endpoint of a region; buckets are names below it.
func S3Domain(region string) string { return "s3." + region + ".cluster.test" }

// STSHost is the name of the service that gives roles of a region to those who have a token.
func STSHost(region string) string { return "sts." + region + ".cluster.test" }

// LocalVolumes is the number of folders on each real node that are volumes of type "local".
const LocalVolumes = 4

// LocalVolumePath is such a folder.
func LocalVolumePath(index int) string { return fmt.Sprintf("/var/lib/cluster-volumes/%d", index) }
