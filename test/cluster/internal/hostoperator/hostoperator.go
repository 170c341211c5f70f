// Package hostoperator runs the operator as a process of this machine, for clusters whose nodes are simulated. It has a
// token of its own ServiceAccount, so the rules in manifests/ are all it may do, as in a pod.
package hostoperator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	namespace = "openshift-image-registry"
	// account is the operator's ServiceAccount in manifests/.
	account = "cluster-image-registry-operator"
	// tokenSeconds is longer than anybody watches a demonstration.
	tokenSeconds = 12 * 60 * 60
	// patience is how long the version operator may take to apply the ServiceAccount.
	patience = 2 * time.Minute
	// servingSecret is the operator's key pair, named by its Service in manifests/.
	servingSecret = "image-registry-operator-tls"
	// look is how often a wait looks again.
	look = 200 * time.Millisecond
)

// Options describe the process.
type Options struct {
	Binary string
	// Kubeconfig is the administrator's; it is used only to ask for the operator's own token.
	Kubeconfig string
	// Dir takes the operator's kubeconfig and configuration file, Log its output.
	Dir, Log string
	Version  string
	// HTTPSProxy leads to the S3 server, whose names no resolver of this machine knows.
	HTTPSProxy string
}

// Start starts the operator, which ends with ctx, and returns its process id.
func Start(ctx context.Context, o Options) (int, error) {
	admin, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return 0, fmt.Errorf("reading kubeconfig %s: %w", o.Kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return 0, fmt.Errorf("making a client: %w", err)
	}
	token, err := requestToken(ctx, client)
	if err != nil {
		return 0, err
	}
	kubeconfig := filepath.Join(o.Dir, "operator.kubeconfig")
	if err := writeKubeconfig(kubeconfig, admin, token); err != nil {
		return 0, err
	}
	configuration, err := writeConfiguration(ctx, client, o.Dir)
	if err != nil {
		return 0, err
	}
	log, err := os.Create(o.Log)
	if err != nil {
		return 0, fmt.Errorf("creating the operator's log: %w", err)
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, o.Binary, "--kubeconfig", kubeconfig, "--config", configuration)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(),
		"RELEASE_VERSION="+o.Version, "OPERATOR_IMAGE_VERSION="+o.Version, "WATCH_NAMESPACE="+namespace, "OPERATOR_NAME="+account,
		"OPERATOR_IMAGE=cluster.test/operator:simulated", "IMAGE=cluster.test/registry:simulated", "IMAGE_PRUNER=cluster.test/pruner:simulated",
		"HTTPS_PROXY="+o.HTTPSProxy, "NO_PROXY=127.0.0.1,localhost",
	)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the operator: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	return cmd.Process.Pid, nil
}

// writeConfiguration writes the operator's configuration file and the key pair that the service CA issued for it. Port
// 0: nothing scrapes it here, and the real port may be taken.
func writeConfiguration(ctx context.Context, client kubernetes.Interface, dir string) (string, error) {
	var pair map[string][]byte
	err := wait.PollUntilContextTimeout(ctx, look, patience, true, func(ctx context.Context) (bool, error) {
		secret, err := client.CoreV1().Secrets(namespace).Get(ctx, servingSecret, metav1.GetOptions{})
		if err == nil {
			pair = secret.Data
		}
		return err == nil, nil
	})
	if err != nil {
		return "", fmt.Errorf("waiting for secret %s/%s from the service CA: %w", namespace, servingSecret, err)
	}
	certificate, key := filepath.Join(dir, "operator-tls.crt"), filepath.Join(dir, "operator-tls.key")
	path := filepath.Join(dir, "operator-config.yaml")
	content := fmt.Sprintf("apiVersion: config.openshift.io/v1\nkind: GenericControllerConfig\nservingInfo:\n"+
		"  bindAddress: 127.0.0.1:0\n  certFile: %s\n  keyFile: %s\n", certificate, key)
	for file, data := range map[string][]byte{certificate: pair["tls.crt"], key: pair["tls.key"], path: []byte(content)} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return "", fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return path, nil
}

func requestToken(ctx context.Context, client kubernetes.Interface) (string, error) {
	accounts := client.CoreV1().ServiceAccounts(namespace)
	err := wait.PollUntilContextTimeout(ctx, look, patience, true, func(ctx context.Context) (bool, error) {
		_, err := accounts.Get(ctx, account, metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return "", fmt.Errorf("waiting for service account %s/%s from the manifests: %w", namespace, account, err)
	}
	seconds := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := accounts.CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("requesting a token of service account %s/%s: %w", namespace, account, err)
	}
	return answer.Status.Token, nil
}

func writeKubeconfig(path string, admin *rest.Config, token string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{
		Server: admin.Host, CertificateAuthority: admin.CAFile, CertificateAuthorityData: admin.CAData, TLSServerName: admin.ServerName,
	}
	config.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["operator"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "operator", Namespace: namespace}
	config.CurrentContext = "operator"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
