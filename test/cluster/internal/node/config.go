// Package node turns a set of namespaces into a node: containerd with its CNI configuration, kubelet and kube-proxy.
//
// What the flags and settings are for was found out by running it; each says so where it is not obvious.
package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// Config describes one node.
type Config struct {
	// Index numbers the node; name, address and pod range follow from it.
	Index int
	// Kube is the multi-call binary.
	Kube string
	// Home is the folder of all clusters, which a further node must go on seeing.
	Home string
	// Dir is the node's folder on the machine's disk: images, volumes, logs.
	Dir string
	// ClientCA signs those who may talk to the kubelet.
	ClientCA string
	// ServingCert and ServingKey are the kubelet's server certificate.
	ServingCert string
	ServingKey  string
	// KubeletConfig and ProxyConfig are kubeconfigs.
	KubeletConfig string
	ProxyConfig   string
	// CgroupRoot is the cgroup below which the node's pods live.
	CgroupRoot string
	// Images are tarballs to import before the kubelet starts.
	Images []string
	// PauseImage is the reference of the image that holds a pod's namespaces.
	PauseImage string
}

// Name is the node's name.
func (c Config) Name() string { return addresses.NodeName(c.Index) }

// program is the name of a program of this node, and of its log file.
func (c Config) program(name string) string {
	if c.Index == 0 {
		return name
	}
	return fmt.Sprintf("%s-%s", name, c.Name())
}

// configPath is a file of the node's configuration.
func (c Config) configPath(name string) string { return filepath.Join(c.Dir, "config", name) }

func (c Config) write(name, content string) (string, error) {
	path := c.configPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("creating %s: %w", filepath.Dir(path), err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	return path, nil
}
