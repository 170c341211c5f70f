package pki

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig describes a client's configuration file. Everything is embedded, so that the file can be copied.
type Kubeconfig struct {
	Path   string
	Server string
	// CA is the file of the authority that signed the API server's certificate.
	CA string
	// Client is the client's certificate.
	Client Pair
	// Cluster names the cluster in the file.
	Cluster string
}

// Write writes the file with the permissions of a secret.
func (k Kubeconfig) Write() error {
	ca, err := os.ReadFile(k.CA)
	if err != nil {
		return fmt.Errorf("reading the authority for kubeconfig %s: %w", k.Path, err)
	}
	cert, err := os.ReadFile(k.Client.Cert)
	if err != nil {
		return fmt.Errorf("reading the certificate for kubeconfig %s: %w", k.Path, err)
	}
	key, err := os.ReadFile(k.Client.Key)
	if err != nil {
		return fmt.Errorf("reading the key for kubeconfig %s: %w", k.Path, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[k.Cluster] = &clientcmdapi.Cluster{Server: k.Server, CertificateAuthorityData: ca}
	config.AuthInfos["user"] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[k.Cluster] = &clientcmdapi.Context{Cluster: k.Cluster, AuthInfo: "user"}
	config.CurrentContext = k.Cluster
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding kubeconfig %s: %w", k.Path, err)
	}
	if err := os.WriteFile(k.Path, data, 0o600); err != nil {
		return fmt.Errorf("writing kubeconfig %s: %w", k.Path, err)
	}
	return nil
}
