package node

import (
	"context"
	"fmt"
	"os"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

// StartRuntime starts containerd and imports the node's images. It needs no API server, and so runs while that starts.
func StartRuntime(ctx context.Context, g *process.Group, c Config) error {
	if err := startContainerd(ctx, g, c); err != nil {
		return err
	}
	return Import(ctx, c.Images)
}

// StartAgents starts kubelet and kube-proxy.
func StartAgents(g *process.Group, c Config) error {
	config, err := c.write("kubelet.yaml", kubeletConfig(c))
	if err != nil {
		return err
	}
	if _, err := g.Start(process.Spec{
		Name: c.program("kubelet"), Path: c.Kube, Env: os.Environ(),
		Args: []string{
			"kubelet",
			"--config=" + config,
			"--kubeconfig=" + c.KubeletConfig,
			"--hostname-override=" + c.Name(),
			// The kubelet would look for the address of the default route, and there is none.
			"--node-ip=" + addresses.Node(c.Index),
		},
	}); err != nil {
		return err
	}
	if config, err = c.write("kube-proxy.yaml", proxyConfig(c)); err != nil {
		return err
	}
	_, err = g.Start(process.Spec{
		Name: c.program("kube-proxy"), Path: c.Kube, Env: os.Environ(),
		Args: []string{"kube-proxy", "--config=" + config},
	})
	return err
}

func kubeletConfig(c Config) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[2]s}
authorization: {mode: Webhook}
tlsCertFile: %[3]s
tlsPrivateKeyFile: %[4]s
containerRuntimeEndpoint: unix://%[5]s
clusterDomain: %[6]s
clusterDNS: [%[7]s]
# The sandbox's own; the machine's servers cannot be reached from here.
resolvConf: /etc/resolv.conf
# No systemd in the sandbox. The root is the cluster's own, so that its groups can be told from others and removed.
cgroupDriver: cgroupfs
cgroupRoot: %[8]s
# Since 1.35 the kubelet refuses to start on cgroup version 1 unless told otherwise; Debian 12 in a container and small
# virtual machines have it. With version 2 the setting means nothing.
failCgroupV1: false
failSwapOn: false
# Lowering the score needs CAP_SYS_RESOURCE; see restrict_oom_score_adj in containerd's configuration.
oomScoreAdj: 0
# A full disk of a developer's machine is not this node's business: with the defaults pods are evicted at 85 %%.
evictionHard: {memory.available: "0%%", nodefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.available: "0%%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
# The default is below /usr/libexec, on the machine.
volumePluginDir: /var/lib/kubelet/volumeplugins
# Changes of ConfigMaps and Secrets reach mounted volumes within this period; a minute is the default.
syncFrequency: 10s
`, addresses.Node(c.Index), c.ClientCA, c.ServingCert, c.ServingKey, Socket, addresses.ClusterDomain, addresses.DNS,
		c.CgroupRoot)
}

// proxyConfig sets every conntrack limit to 0, which means "leave it alone": the limits are the machine's and cannot be
// written from another network namespace, and kube-proxy ends when it fails to.
func proxyConfig(c Config) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
clientConnection: {kubeconfig: %[1]s}
hostnameOverride: %[2]s
mode: iptables
clusterCIDR: %[3]s
detectLocalMode: ClusterCIDR
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
# Lowering the score needs CAP_SYS_RESOURCE.
oomScoreAdj: 0
iptables:
  # Without bridge netfilter an answer between two pods of one bridge bypasses conntrack; then all go through the node.
  masqueradeAll: %[4]t
  minSyncPeriod: 100ms
`, c.ProxyConfig, c.Name(), addresses.PodNetwork, !sandbox.HasBridgeNetfilter())
}
