package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Mounts describes the file system of a sandbox.
type Mounts struct {
	// Home is the folder of all clusters; it stays the machine's own, wherever it is.
	Home string
	// Scratch is an empty folder below Home for what must not touch the disk.
	Scratch string
	// Resolver is the address of the DNS server that processes in the sandbox use.
	Resolver string
}

// Prepare gives the calling process's mount namespace its content. The machine's file system stays visible, but what
// the programs of a node would write to it lands elsewhere.
func (m Mounts) Prepare() error {
	// Without this the mounts below would appear on the machine: most systems make / shared.
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	home, err := os.Open(m.Home)
	if err != nil {
		return fmt.Errorf("opening %s: %w", m.Home, err)
	}
	defer home.Close()
	// /proc of the new pid namespace; kubelet, runc and nsenter look processes up there.
	if err := mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", m.Scratch, "tmpfs", 0, "size=512m"); err != nil {
		return err
	}
	if err := m.cover(); err != nil {
		return err
	}
	// Sockets and locks: containerd, xtables.lock, network namespaces of pods.
	if err := mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	return m.finish(home)
}

// PrepareFurtherNode gives the mount namespace of a further node, a copy of the sandbox's, files of its own: what a pod
// writes to a path of one node must not show on another. Scratch has to lie below /run.
func (m Mounts) PrepareFurtherNode() error {
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	// Back to the machine's folders, and then the same as for the first node. An overlay over the first node's overlay
	// would be one too many where the machine's own file system is an overlay: the kernel stacks two.
	for _, dir := range covered {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("uncovering %s: %w", dir, err)
		}
	}
	home, err := os.Open(m.Home)
	if err != nil {
		return fmt.Errorf("opening %s: %w", m.Home, err)
	}
	defer home.Close()
	if err := mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if err := m.cover(); err != nil {
		return err
	}
	return m.finish(home)
}

// covered are the folders that the programs of a node write to.
var covered = []string{"/etc", "/var"}

// cover puts an overlay over each of them. It keeps what is installed readable (CNI plugins' configuration, certificates,
// ld.so.cache) while every write (/var/lib/cni, /etc/resolv.conf, what a package did not foresee) goes to memory and is
// gone afterwards.
func (m Mounts) cover() error {
	for _, dir := range covered {
		if err := overlay(dir, filepath.Join(m.Scratch, strings.TrimPrefix(dir, "/"))); err != nil {
			return err
		}
	}
	return nil
}

// finish puts in order what the covers have hidden.
func (m Mounts) finish(home *os.File) error {
	if hidden(m.Home) {
		if err := m.restoreHome(home); err != nil {
			return err
		}
	}
	return m.writeResolver()
}

// hidden tells whether the path lies below what Prepare has covered.
func hidden(path string) bool {
	for _, dir := range []string{"/etc/", "/var/", "/run/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// restoreHome binds the machine's folder, reached through a descriptor opened before it was covered, to its place. The
// scratch file system mounted below it stays in use through the overlays, though no path leads to it any more.
func (m Mounts) restoreHome(home *os.File) error {
	if err := os.MkdirAll(m.Home, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", m.Home, err)
	}
	return mount(fmt.Sprintf("/proc/self/fd/%d", home.Fd()), m.Home, "", unix.MS_BIND|unix.MS_REC, "")
}

// writeResolver replaces the machine's DNS settings: its servers cannot be reached, and each lookup would wait for them.
func (m Mounts) writeResolver() error {
	files := map[string]string{
		"/etc/resolv.conf": "nameserver " + m.Resolver + "\nsearch svc.cluster.local cluster.local\noptions ndots:5\n",
		"/etc/hosts":       "127.0.0.1 localhost\n::1 localhost\n",
	}
	for path, content := range files {
		// It may be a link into /run, or a bind mount that the overlay has hidden.
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}

// Bind shows source at target, creating both.
func Bind(source, target string) error {
	for _, dir := range []string{source, target} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating %s: %w", dir, err)
		}
	}
	return mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

// kernelSettings are the ones the kubelet changes when they differ. They belong to the machine, not to a namespace.
var kernelSettings = map[string]string{
	"/proc/sys/vm/overcommit_memory":      "1",
	"/proc/sys/vm/panic_on_oom":           "0",
	"/proc/sys/kernel/panic":              "10",
	"/proc/sys/kernel/panic_on_oops":      "1",
	"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
	"/proc/sys/kernel/keys/root_maxbytes": "25000000",
}

// PretendKernelSettings covers the machine-wide kernel settings that the kubelet insists on with files that already hold
// its values, so that it finds nothing to change. (Its own way out, the feature gate KubeletInUserNamespace, ignores
// other errors as well.)
func PretendKernelSettings(scratch string) error {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", scratch, err)
	}
	for path, value := range kernelSettings {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		file := filepath.Join(scratch, filepath.Base(path))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		if err := mount(file, path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// CanOverlay tells whether an overlay file system can have its upper layer in the folder. It cannot where the folder is
// on an overlay itself, as inside most containers; containerd then has to copy layers instead of stacking them.
func CanOverlay(dir string) bool {
	probe := filepath.Join(dir, "overlay-probe")
	defer os.RemoveAll(probe)
	target := filepath.Join(probe, "merged")
	for _, sub := range []string{"lower", "upper", "work", "merged"} {
		if os.MkdirAll(filepath.Join(probe, sub), 0o755) != nil {
			return false
		}
	}
	options := fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", probe, probe, probe)
	if mount("overlay", target, "overlay", 0, options) != nil {
		return false
	}
	return unix.Unmount(target, 0) == nil
}

func overlay(dir, scratch string) error {
	upper, work := filepath.Join(scratch, "upper"), filepath.Join(scratch, "work")
	for _, d := range []string{upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("creating %s: %w", d, err)
		}
	}
	return mount("overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work))
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mounting %s %q on %s: %w", kind, source, target, err)
	}
	return nil
}
