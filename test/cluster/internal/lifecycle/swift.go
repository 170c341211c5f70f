package lifecycle

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// swiftPackages are Debian's packages of OpenStack Swift, its link to Keystone, the cache between its processes, and a
// library that saves them waiting for disks.
// Installing them would start services and make users; so they are only downloaded, by apt-get, which checks them, and
// unpacked into a folder, with all that they depend on and the machine lacks.
var swiftPackages = []string{
	"swift-proxy", "swift-account", "swift-container", "swift-object", "python3-keystonemiddleware", "memcached", "libeatmydata1",
}

// keystonePackages are OpenStack's Keystone, and that library again: what is unpacked for Swift is another folder's.
var keystonePackages = []string{"python3-keystone", "libeatmydata1"}

// Swift is the folder into which InstallSwift unpacks Swift.
func (h Home) Swift() string { return filepath.Join(string(h), "swift") }

// Keystone is the folder into which InstallKeystone unpacks Keystone.
func (h Home) Keystone() string { return filepath.Join(string(h), "keystone") }

// InstallKeystone provides Keystone for the tests that want more than a stand-in.
func (h Home) InstallKeystone(ctx context.Context, progress *Progress) error {
	return h.unpackOnce(ctx, progress, unpacked{"Keystone", keystonePackages, "keystone-manage", h.Keystone()})
}

// InstallSwift provides Swift, on which tests of that storage run. Where it cannot it says why and leaves it at that: those
// tests then skip themselves, and nothing else needs it.
func (h Home) InstallSwift(ctx context.Context, progress *Progress) error {
	return h.unpackOnce(ctx, progress, unpacked{"Swift", swiftPackages, "swift-proxy-server", h.Swift()})
}

// unpacked are packages of Debian in a folder. program is one that is then there.
type unpacked struct {
	name     string
	packages []string
	program  string
	folder   string
}

func (h Home) unpackOnce(ctx context.Context, progress *Progress, u unpacked) error {
	if _, err := os.Stat(u.folder); err == nil {
		return nil
	}
	apt, _ := exec.LookPath("apt-get")
	if apt == "" {
		progress.Step("no %s: tests of this storage need it and Debian's packages of it", u.name)
		return nil
	}
	progress.Step("unpacking Debian's packages of %s into %s; they are not installed", u.name, u.folder)
	err := h.unpack(ctx, apt, u)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	progress.Step("no %s: %v; tests of this storage skip themselves until apt-get can download %s", u.name, err, u.packages[0])
	return nil
}

// unpack makes the folder in one step at the end: an interrupted call leaves nothing that passes for it.
func (h Home) unpack(ctx context.Context, apt string, u unpacked) error {
	if err := os.MkdirAll(string(h), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(string(h), filepath.Base(u.folder)+"-download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	archives, root := filepath.Join(dir, "archives"), filepath.Join(dir, "root")
	// The folder for what is not complete yet is apt-get's own idea.
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := downloadWithDependencies(ctx, apt, archives, u.packages); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range packages {
		if output, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", file, root).CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking %s: %w: %s", filepath.Base(file), err, output)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "usr", "bin", u.program)); err != nil {
		return fmt.Errorf("%d packages were unpacked, and %s is not among them: %w", len(packages), u.name, err)
	}
	return os.Rename(root, u.folder)
}

// downloadWithDependencies gets packages and what they depend on, as far as it is not installed, after an update of the
// list of packages when that is what it takes. Nothing is installed, and apt-get's own folders are left alone.
func downloadWithDependencies(ctx context.Context, apt, archives string, packages []string) error {
	get := func(args ...string) error {
		if output, err := exec.CommandContext(ctx, apt, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("running apt-get %s: %w:\n%s", args[0], err, lastLines(string(output)))
		}
		return nil
	}
	download := append([]string{
		"install", "-q", "-y", "--download-only", "--no-install-recommends", "-o", "Dir::Cache::archives=" + archives, "-o", "Debug::NoLocking=true",
	}, packages...)
	if get(download...) == nil {
		return nil
	}
	if err := get("update", "-q"); err != nil {
		return err
	}
	return get(download...)
}
