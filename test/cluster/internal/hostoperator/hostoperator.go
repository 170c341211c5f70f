// Package hostoperator runs the operator as a process of the cluster, for clusters whose nodes are simulated. It has a
// token of its own ServiceAccount, so the rules in manifests/ are all it may do, as in a pod.
package hostoperator

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

const (
	namespace = "openshift-image-registry"
	// account is the operator's ServiceAccount in manifests/.
	account = "cluster-image-registry-operator"
	// servingSecret is the operator's key pair, named by its Service in manifests/.
	servingSecret = "image-registry-operator-tls"
	// look is how often a wait looks again, watch how often a new release is looked for.
	look, watch = 200 * time.Millisecond, time.Second
	// drain is how long the operator may take to end in order.
	drain = 30 * time.Second
)

// Options describe the process.
type Options struct {
	Binary string
	// Kubeconfig is an administrator's; it is used only to ask for the operator's own token and key pair.
	Kubeconfig string
	// Dir takes the operator's kubeconfig, configuration file and key pair.
	Dir string
	// Release is the file that announces a release. Each time it is written the operator is started anew.
	Release string
	// HTTPSProxy leads to the S3 server, whose names no resolver of this machine knows; NoProxy is reached without.
	HTTPSProxy, NoProxy string
}

// Run waits for what the manifests make for the operator, and then keeps it running until ctx ends, as a kubelet would:
// an operator that ends in order is started again. One that fails is an error. It must be killed or return before its
// process ends: on Linux the operator is killed with it, whatever happens.
func Run(ctx context.Context, o Options) error {
	admin, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", o.Kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	for {
		if err := o.runOnce(ctx, admin, client); err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watch): // one that ends at once must not take the machine
		}
	}
}

// runOnce starts the operator and returns when it has ended in order, or was ended for another release or by ctx.
func (o Options) runOnce(ctx context.Context, admin *rest.Config, client kubernetes.Interface) error {
	arguments, err := o.prepare(ctx, admin, client)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	announced := o.announced()
	version, err := o.version()
	if err != nil {
		return err
	}
	cmd := exec.Command(o.Binary, arguments...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = o.environment(version)
	cmd.SysProcAttr = process.DieWithStarter()
	if err := process.StartLasting(cmd); err != nil {
		return fmt.Errorf("starting the operator: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ticker := time.NewTicker(watch)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("the operator has ended: %w", err)
			}
			return nil
		case <-ctx.Done():
			stop(cmd, ended)
			return nil
		case <-ticker.C:
			if o.announced() != announced {
				stop(cmd, ended)
				return nil
			}
		}
	}
}

// unlessEnded is nothing when ctx has ended: what it interrupted is no failure.
func unlessEnded(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// stop ends the operator in order, or else by force. How it ended matters to nobody then.
func stop(cmd *exec.Cmd, ended <-chan error) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(drain, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := <-ended; err != nil {
		klog.V(4).InfoS("the operator was ended", "state", err)
	}
}

// environment is all that the operator gets: its Deployment's variables and the way to the S3 server. Nothing of the
// user's: credentials of a cloud, a proxy or a kubeconfig of his must not decide what is shown.
func (o Options) environment(version string) []string {
	return []string{
		"HOME=" + o.Dir,
		"RELEASE_VERSION=" + version, "OPERATOR_IMAGE_VERSION=" + version, "WATCH_NAMESPACE=" + namespace, "OPERATOR_NAME=" + account,
		"OPERATOR_IMAGE=cluster.test/operator:simulated", "IMAGE=cluster.test/registry:simulated", "IMAGE_PRUNER=cluster.test/pruner:simulated",
		"HTTPS_PROXY=" + o.HTTPSProxy, "NO_PROXY=" + o.NoProxy,
	}
}

// announced is when the release was announced that is to run; zero while there is none.
func (o Options) announced() time.Time {
	info, err := os.Stat(o.Release)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (o Options) version() (string, error) {
	data, err := os.ReadFile(o.Release)
	if err != nil {
		return "", fmt.Errorf("reading the release: %w", err)
	}
	var release struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &release); err != nil {
		return "", fmt.Errorf("decoding %s: %w", filepath.Base(o.Release), err)
	}
	return release.Version, nil
}
