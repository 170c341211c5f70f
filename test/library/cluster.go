// Package library is what the integration and e2e suites share: the embedded cluster as seen from the outside, waits
// with a deadline that print what is needed to understand a failure, and the audit log as a witness.
package library

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	configclient "github.com/openshift/client-go/config/clientset/versioned"
	imageregistryclient "github.com/openshift/client-go/imageregistry/clientset/versioned"
	routeclient "github.com/openshift/client-go/route/clientset/versioned"
)

// State is the part of the embedded cluster's state.json that tests need. test/cluster writes it; the two modules
// share no code, only this file's shape.
type State struct {
	Name       string `json:"name"`
	Kubeconfig string `json:"kubeconfig"`
	APIServer  string `json:"apiServer"`
	AuditLog   string `json:"auditLog"`
	Logs       string `json:"logs"`
	Nodes      int    `json:"nodes"`
	Simulated  int    `json:"simulated"`
	Sandboxed  bool   `json:"sandboxed"`
	// Family is ipv4, ipv6 or dual.
	Family string `json:"family"`
	S3     S3     `json:"s3"`
}

// S3 says how to reach the cluster's S3 server.
type S3 struct {
	Endpoint             string `json:"endpoint"`
	STSEndpoint          string `json:"stsEndpoint"`
	Region               string `json:"region"`
	CAFile               string `json:"caFile"`
	AccessKeyID          string `json:"accessKeyID"`
	SecretAccessKey      string `json:"secretAccessKey"`
	OtherAccessKeyID     string `json:"otherAccessKeyID"`
	OtherSecretAccessKey string `json:"otherSecretAccessKey"`
	// AdminURL serves the recorded requests and takes faults to inject; on the host's loopback.
	AdminURL string `json:"adminURL"`
	// ProxyURL is an HTTP CONNECT proxy that reaches only the S3 names; on the host's loopback.
	ProxyURL string `json:"proxyURL"`
	// HostEndpoint is Endpoint by an address of the host's loopback device.
	HostEndpoint string `json:"hostEndpoint"`
}

// Cluster is a running embedded cluster and an administrator's clients for it.
type Cluster struct {
	State
	REST     *rest.Config
	Kube     kubernetes.Interface
	Config   configclient.Interface
	Registry imageregistryclient.Interface
	Route    routeclient.Interface

	binary string
	down   bool
}

// Start connects to the cluster whose state.json CLUSTER_STATE names, or starts one with `cluster up` and the given
// arguments. CLUSTER_BINARY is the embedded cluster's driver; `make` sets it.
func Start(ctx context.Context, name string, args ...string) (*Cluster, error) {
	statePath := os.Getenv("CLUSTER_STATE")
	if statePath == "" {
		return StartAnother(ctx, name, args...)
	}
	c, err := driven()
	if err != nil {
		return nil, err
	}
	return c, c.connect(statePath)
}

// StartAnother starts a cluster, for a test that needs another kind than its suite has.
func StartAnother(ctx context.Context, name string, args ...string) (*Cluster, error) {
	c, err := driven()
	if err != nil {
		return nil, err
	}
	if err := run(ctx, c.binary, append([]string{"up", "--name", name, "--detach"}, args...)...); err != nil {
		return nil, err
	}
	home, err := clusterHome()
	if err != nil {
		return nil, err
	}
	c.down = true
	return c, c.connect(filepath.Join(home, "clusters", name, "state.json"))
}

func driven() (*Cluster, error) {
	binary := os.Getenv("CLUSTER_BINARY")
	if binary == "" {
		return nil, fmt.Errorf("CLUSTER_BINARY is not set: run the suite through `make test-integration` or `make test-e2e`")
	}
	return &Cluster{binary: binary}, nil
}

func clusterHome() (string, error) {
	if home := os.Getenv("CLUSTER_HOME"); home != "" {
		return home, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "cluster-image-registry-operator"), nil
}

func (c *Cluster) connect(statePath string) error {
	body, err := os.ReadFile(statePath)
	if err != nil {
		return fmt.Errorf("reading the state of the cluster: %w", err)
	}
	if err := json.Unmarshal(body, &c.State); err != nil {
		return fmt.Errorf("decoding %s: %w", statePath, err)
	}
	c.REST, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	// Tests wait by polling; the default limits would make a wait slower than what it waits for.
	c.REST.QPS, c.REST.Burst = 200, 400
	c.Kube = kubernetes.NewForConfigOrDie(c.REST)
	c.Config = configclient.NewForConfigOrDie(c.REST)
	c.Registry = imageregistryclient.NewForConfigOrDie(c.REST)
	c.Route = routeclient.NewForConfigOrDie(c.REST)
	return nil
}

// Stop takes the cluster down if Start started it.
func (c *Cluster) Stop(ctx context.Context) error {
	if !c.down {
		return nil
	}
	return run(ctx, c.binary, "down", "--name", c.Name)
}

// Deploy hands a release to the version operator of the cluster: manifests with their images and a version.
func (c *Cluster) Deploy(ctx context.Context, args ...string) error {
	return run(ctx, c.binary, append([]string{"deploy", "--name", c.Name}, args...)...)
}

// Exec runs a command in the cluster's network and returns its output.
func (c *Cluster) Exec(ctx context.Context, args ...string) (string, error) {
	return output(ctx, c.binary, append([]string{"exec", "--name", c.Name, "--"}, args...)...)
}

// Driver runs another command of the cluster's driver and returns its output.
func (c *Cluster) Driver(ctx context.Context, command string, args ...string) (string, error) {
	return output(ctx, c.binary, append([]string{command, "--name", c.Name}, args...)...)
}

func run(ctx context.Context, binary string, args ...string) error {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(binary), strings.Join(args, " "), err)
	}
	return nil
}

func output(ctx context.Context, binary string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(binary), strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}
