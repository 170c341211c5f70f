package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// needed maps a program that a real node runs to the Debian package it comes from.
var needed = []struct{ program, pkg string }{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"containerd-shim-runc-v2", "containerd"},
	{"runc", "runc"},
	{"conntrack", "conntrack"},
	{"iptables", "iptables"},
	{"ip", "iproute2"},
	{"nsenter", "util-linux"},
	{"mount", "mount"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"/bin/busybox", "busybox-static"},
}

// Packages are the Debian packages that a real node needs.
func Packages() []string {
	var packages []string
	for _, n := range needed {
		packages = append(packages, n.pkg)
	}
	return slices.Compact(packages)
}

// preflight finds out what would make the start fail later, and cures what it can. Where the programs are built already
// little is written.
func preflight(ctx context.Context, o Options, p Paths, built bool, progress *Progress) error {
	if err := checkSpace(ctx, p.Home, built); err != nil {
		return err
	}
	if err := checkLoopback(o.Family); err != nil {
		return err
	}
	if !o.Sandbox {
		progress.Step("no sandbox: the control plane runs as processes of this user on %s, nodes are simulated; "+
			"pods do not run, so pushing an image cannot be shown", o.Family.Loopback())
		return nil
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return Cure(errors.New("a sandbox needs Linux and root"), "run as root, or use --no-sandbox --nodes 0")
	}
	if o.Nodes == 0 {
		return checkPrograms([]string{"iproute2"})
	}
	if err := checkKernel(ctx); err != nil {
		return err
	}
	return InstallMissing(ctx, progress)
}

// checkLoopback finds out whether the machine has the address by which the cluster is to be reached.
func checkLoopback(family addresses.Family) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(family.Loopback(), "0"))
	if err != nil {
		return Cure(fmt.Errorf("this machine cannot listen on %s: %w", family.Loopback(), err),
			"switch the address family on (sysctl net.ipv6.conf.lo.disable_ipv6=0), or choose another --ip-family")
	}
	return listener.Close()
}

// checkKernel looks for what can be seen without trying. Namespaces, bridge and veth show when the sandbox starts.
func checkKernel(ctx context.Context) error {
	listed := func() (string, error) {
		data, err := os.ReadFile("/proc/filesystems")
		return string(data), err
	}
	if err := checkFilesystems(listed, func(name string) { loadFilesystem(ctx, name) }); err != nil {
		return err
	}
	for _, path := range []string{"/sys/fs/cgroup", "/dev/kmsg"} {
		if _, err := os.Stat(path); err != nil {
			return Cure(fmt.Errorf("a real node needs %s: %w", path, err), "use a machine that has it, or --no-sandbox --nodes 0")
		}
	}
	return nil
}

// checkFilesystems looks for the file systems that a node is made of. The list has only those that are in the kernel; a
// module, which overlay is in most, is loaded at the first mount, so on a machine that has just started it is to come.
func checkFilesystems(listed func() (string, error), load func(name string)) error {
	for _, name := range []string{"overlay", "tmpfs"} {
		for _, last := range []bool{false, true} {
			list, err := listed()
			if err != nil {
				return fmt.Errorf("reading what file systems the kernel has: %w", err)
			}
			if hasFilesystem(list, name) {
				break
			}
			if last {
				return Cure(fmt.Errorf("the kernel has no file system %q, and no module of it that could be loaded", name),
					"load its module (modprobe "+name+" says why it cannot be), or use --no-sandbox --nodes 0")
			}
			load(name)
		}
	}
	return nil
}

// hasFilesystem looks into the content of /proc/filesystems: a name at the end of each line, perhaps with a word before.
func hasFilesystem(list, name string) bool {
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[len(fields)-1] == name {
			return true
		}
	}
	return false
}

// InstallMissing installs the packages a real node needs and that are not there, with apt-get.
func InstallMissing(ctx context.Context, progress *Progress) error {
	missing := missingPackages(nil)
	if len(missing) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return Cure(fmt.Errorf("missing: %s", strings.Join(missing, " ")),
			"install these packages (the names are Debian's) with the system's package manager, as root")
	}
	progress.Step("installing %s", strings.Join(missing, " "))
	for _, args := range [][]string{{"update", "-q"}, append([]string{"install", "-q", "-y", "--no-install-recommends"}, missing...)} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return Cure(fmt.Errorf("running apt-get %s: %w:\n%s", args[0], err, lastLines(string(output))),
				"install these packages by hand: "+strings.Join(missing, " "))
		}
	}
	if left := missingPackages(nil); len(left) > 0 {
		return fmt.Errorf("installing packages: %s still lack what is needed", strings.Join(left, " "))
	}
	return nil
}

func checkPrograms(packages []string) error {
	missing := missingPackages(packages)
	if len(missing) == 0 {
		return nil
	}
	return Cure(fmt.Errorf("missing: %s", strings.Join(missing, " ")), "run `cluster install` as root, or install them by hand")
}

// missingPackages lists packages of which a program is not there, of all or of the named ones.
func missingPackages(only []string) []string {
	var missing []string
	for _, n := range needed {
		if len(only) > 0 && !slices.Contains(only, n.pkg) || slices.Contains(missing, n.pkg) {
			continue
		}
		if !present(n.program) {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

func present(program string) bool {
	if strings.HasPrefix(program, "/usr/lib/cni/") {
		// Other distributions put the plugins elsewhere; node's configuration knows the same folders.
		for _, dir := range []string{"/usr/lib/cni/", "/opt/cni/bin/", "/usr/libexec/cni/"} {
			if _, err := os.Stat(dir + strings.TrimPrefix(program, "/usr/lib/cni/")); err == nil {
				return true
			}
		}
		return false
	}
	_, err := exec.LookPath(program)
	return err == nil
}

// lastLines is the end of what a package manager said: its error is there.
func lastLines(text string) string {
	const n = 8
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
