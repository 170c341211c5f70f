package hostoperator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenSeconds is longer than anybody watches a demonstration.
const tokenSeconds = 12 * 60 * 60

// prepare writes the operator's files and returns its arguments. It waits for the manifests to be applied, for as long as
// it takes: whoever deploys them may be building first.
func (o Options) prepare(ctx context.Context, admin *rest.Config, client kubernetes.Interface) ([]string, error) {
	token, err := requestToken(ctx, client)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(o.Dir, "operator.kubeconfig")
	if err := writeKubeconfig(kubeconfig, admin, token); err != nil {
		return nil, err
	}
	configuration, err := writeConfiguration(ctx, client, o.Dir)
	if err != nil {
		return nil, err
	}
	return []string{"--kubeconfig", kubeconfig, "--config", configuration}, nil
}

// writeConfiguration writes the operator's configuration file and the key pair that the service CA issued for it. Port
// 0: nothing scrapes it here, and the real port may be taken.
func writeConfiguration(ctx context.Context, client kubernetes.Interface, dir string) (string, error) {
	var pair map[string][]byte
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
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
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
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
