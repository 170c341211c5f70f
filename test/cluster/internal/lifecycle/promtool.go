package lifecycle

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// promtoolPackage is the Debian package that has promtool. Installing it would also start a Prometheus, which listens on
// all interfaces; so it is only downloaded, by apt-get, which checks it, and promtool is taken out.
const promtoolPackage = "prometheus"

// Promtool is where InstallPromtool puts the program.
func (h Home) Promtool() string { return filepath.Join(string(h), "promtool", "promtool") }

// InstallPromtool provides promtool, with which tests check the operator's alerts, unless the machine has it. Without
// apt-get it says so and leaves it at that: no cluster needs it.
func (h Home) InstallPromtool(ctx context.Context, progress *Progress) error {
	if _, err := exec.LookPath("promtool"); err == nil {
		return nil
	}
	if _, err := os.Stat(h.Promtool()); err == nil {
		return nil
	}
	apt, _ := exec.LookPath("apt-get")
	if apt == "" {
		progress.Step("no promtool: tests of alerts need it; it comes with Prometheus")
		return nil
	}
	progress.Step("taking promtool out of Debian's package %s; the package itself is not installed", promtoolPackage)
	if err := h.extractPromtool(ctx, apt); err != nil {
		return Cure(fmt.Errorf("getting promtool: %w", err), "put a promtool into the PATH by hand")
	}
	return nil
}

func (h Home) extractPromtool(ctx context.Context, apt string) error {
	if err := os.MkdirAll(filepath.Dir(h.Promtool()), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(h.Promtool()), "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := download(ctx, apt, dir); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(dir, promtoolPackage+"_*.deb"))
	if err != nil || len(packages) != 1 {
		return fmt.Errorf("apt-get download left %v in %s", packages, dir)
	}
	fresh := filepath.Join(dir, "promtool")
	if err := extractFile(ctx, packages[0], "./usr/bin/promtool", fresh); err != nil {
		return err
	}
	if output, err := exec.CommandContext(ctx, fresh, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w: %s", fresh, err, output)
	}
	return os.Rename(fresh, h.Promtool())
}

// download gets the package, after an update of the list of packages when that is what it takes.
func download(ctx context.Context, apt, dir string) error {
	get := func(args ...string) error {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("running apt-get %s: %w:\n%s", args[0], err, lastLines(string(output)))
		}
		return nil
	}
	if get("download", "-q", promtoolPackage) == nil {
		return nil
	}
	if err := get("update", "-q"); err != nil {
		return err
	}
	return get("download", "-q", promtoolPackage)
}

// extractFile copies one program out of a Debian package.
func extractFile(ctx context.Context, deb, name, target string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("reading %s: %w", deb, err)
	}
	copyErr := copyEntry(output, name, target)
	// The rest is read, or dpkg-deb would complain that nobody wants it.
	_, drainErr := io.Copy(io.Discard, output)
	if err := errors.Join(copyErr, drainErr, cmd.Wait()); err != nil {
		return fmt.Errorf("taking %s out of %s: %w", name, deb, err)
	}
	return nil
}

func copyEntry(from io.Reader, name, target string) error {
	archive := tar.NewReader(from)
	for {
		header, err := archive.Next()
		if err != nil {
			return err // io.EOF: it is not there
		}
		if header.Name != name {
			continue
		}
		file, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, archive)
		return errors.Join(err, file.Close())
	}
}
