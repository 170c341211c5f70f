package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	certA = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n"
	certB = "-----BEGIN CERTIFICATE-----\nQg==\n-----END CERTIFICATE-----\n"
	certC = "-----BEGIN CERTIFICATE-----\nQw==\n-----END CERTIFICATE-----\n"
)

// trust runs the shipped script with the shell and tools that the image has: busybox's, and no others.
func trust(t *testing.T, root string, args ...string) (string, error) {
	t.Helper()
	bin := busybox(t)
	tools := filepath.Join(root, "tools")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, applet := range Applets {
		if err := os.Symlink(bin, filepath.Join(tools, applet)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, append([]string{"sh", filepath.Join("files", "update-ca-trust")}, args...)...)
	cmd.Env = []string{
		"PATH=" + tools,
		"CA_TRUST_SOURCE=" + filepath.Join(root, "source"),
		"CA_TRUST_SYSTEM=" + filepath.Join(root, "system"),
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func extracted(t *testing.T) (root, output string) {
	t.Helper()
	root = t.TempDir()
	output = filepath.Join(root, "extracted")
	for _, dir := range []string{"edk2", "java", "openssl", "pem"} {
		if err := os.MkdirAll(filepath.Join(output, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root, output
}

func TestUpdateCATrustGathersEveryAnchor(t *testing.T) {
	root, output := extracted(t)
	// As a ConfigMap volume lays them out: hidden folders with the data, links with the key names.
	data := filepath.Join(root, "source", "..data")
	write(t, filepath.Join(data, "storage-ca-bundle.pem"), "# storage\n"+certA+certB)
	write(t, filepath.Join(data, "host..5000"), strings.TrimSuffix(certC, "\n"))
	for _, key := range []string{"storage-ca-bundle.pem", "host..5000"} {
		if err := os.Symlink(filepath.Join("..data", key), filepath.Join(root, "source", key)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "system", "ca-bundle.crt"), certA)

	if out, err := trust(t, root, "extract", "--output", output+"/"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(output, "pem", "tls-ca-bundle.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if want := certC + certA + certB + certA; string(got) != want {
		t.Errorf("bundle:\n%s\nwant:\n%s", got, want)
	}
}

func TestUpdateCATrustWithoutAnchorsGivesAnEmptyBundle(t *testing.T) {
	root, output := extracted(t)
	if out, err := trust(t, root, "extract", "--output", output); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(output, "pem", "tls-ca-bundle.pem"))
	if err != nil || len(got) != 0 {
		t.Errorf("bundle %q, %v", got, err)
	}
}

func TestUpdateCATrustRefuses(t *testing.T) {
	root, output := extracted(t)
	if err := os.Remove(filepath.Join(output, "java")); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"another verb":                        {"enable"},
		"no output folder":                    {"extract"},
		"a folder without the tool's folders": {"extract", "--output", output},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := trust(t, root, args...); err == nil {
				t.Errorf("accepted: %s", out)
			}
		})
	}
}

func TestEveryAppletIsOneOfBusybox(t *testing.T) {
	out, err := exec.Command(busybox(t), "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Fields(string(out))
	for _, applet := range Applets {
		if !slices.Contains(have, applet) {
			t.Errorf("busybox has no %s", applet)
		}
	}
}
