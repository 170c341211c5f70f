package addresses

import (
	"fmt"
	"slices"
	"strings"
)

// Family is what kind of addresses a cluster has.
type Family string

// Families. In a dual cluster IPv4 is the primary one, and the only one of the API server and the S3 server.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
	Dual Family = "dual"
)

// The plan for IPv6; pods and services have OpenShift's usual ranges.
const (
	nodeNetwork6       = "fd2e:6f44:5dd8::/64"
	apiServer6         = "fd2e:6f44:5dd8::1"
	s3Server6          = "fd2e:6f44:5dd8::3"
	podNetwork6        = "fd01::/48"
	serviceNetwork6    = "fd02::/112"
	kubernetesService6 = "fd02::1"
)

// Families are all there are.
var Families = []string{string(IPv4), string(IPv6), string(Dual)}

// Check refuses what is no family.
func (f Family) Check() error {
	if !slices.Contains(Families, string(f)) {
		return fmt.Errorf("no address family %q, only %s", string(f), strings.Join(Families, ", "))
	}
	return nil
}

// both is what the primary family, and the other one of a dual cluster, make of two values.
func (f Family) both(four, six string) []string {
	switch f {
	case IPv6:
		return []string{six}
	case Dual:
		return []string{four, six}
	default:
		return []string{four}
	}
}

func (f Family) primary(four, six string) string { return f.both(four, six)[0] }

// Nodes are the ranges of the node bridge.
func (f Family) Nodes() []string { return f.both(NodeNetwork, nodeNetwork6) }

// Pods are the ranges that pods get their addresses from.
func (f Family) Pods() []string { return f.both(PodNetwork, podNetwork6) }

// Services are the ranges of services.
func (f Family) Services() []string { return f.both(ServiceNetwork, serviceNetwork6) }

// KubernetesServices are the first addresses of the service networks.
func (f Family) KubernetesServices() []string { return f.both(KubernetesService, kubernetesService6) }

// APIServer is where the API server of a sandbox is reached.
func (f Family) APIServer() string { return f.primary(APIServer, apiServer6) }

// S3Server is where the S3 server of a sandbox listens.
func (f Family) S3Server() string { return f.primary(S3, s3Server6) }

// Any is the address that means all of the machine's.
func (f Family) Any() string {
	if f == IPv4 {
		return "0.0.0.0"
	}
	return "::"
}

// Loopback is the address by which the cluster is reached on the machine.
func (f Family) Loopback() string { return f.primary("127.0.0.1", "::1") }

// Documentation is an address that only stands for one: it is reserved for examples.
func (f Family) Documentation() string { return f.primary("192.0.2.1", "2001:db8::1") }

// Bridge6 are the addresses of IPv6 that the node bridge has, with the length of their network.
func (f Family) Bridge6() []string {
	if f == IPv4 {
		return nil
	}
	return []string{apiServer6 + "/64", s3Server6 + "/64"}
}

// SimulatedPods are the parts of the pod networks that a simulated node hands out.
func (f Family) SimulatedPods(index int) []string {
	return f.both(fmt.Sprintf("10.131.%d.0/24", index), fmt.Sprintf("fd01:0:0:%x::/64", 0x100+index))
}

// SimulatedNode are the addresses of a simulated node.
func (f Family) SimulatedNode(index int) []string {
	return f.both(fmt.Sprintf("10.131.254.%d", 1+index), fmt.Sprintf("fd2e:6f44:5dd8::100:%x", 1+index))
}

// UnusedPod are addresses of the pod networks that no node hands out, for a pod that is only imagined.
func (f Family) UnusedPod(index int) []string {
	return f.both(fmt.Sprintf("10.131.255.%d", 1+index), fmt.Sprintf("fd01:0:0:ffff::%x", 1+index))
}
