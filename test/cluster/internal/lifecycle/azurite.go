package lifecycle

import (
	"bytes"
	"context"
	_ "embed" // the lock file
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Azurite is Microsoft's emulator of Azure Blob Storage, for the tests of that backend. 3.33 is the last release without
// application insights, which would send telemetry and triple its size; it runs on the node of every Debian in support.
// The lock file names no registry: npm takes the one it is set up for, and checks each package against the file.
var (
	//go:embed azurite/package.json
	azuritePackage []byte
	//go:embed azurite/package-lock.json
	azuriteLock []byte
)

// azuriteFolder is where npm installs; the package is below it.
func (h Home) azuriteFolder() string { return filepath.Join(string(h), "azurite") }

// Azurite is the folder of the npm package.
func (h Home) Azurite() string { return filepath.Join(h.azuriteFolder(), "node_modules", "azurite") }

// InstallAzurite provides Azurite, unless the version of the lock file is there. Where neither npm nor apt-get is, it says so
// and leaves it at that: no cluster needs it, and the tests of Azure skip themselves.
func (h Home) InstallAzurite(ctx context.Context, progress *Progress) error {
	have, _ := os.ReadFile(filepath.Join(h.azuriteFolder(), "package-lock.json"))
	if _, err := os.Stat(h.Azurite()); err == nil && bytes.Equal(have, azuriteLock) {
		return nil
	}
	if !hasNode() {
		if err := installNode(ctx, progress); err != nil {
			progress.Step("no azurite: the tests of Azure storage skip themselves; they need node and npm: %v", err)
			return nil
		}
	}
	progress.Step("installing azurite with npm, for the tests of Azure storage")
	if err := h.fetchAzurite(ctx); err != nil {
		return Cure(fmt.Errorf("installing azurite: %w", err), "check that npm reaches its registry (npm ping), then run `cluster install` again")
	}
	return nil
}

func hasNode() bool {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return false
		}
	}
	return true
}

// installNode installs Debian's packages.
func installNode(ctx context.Context, progress *Progress) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return errors.New("install Debian's packages nodejs and npm, or their like, as root")
	}
	progress.Step("installing nodejs npm")
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", "nodejs", "npm"}} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("running apt-get %s: %w:\n%s", args[0], err, lastLines(string(output)))
		}
	}
	return nil
}

// fetchAzurite installs into a folder of its own first: an interrupted run must not pass for a finished one.
func (h Home) fetchAzurite(ctx context.Context) error {
	if err := os.MkdirAll(string(h), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(string(h), "azurite-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	for name, content := range map[string][]byte{"package.json": azuritePackage, "package-lock.json": azuriteLock} {
		if err := os.WriteFile(filepath.Join(fresh, name), content, 0o644); err != nil {
			return err
		}
	}
	// No scripts: what is fetched is run by the tests only.
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = fresh
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running npm ci: %w:\n%s", err, lastLines(string(output)))
	}
	if err := os.RemoveAll(h.azuriteFolder()); err != nil {
		return err
	}
	return os.Rename(fresh, h.azuriteFolder())
}
