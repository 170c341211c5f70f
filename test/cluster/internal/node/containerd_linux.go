package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/sandbox"
)

// Socket is containerd's socket, in the mount namespace of the node.
const Socket = "/run/containerd/containerd.sock"

// cniPlugins is where Debian's containernetworking-plugins puts the plugins; /opt/cni/bin, the built-in default, is
// where other distributions have them.
var cniPlugins = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// folders are the places with large or lasting content. They are bound to the node's folder on disk, as the file system
// around them is kept in memory and containerd cannot stack overlays on an overlay.
var folders = []string{"/var/lib/containerd", "/var/lib/kubelet", "/var/log", "/var/lib/cluster-volumes"}

// PrepareFolders binds the node's folders to their places.
func PrepareFolders(c Config) error {
	for _, target := range folders {
		if err := sandbox.Bind(filepath.Join(c.Dir, filepath.Base(target)), target); err != nil {
			return err
		}
	}
	for volume := range addresses.LocalVolumes {
		// A local volume must exist before a pod uses it; nobody creates the folder.
		path := addresses.LocalVolumePath(volume)
		if err := os.MkdirAll(path, 0o777); err != nil {
			return fmt.Errorf("creating local volume %s: %w", path, err)
		}
		if err := os.Chmod(path, 0o777); err != nil {
			return fmt.Errorf("opening local volume %s: %w", path, err)
		}
	}
	return nil
}

func startContainerd(ctx context.Context, g *process.Group, c Config) error {
	path, err := exec.LookPath("containerd")
	if err != nil {
		return fmt.Errorf("finding containerd: %w", err)
	}
	if _, err := c.write("cni/10-cluster.conflist", cniConfig(c)); err != nil {
		return err
	}
	config, err := c.write("containerd.toml", containerdConfig(c))
	if err != nil {
		return err
	}
	if _, err := g.Start(process.Spec{
		Name: c.program("containerd"), Path: path,
		Args: []string{"containerd", "--config", config, "--log-level", "warn"},
		Env:  os.Environ(),
	}); err != nil {
		return err
	}
	return g.Until(ctx, "containerd", time.Minute, func(ctx context.Context) error {
		return runCtr(ctrCommand(ctx, "version"))
	})
}

// ctrCommand is containerd's own client in the namespace that the kubelet's images and containers are in.
func ctrCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ctr", append([]string{"--address", Socket, "--namespace", "k8s.io"}, args...)...)
}

func runCtr(cmd *exec.Cmd) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Import loads image tarballs into the node's containerd; without a registry it is the only way they get there.
func Import(ctx context.Context, tarballs []string) error {
	for _, tarball := range tarballs {
		file, err := os.Open(tarball)
		if err != nil {
			return fmt.Errorf("opening image tarball: %w", err)
		}
		err = ImportFrom(ctx, file)
		_ = file.Close()
		if err != nil {
			return fmt.Errorf("importing %s: %w", tarball, err)
		}
	}
	return nil
}

// ImportFrom loads one image tarball from a stream.
func ImportFrom(ctx context.Context, tarball io.Reader) error {
	cmd := ctrCommand(ctx, "images", "import", "--snapshotter", snapshotter(), "-")
	cmd.Stdin = tarball
	return runCtr(cmd)
}

// snapshotter stacks image layers where the file system can, and copies them where it cannot.
func snapshotter() string {
	if sandbox.CanOverlay("/var/lib/containerd") {
		return "overlayfs"
	}
	return "native"
}

func cniDir() string {
	for _, dir := range cniPlugins {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			return dir
		}
	}
	return cniPlugins[0]
}

func containerdConfig(c Config) string {
	return fmt.Sprintf(`# Version 2 is what containerd 1.6 (Debian 12) and later understand; 2.x migrates it.
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# Snapshotters that probe for file systems which are not here, and write warnings about it.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "%[1]s"

# Its default, /opt/containerd, would be created on the machine.
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%[2]s"
  # Without CAP_SYS_RESOURCE a process may not lower its score, and runc ends with "can't get final child's PID from
  # pipe: EOF", which says nothing. With this, containerd raises what the kubelet asks for to its own score.
  restrict_oom_score_adj = true
  # Loading the default profile would put it into the machine's kernel, where it stays.
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%[3]s"
    conf_dir = "%[4]s"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "%[5]s"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        # There is no systemd in the sandbox; the kubelet says the same with cgroupDriver.
        SystemdCgroup = false
`, Socket, c.PauseImage, cniDir(), filepath.Dir(c.configPath("cni/x")), snapshotter())
}

// cniConfig attaches pods to a bridge. ipMasq stays off: there is no outside, and the nodes have routes to each other's
// pods, so every pod is seen with its own address. hairpinMode lets a pod reach itself through a service. The addresses
// in use are kept below /run, which the node does not share; the default, /var/lib/cni, would outlive a second node.
func cniConfig(c Config) string {
	return fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": "cluster",
  "plugins": [{
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": true,
    "hairpinMode": true,
    "ipMasq": false,
    "ipam": {
      "type": "host-local",
      "dataDir": "/run/cni-addresses",
      "ranges": [[{"subnet": "%s"}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
`, addresses.NodePods(c.Index))
}
