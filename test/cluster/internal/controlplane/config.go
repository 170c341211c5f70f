// Package controlplane starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler.
//
// Every flag that is not obvious says why it is there. All of it was found out by running it.
package controlplane

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/pki"
)

// Config is what the control plane needs to know.
type Config struct {
	// Name is the cluster's name, for kubeconfigs.
	Name string
	// Kube is the multi-call binary.
	Kube string
	// Dir takes the data of etcd and the configuration files, PKI the certificates.
	Dir string
	PKI string
	// AuditLog is the file of the audit log.
	AuditLog string
	// Bind is the address everything listens on, APIPort the API server's port. Advertise is the address that the
	// kubernetes Service points to; it may not be the loopback address where there are pods.
	Bind      string
	APIPort   int
	Advertise string
	// Family is which addresses services have, and what the API server listens on.
	Family addresses.Family
	// EtcdPort and EtcdPeerPort are etcd's ports on the loopback device.
	EtcdPort     int
	EtcdPeerPort int
	// Minimal leaves out the scheduler and all controllers that need nodes.
	Minimal bool
	// ControllerPort and SchedulerPort are where those two serve their health.
	ControllerPort int
	SchedulerPort  int
}

// TokenIssuer is who issues the service account tokens.
const TokenIssuer = "https://kubernetes.default.svc"

// Credentials are the files made for a control plane.
type Credentials struct {
	// CA signs the API server and every client.
	CA *pki.Authority
	// FrontProxy signs the API server's certificate towards aggregated API servers.
	FrontProxy *pki.Authority
	// TokenKey is the file of the public key that service account tokens are verified with.
	TokenKey string

	serving           pki.Pair
	frontProxyClient  pki.Pair
	serviceAccountKey string
	kubeletClient     pki.Pair
}

// Server is how processes beside the API server reach it.
func (c Config) Server() string {
	return "https://" + net.JoinHostPort(c.Advertise, strconv.Itoa(c.APIPort))
}

// NewCredentials makes the authorities and certificates of the control plane.
func NewCredentials(c Config) (*Credentials, error) {
	var err error
	creds := &Credentials{}
	if creds.CA, err = pki.NewAuthority(c.PKI, "cluster-ca"); err != nil {
		return nil, err
	}
	if creds.FrontProxy, err = pki.NewAuthority(c.PKI, "front-proxy-ca"); err != nil {
		return nil, err
	}
	creds.serving, err = creds.CA.Issue(pki.Request{
		File: "kube-apiserver", CommonName: "kube-apiserver",
		// The loopback address is how the machine outside reaches the API server: through a forwarder.
		Hosts: append(
			c.Family.KubernetesServices(), "127.0.0.1", "::1", "localhost", c.Advertise, "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc."+addresses.ClusterDomain,
		),
	})
	if err != nil {
		return nil, err
	}
	// system:masters, or `kubectl logs` and `exec` would need a ClusterRoleBinding before the first pod runs.
	creds.kubeletClient, err = creds.CA.Issue(pki.Request{
		File: "kube-apiserver-kubelet-client", CommonName: "kube-apiserver", Organizations: []string{"system:masters"},
	})
	if err != nil {
		return nil, err
	}
	creds.frontProxyClient, err = creds.FrontProxy.Issue(pki.Request{File: "front-proxy-client", CommonName: "front-proxy"})
	if err != nil {
		return nil, err
	}
	creds.serviceAccountKey, creds.TokenKey, err = pki.ServiceAccountKeys(c.PKI)
	return creds, err
}

// User makes a client certificate and a kubeconfig for it, and returns the kubeconfig's path. The user's name is what
// the audit log shows.
func (creds *Credentials) User(c Config, name string, groups ...string) (string, error) {
	return creds.userAt(c, c.Server(), filepath.Join(c.PKI, fileName(name)+".kubeconfig"), name, groups)
}

// UserAt is User with a server address and a file of the caller's choice.
func (creds *Credentials) UserAt(c Config, server, path, name string, groups ...string) error {
	_, err := creds.userAt(c, server, path, name, groups)
	return err
}

func (creds *Credentials) userAt(c Config, server, path, name string, groups []string) (string, error) {
	pair, err := creds.CA.Issue(pki.Request{File: fileName(name), CommonName: name, Organizations: groups})
	if err != nil {
		return "", err
	}
	config := pki.Kubeconfig{
		Path: path, Server: server, CA: creds.CA.Files().Cert, Client: pair, Cluster: c.Name,
	}
	return path, config.Write()
}

// fileName makes a user name such as system:node:node-0 a file name.
func fileName(user string) string {
	name := []rune(user)
	for i, r := range name {
		if r == ':' || r == '/' {
			name[i] = '-'
		}
	}
	return string(name)
}

func (c Config) writeFile(name, content string) (string, error) {
	path := filepath.Join(c.Dir, name)
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", fmt.Errorf("creating %s: %w", c.Dir, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	return path, nil
}
