package lifecycle

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSwiftIsUnpackedAndNotInstalled stands in for the archive with packages made here and an apt-get that delivers them.
// dpkg-deb is the real one.
func TestSwiftIsUnpackedAndNotInstalled(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here")
	}
	root := t.TempDir()
	files := map[string]string{
		"swift-proxy/DEBIAN/control":             control("swift-proxy"),
		"swift-proxy/DEBIAN/postinst":            "#!/bin/sh\ntouch " + root + "/installed\n",
		"swift-proxy/usr/bin/swift-proxy-server": "#!/bin/sh\n",
		"dependency/DEBIAN/control":              control("dependency"),
		"dependency/usr/lib/thing":               "x",
		// It delivers only after an update, and only into the folder that it is told.
		"bin/apt-get": "#!/bin/sh\n[ $1 = update ] && exec touch " + root + "/updated\n[ -e " + root + "/updated ] || exit 100\n" +
			"for a; do case $a in Dir::Cache::archives=*) exec cp " + root + "/debs/swift-proxy.deb " + root + "/debs/dependency.deb ${a#*=};; esac; done\n",
		"broken/apt-get": "#!/bin/sh\necho no such package >&2\nexit 100\n",
		"debs/keep":      "",
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
	for _, name := range []string{"swift-proxy", "dependency"} {
		output, err := exec.Command("dpkg-deb", "--build", filepath.Join(root, name), filepath.Join(root, "debs", name+".deb")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	home := Home(filepath.Join(root, "home"))
	path := os.Getenv("PATH")
	var said bytes.Buffer
	t.Setenv("PATH", filepath.Join(root, "broken")+":"+path)
	if err := home.InstallSwift(t.Context(), NewProgress(&said)); err != nil || !strings.Contains(said.String(), "no such package") {
		t.Errorf("without the packages: %v, said %q", err, said.String())
	}
	t.Setenv("PATH", filepath.Join(root, "bin")+":"+path)
	for range 2 {
		if err := home.InstallSwift(t.Context(), NewProgress(t.Output())); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"usr/bin/swift-proxy-server", "usr/lib/thing"} {
		if _, err := os.Stat(filepath.Join(home.Swift(), name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "installed")); err == nil {
		t.Error("the package was installed")
	}
	if entries, err := os.ReadDir(string(home)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func control(name string) string {
	return "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@invalid>\nDescription: test\n"
}
