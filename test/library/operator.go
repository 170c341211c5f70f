package library

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Operator is the operator as a process of this host, for clusters whose nodes are simulated. It runs with a token of
// its own ServiceAccount and so with the rules in manifests/ and nothing more.
type Operator struct {
	cmd     *exec.Cmd
	logPath string
	// address is what the operator serves metrics on.
	address string
	done    chan struct{}
	err     error
	once    sync.Once
}

// drain is how long the operator may take to end in order after SIGTERM: it gives its workers 10 s.
const drain = 30 * time.Second

// StartOperator starts OPERATOR_BINARY against the cluster, with env appended to what its Deployment sets.
func (c *Cluster) StartOperator(ctx context.Context, dir string, env ...string) (*Operator, error) {
	kubeconfig, err := c.operatorKubeconfig(ctx, dir)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config, err := c.operatorConfig(ctx, dir, address)
	if err != nil {
		return nil, err
	}
	return launch(dir, address, []string{"--kubeconfig", kubeconfig, "--config", config}, append([]string{
		"RELEASE_VERSION=" + c.version(ctx), "OPERATOR_IMAGE_VERSION=" + c.version(ctx), "OPERATOR_NAME=" + names.OperatorDeployment,
		"WATCH_NAMESPACE=" + names.OperatorNamespace, "OPERATOR_IMAGE=cluster.test/operator:1", "IMAGE=cluster.test/registry:1", "IMAGE_PRUNER=cluster.test/pruner:1",
		"HTTPS_PROXY=" + c.S3.ProxyURL, "NO_PROXY=" + noProxy,
	}, env...))
}

// noProxy are the names and addresses of this host.
const noProxy = "127.0.0.1,::1,localhost"

// launch starts the operator's process, with nothing of this process's environment.
func launch(dir, address string, args, env []string) (*Operator, error) {
	binary := os.Getenv("OPERATOR_BINARY")
	if binary == "" {
		return nil, errors.New("OPERATOR_BINARY is not set: run the suite through make")
	}
	o := &Operator{logPath: filepath.Join(dir, "operator.log"), done: make(chan struct{}), address: address}
	log, err := os.OpenFile(o.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// The process must outlive any test's context: Stop ends it.
	o.cmd = exec.Command(binary, args...) //nolint:noctx // ended by Stop, with a drain
	o.cmd.Stdout, o.cmd.Stderr = log, log
	o.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the operator: %w", err)
	}
	go func() {
		o.err = o.cmd.Wait()
		close(o.done)
	}()
	return o, nil
}

// operatorConfig writes the operator's configuration file: the key pair that the service CA issued for its Service, and
// the address to serve on.
func (c *Cluster) operatorConfig(ctx context.Context, dir, address string) (string, error) {
	secret, err := c.untilSecret(ctx, "image-registry-operator-tls")
	if err != nil {
		return "", err
	}
	for key, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, key), content, 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("apiVersion: config.openshift.io/v1\nkind: GenericControllerConfig\nservingInfo:\n  bindAddress: %s\n  certFile: %s\n  keyFile: %s\n",
		address, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// untilSecret waits for a Secret that the service CA makes.
func (c *Cluster) untilSecret(ctx context.Context, name string) (*corev1.Secret, error) {
	var secret *corev1.Secret
	err := wait.PollUntilContextTimeout(ctx, interval, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		secret, err = c.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil, IgnoreNotFound(err)
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for secret %s/%s: %w", names.OperatorNamespace, name, err)
	}
	return secret, nil
}

// version is the release that the cluster runs.
func (c *Cluster) version(ctx context.Context) string {
	version, err := c.Config.ConfigV1().ClusterVersions().Get(ctx, names.ClusterVersion, metav1.GetOptions{})
	if err != nil {
		return "0.0.1-snapshot"
	}
	return version.Status.Desired.Version
}

func (c *Cluster) operatorKubeconfig(ctx context.Context, dir string) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](6 * 3600)}}
	token, err := c.Kube.CoreV1().ServiceAccounts(names.OperatorNamespace).CreateToken(ctx, names.OperatorDeployment, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("requesting a token of the operator's service account: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: c.APIServer, CertificateAuthorityData: c.REST.CAData, CertificateAuthority: c.REST.CAFile, TLSServerName: c.REST.ServerName}
	config.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["operator"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "operator", Namespace: names.OperatorNamespace}
	config.CurrentContext = "operator"
	path := filepath.Join(dir, "operator.kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// Exited tells whether the process has ended, and how.
func (o *Operator) Exited() (bool, error) {
	select {
	case <-o.done:
		return true, o.err
	default:
		return false, nil
	}
}

// Log returns what the operator has logged.
func (o *Operator) Log() string {
	body, err := os.ReadFile(o.logPath)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// Tail returns the last lines of the log.
func (o *Operator) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(o.Log(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Stop sends SIGTERM and waits for the orderly end; it returns the process's error, nil for exit code 0.
func (o *Operator) Stop() error {
	o.once.Do(func() { _ = o.cmd.Process.Signal(syscall.SIGTERM) })
	select {
	case <-o.done:
		return o.err
	case <-time.After(drain):
		_ = o.cmd.Process.Kill()
		<-o.done
		return fmt.Errorf("the operator did not end within %s after SIGTERM", drain)
	}
}

// PrintOnFailure makes a failed test print the end of the operator's log.
func (o *Operator) PrintOnFailure(t *testing.T) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the operator's log ends:\n%s", o.Tail(40))
		}
	})
}

// PrintOperatorOnFailure makes a failed test print the end of the log of the operator's pod.
func (c *Cluster) PrintOperatorOnFailure(t *testing.T) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		pods, err := c.Kube.CoreV1().Pods(names.OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: "name=" + names.OperatorDeployment})
		if err != nil {
			t.Logf("finding the operator's pod: %v", err)
			return
		}
		for i := range pods.Items {
			log, err := c.Kube.CoreV1().Pods(names.OperatorNamespace).GetLogs(pods.Items[i].Name, &corev1.PodLogOptions{TailLines: ptr.To[int64](60)}).DoRaw(ctx)
			t.Logf("the log of %s ends (%v):\n%s", pods.Items[i].Name, err, log)
		}
	})
}

// Pause holds the process until resume is called, or the test ends: for what a test has to do without its company. It has to be
// short: the lease goes on.
func (o *Operator) Pause(t *testing.T) (resume func()) {
	t.Helper()
	if err := o.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume = sync.OnceFunc(func() { _ = o.cmd.Process.Signal(syscall.SIGCONT) })
	t.Cleanup(resume)
	return resume
}

// HangUp begins to speak to the metrics listener, as a scanner does, and says nothing that it understands. The operator
// mentions that at the level Debug and above.
func (o *Operator) HangUp(ctx context.Context) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", o.address)
	if err != nil {
		return fmt.Errorf("dialing the operator's metrics listener: %w", err)
	}
	_, err = connection.Write([]byte("\n\n\n\n\n\n"))
	return errors.Join(err, connection.Close())
}

// PID is the process.
func (o *Operator) PID() int { return o.cmd.Process.Pid }
