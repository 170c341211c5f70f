package lifecycle

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPromtoolIsTakenOutOfThePackage stands in for the archive with a package made here and an apt-get that delivers it:
// the test may not depend on the network. dpkg-deb is the real one.
func TestPromtoolIsTakenOutOfThePackage(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here")
	}
	root := t.TempDir()
	files := map[string]string{
		"pkg/DEBIAN/control":      "Package: prometheus\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@invalid>\nDescription: test\n",
		"pkg/usr/bin/aaa":         strings.Repeat("before\n", 1<<16),
		"pkg/usr/bin/promtool":    "#!/bin/sh\necho this is promtool\n",
		"pkg/usr/share/zzz":       strings.Repeat("after\n", 1<<16),
		"path/apt-get":            "#!/bin/sh\n[ \"$1\" = download ] && /bin/cp " + root + "/prometheus_1_all.deb .\n",
		"without-package/apt-get": "#!/bin/sh\necho no such package >&2\nexit 100\n",
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if output, err := exec.Command("dpkg-deb", "--build", filepath.Join(root, "pkg"), filepath.Join(root, "prometheus_1_all.deb")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"path", "without-package"} {
		if err := os.Symlink(dpkg, filepath.Join(root, dir, "dpkg-deb")); err != nil {
			t.Fatal(err)
		}
	}
	// dpkg-deb itself calls tar and an unpacker, found in the second folder; a promtool of the machine's is kept out.
	tools := filepath.Join(root, "tools")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"tar", "xz", "zstd", "gzip"} {
		if path, err := exec.LookPath(tool); err == nil {
			if err := os.Symlink(path, filepath.Join(tools, tool)); err != nil {
				t.Fatal(err)
			}
		}
	}
	home := Home(t.TempDir())
	t.Setenv("PATH", filepath.Join(root, "without-package")+":"+tools)
	if err := home.InstallPromtool(t.Context(), NewProgress(t.Output())); err == nil || CureOf(err) == "" {
		t.Errorf("without the package: %v, want an error with a cure", err)
	}
	t.Setenv("PATH", filepath.Join(root, "path")+":"+tools)
	for range 2 {
		if err := home.InstallPromtool(t.Context(), NewProgress(t.Output())); err != nil {
			t.Fatal(err)
		}
	}
	if output, err := exec.Command(home.Promtool()).Output(); err != nil || string(output) != "this is promtool\n" {
		t.Errorf("%v: %q", err, output)
	}
	entries, err := os.ReadDir(filepath.Dir(home.Promtool()))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
