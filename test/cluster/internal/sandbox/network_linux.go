package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// PrepareNetwork sets up the network of the sandbox: the loopback device, the bridge of the nodes with the addresses of
// the control plane, and routes. There is no default route: nothing that runs here can reach anything outside.
func PrepareNetwork(nodes int, family addresses.Family) error {
	commands := []string{
		"link set lo up",
		"link add " + addresses.NodeBridge + " type bridge",
		"link set " + addresses.NodeBridge + " up",
	}
	for _, address := range []string{addresses.Node(0), addresses.APIServer, addresses.DNS, addresses.S3} {
		commands = append(commands, fmt.Sprintf("address add %s/24 dev %s", address, addresses.NodeBridge))
	}
	for _, address := range family.Bridge6() {
		// Nobody else is there to have the same one, and looking for him takes a second in which it cannot be used.
		commands = append(commands, fmt.Sprintf("-6 address add %s dev %s nodad", address, addresses.NodeBridge))
	}
	commands = append(commands, serviceRoute(addresses.NodeBridge, addresses.Node(0)))
	for other := 1; other < nodes; other++ {
		commands = append(commands, podRoute(other))
	}
	if err := ip(commands...); err != nil {
		return err
	}
	return setForwarding()
}

// serviceRoute exists because the kernel looks for a route before kube-proxy's rule for local processes replaces the
// address; without one the answer is "network is unreachable". An address that no service has is asked for on the
// bridge, where nobody answers. Pods do not need it: their packets are rewritten before routing.
func serviceRoute(device, source string) string {
	return fmt.Sprintf("route add %s dev %s src %s", addresses.ServiceNetwork, device, source)
}

// podRoute leads to the pods of another node.
func podRoute(index int) string {
	return fmt.Sprintf("route add %s via %s", addresses.NodePods(index), addresses.Node(index))
}

// JoinNode connects the network namespace of a process, which is to become a further node, to the bridge of the nodes.
func JoinNode(index, nodes, pid int) error {
	host := "veth-" + addresses.NodeName(index)
	if err := ip(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", host, pid),
		fmt.Sprintf("link set %s master %s up", host, addresses.NodeBridge),
	); err != nil {
		return err
	}
	commands := []string{
		"link set lo up",
		fmt.Sprintf("address add %s/24 dev eth0", addresses.Node(index)),
		"link set eth0 up",
		serviceRoute("eth0", addresses.Node(index)),
	}
	for other := range nodes {
		if other != index {
			commands = append(commands, podRoute(other))
		}
	}
	for _, command := range commands {
		args := append([]string{"-t", strconv.Itoa(pid), "-n", "ip"}, strings.Fields(command)...)
		if err := run("nsenter", args...); err != nil {
			return err
		}
	}
	return nil
}

// PrepareNodeNetwork is the part of a further node's network that only the node itself can set.
func PrepareNodeNetwork() error { return setForwarding() }

// setForwarding makes the namespace route packets between pods, bridge and veth pairs. The settings are per network
// namespace. bridge-nf-call-iptables lets kube-proxy see the answers of a pod that was reached through a service from
// another pod on the same bridge; a kernel without it is handled by kube-proxy's masqueradeAll.
func setForwarding() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("switching on forwarding: %w", err)
	}
	if !HasBridgeNetfilter() {
		return nil
	}
	if err := os.WriteFile(bridgeNetfilter, []byte("1"), 0o644); err != nil {
		return fmt.Errorf("switching on bridge netfilter: %w", err)
	}
	return nil
}

const bridgeNetfilter = "/proc/sys/net/bridge/bridge-nf-call-iptables"

// HasBridgeNetfilter tells whether the kernel passes bridged packets through iptables.
func HasBridgeNetfilter() bool {
	_, err := os.Stat(bridgeNetfilter)
	return err == nil
}

func ip(commands ...string) error {
	for _, command := range commands {
		if err := run("ip", strings.Fields(command)...); err != nil {
			return err
		}
	}
	return nil
}

func run(name string, args ...string) error {
	output, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
