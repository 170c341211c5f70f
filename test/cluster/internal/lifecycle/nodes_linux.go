package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/node"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/pki"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

// enterSandbox gives the namespaces that the engine was born into their content.
func (e *engine) enterSandbox() error {
	mounts := sandbox.Mounts{Home: e.Paths.Home, Scratch: e.Paths.scratch(), Resolver: addresses.DNS}
	if err := mounts.Prepare(); err != nil {
		return Cure(err, "this kernel or container does not allow what the sandbox needs (overlay, tmpfs): use --no-sandbox --nodes 0")
	}
	if err := sandbox.PrepareNetwork(e.Options.Nodes, e.Options.Family); err != nil {
		return Cure(err, "the kernel needs bridge and veth devices: use --no-sandbox --nodes 0")
	}
	if err := unix.Sethostname([]byte(addresses.NodeName(0))); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if e.Options.Nodes == 0 {
		return nil
	}
	if err := sandbox.PretendKernelSettings("/run/kernel-settings"); err != nil {
		return err
	}
	if err := sandbox.CreateCgroups(e.Paths.Name, e.Options.Nodes); err != nil {
		return Cure(err, "the cgroup file system must be mounted writable at /sys/fs/cgroup, in a container the machine's own (--cgroupns=host); or use --no-sandbox --nodes 0")
	}
	e.events.step("sandbox is set up: pid, mount, network, host name and IPC namespaces of its own")
	return node.PrepareFolders(node.Config{Dir: e.Paths.nodeDir(0)})
}

func (p Paths) nodeDir(index int) string { return p.join("nodes", addresses.NodeName(index)) }

// startNode starts a node's runtime at once and its agents when the API server is there.
func (e *engine) startNode(ctx context.Context, index int, apiReady <-chan struct{}) error {
	config, err := e.nodeConfig(index)
	if err != nil {
		return err
	}
	if index > 0 {
		err = e.startFurtherNode(ctx, config, apiReady)
	} else {
		err = e.startFirstNode(ctx, config, apiReady)
	}
	if err != nil {
		return err
	}
	return e.waitNode(ctx, config.Name())
}

func (e *engine) startFirstNode(ctx context.Context, config node.Config, apiReady <-chan struct{}) error {
	if err := node.StartRuntime(ctx, e.group, config); err != nil {
		return err
	}
	e.events.step("containerd is up, %d image(s) imported", len(config.Images))
	if err := e.registerWhenReady(ctx, config, apiReady); err != nil {
		return err
	}
	return node.StartAgents(e.group, config)
}

// registerWhenReady creates the Node object before the kubelet does: a kubelet may not give itself a role.
func (e *engine) registerWhenReady(ctx context.Context, config node.Config, apiReady <-chan struct{}) error {
	select {
	case <-apiReady:
		return e.registerNode(ctx, config.Name(), config.Index)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Words from the engine to a further node, a byte each.
const (
	networkJoined byte = 'n'
	apiIsReady    byte = 'a'
)

// startFurtherNode runs a node in mount, network and host name namespaces of its own, joined by a veth pair. It shares
// the sandbox's pid namespace, so that it ends with the sandbox.
func (e *engine) startFurtherNode(ctx context.Context, config node.Config, apiReady <-chan struct{}) error {
	path := config.Dir + ".json"
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", config.Dir, err)
	}
	if err := writeJSON(path, config); err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe for %s: %w", config.Name(), err)
	}
	defer read.Close()
	pid, err := e.group.Start(process.Spec{
		Name: config.Name(), Path: e.Self, Own: true, ExtraFiles: []*os.File{read}, Env: os.Environ(),
		Args: []string{"cluster", "node", "--config", path, "--logs", e.Paths.logs()},
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.nodePIDs[config.Name()] = pid
	e.mu.Unlock()
	if err := sandbox.JoinNode(config.Index, e.Options.Nodes, pid); err != nil {
		return err
	}
	if _, err := write.Write([]byte{networkJoined}); err != nil {
		return fmt.Errorf("telling %s that its network is there: %w", config.Name(), err)
	}
	if err := e.registerWhenReady(ctx, config, apiReady); err != nil {
		return err
	}
	if _, err := write.Write([]byte{apiIsReady}); err != nil {
		return fmt.Errorf("telling %s that the API server is there: %w", config.Name(), err)
	}
	return nil
}

// RunNode is the main function of a further node's process.
func RunNode(ctx context.Context, configPath, logs string) error {
	data, err := os.ReadFile(configPath)
	if err != nil {
		return fmt.Errorf("reading the node's configuration: %w", err)
	}
	config := node.Config{}
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("decoding the node's configuration: %w", err)
	}
	words := os.NewFile(3, "engine")
	if err := await(words, networkJoined); err != nil {
		return err
	}
	if err := prepareFurtherNode(config); err != nil {
		return err
	}
	group := process.NewGroup(logs)
	defer group.Stop()
	if err := node.StartRuntime(ctx, group, config); err != nil {
		return err
	}
	if err := await(words, apiIsReady); err != nil {
		return err
	}
	if err := node.StartAgents(group, config); err != nil {
		return err
	}
	select {
	case err := <-group.Ended():
		return err
	case <-ctx.Done():
		return nil
	}
}

func prepareFurtherNode(config node.Config) error {
	mounts := sandbox.Mounts{Home: config.Home, Scratch: "/run/node-files", Resolver: addresses.DNS}
	if err := mounts.PrepareFurtherNode(); err != nil {
		return err
	}
	if err := node.PrepareFolders(config); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(config.Name())); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	return sandbox.PrepareNodeNetwork()
}

func await(words io.Reader, want byte) error {
	got := make([]byte, 1)
	if _, err := io.ReadFull(words, got); err != nil {
		return fmt.Errorf("waiting for the engine: %w", err)
	}
	if got[0] != want {
		return fmt.Errorf("waiting for the engine: it says %q instead of %q", got, want)
	}
	return nil
}

func (e *engine) nodeConfig(index int) (node.Config, error) {
	config := node.Config{
		Index:      index,
		Kube:       e.Control.Kube,
		Home:       e.Paths.Home,
		Dir:        e.Paths.nodeDir(index),
		ClientCA:   e.creds.CA.Files().Cert,
		CgroupRoot: filepath.Join(sandbox.CgroupRoot(e.Paths.Name), "node-"+strconv.Itoa(index)),
		Images:     e.Images,
		PauseImage: e.PauseImage,
		// All proxies are one user, so its files are made once and not by each node, which start side by side.
		ProxyConfig: e.proxyConfig,
	}
	serving, err := e.creds.CA.Issue(pki.Request{
		File: config.Name() + "-kubelet-serving", CommonName: config.Name(), Hosts: []string{config.Name(), addresses.Node(index)},
	})
	if err != nil {
		return config, err
	}
	config.ServingCert, config.ServingKey = serving.Cert, serving.Key
	// Name and group are what the Node authorizer knows a kubelet by.
	config.KubeletConfig, err = e.creds.User(e.Control, "system:node:"+config.Name(), "system:nodes")
	return config, err
}
