package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const testRef = "images.cluster.test/thing:1"

// busybox returns the static busybox of this machine: the images are made of it, there is nothing to fake.
func busybox(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox here: apt-get install busybox-static")
	}
	if err := requireStatic(bin); err != nil {
		t.Skip(err)
	}
	return bin
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func build(t *testing.T, c Config, files []File) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "image.tar")
	if err := Build(t.Context(), dst, testRef, c, files); err != nil {
		t.Fatal(err)
	}
	return dst
}

func open(t *testing.T, file string) v1.Image {
	t.Helper()
	tag, err := name.NewTag(testRef)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func entries(t *testing.T, image v1.Image) map[string]*tar.Header {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*tar.Header{}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for in := tar.NewReader(content); ; {
			header, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			found["/"+strings.TrimSuffix(header.Name, "/")] = header
		}
		if err := content.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestTheSameInputsGiveTheSameBytes(t *testing.T) {
	config, files := Registry(busybox(t), busybox(t))
	first, second := build(t, config, files), ""
	// The order in which a caller lists files is no input.
	for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
		files[i], files[j] = files[j], files[i]
	}
	second = build(t, config, files)
	a, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("two builds differ (%d and %d bytes)", len(a), len(b))
	}
}

func TestTheTarballIsAValidImage(t *testing.T) {
	config, files := Registry(busybox(t), busybox(t))
	image := open(t, build(t, config, files))
	if err := validate.Image(image); err != nil {
		t.Fatal(err)
	}
	got, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got.Config.User != "1001" || got.Architecture != runtime.GOARCH || got.OS != "linux" {
		t.Errorf("user %q, platform %s/%s", got.Config.User, got.OS, got.Architecture)
	}
	if len(got.Config.Entrypoint) != 1 || got.Config.Entrypoint[0] != "/usr/bin/dockerregistry" {
		t.Errorf("entry point %q", got.Config.Entrypoint)
	}
}

func TestTheRegistryImageHoldsWhatItsPodCalls(t *testing.T) {
	config, files := Registry(busybox(t), busybox(t))
	found := entries(t, open(t, build(t, config, files)))
	for _, program := range []string{"/bin/busybox", "/usr/bin/dockerregistry", "/usr/bin/update-ca-trust"} {
		if header := found[program]; header == nil || header.Typeflag != tar.TypeReg || header.Mode != 0o755 {
			t.Errorf("%s: %+v", program, header)
		}
	}
	for _, link := range []string{"/bin/sh", "/usr/bin/mkdir", "/bin/sleep", "/usr/bin/cat", "/bin/ls", "/usr/bin/awk"} {
		if header := found[link]; header == nil || header.Linkname != "/bin/busybox" {
			t.Errorf("%s: %+v", link, header)
		}
	}
	for dir, mode := range map[string]int64{
		"/tmp": 0o1777, "/registry": 0o777, "/etc/pki/ca-trust/extracted/pem": 0o777, "/usr": 0o755,
	} {
		if header := found[dir]; header == nil || header.Typeflag != tar.TypeDir || header.Mode != mode {
			t.Errorf("%s: %+v, want mode %o", dir, header, mode)
		}
	}
}

func TestTheOperatorImageHoldsItsManifests(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "00-crd.yaml"), "a: b\n")
	write(t, filepath.Join(dir, "image-references"), "{}\n")
	config, files := Operator(busybox(t), busybox(t), dir)
	image := open(t, build(t, config, files))
	found := entries(t, image)
	for _, file := range []string{
		"/manifests/00-crd.yaml", "/manifests/image-references", "/usr/bin/entrypoint.sh",
		"/usr/bin/cluster-image-registry-operator",
	} {
		if found[file] == nil {
			t.Errorf("%s is missing", file)
		}
	}
	got, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got.Config.Labels["io.openshift.release.operator"] != "true" {
		t.Errorf("labels %v", got.Config.Labels)
	}
	_, files = Operator(busybox(t), busybox(t), filepath.Join(dir, "absent"))
	if err := Build(t.Context(), filepath.Join(dir, "i.tar"), testRef, config, files); err == nil {
		t.Error("a missing manifests folder went unnoticed")
	}
}

func TestThePrunersImageHoldsWhatItsPodCalls(t *testing.T) {
	config, files := CLI(busybox(t), busybox(t))
	found := entries(t, open(t, build(t, config, files)))
	for _, file := range []string{"/usr/bin/oc", "/bin/sh", "/bin/sleep"} {
		if found[file] == nil {
			t.Errorf("%s is missing", file)
		}
	}
}

func TestRefFollowsTheContent(t *testing.T) {
	dir := t.TempDir()
	bin := write(t, filepath.Join(dir, "bin"), "one")
	files := []File{{Path: "/bin", Source: bin, Mode: 0o755}}
	first, err := Ref("images.cluster.test/thing", files)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Ref("images.cluster.test/thing", files)
	if err != nil {
		t.Fatal(err)
	}
	write(t, bin, "two")
	other, err := Ref("images.cluster.test/thing", files)
	if err != nil {
		t.Fatal(err)
	}
	if first != again || first == other || !strings.HasPrefix(first, "images.cluster.test/thing:") {
		t.Errorf("first %s, again %s, other content %s", first, again, other)
	}
}

func TestBuildRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, ref, want string
		files           []File
	}{
		{"a reference without a tag", "images.cluster.test/thing", "reference", nil},
		{"a relative path", testRef, "clean absolute", []File{{Path: "bin", Dir: true}}},
		{"an entry of two kinds", testRef, "exactly one", []File{{Path: "/a", Dir: true, Link: "/b"}}},
		{"an entry of no kind", testRef, "exactly one", []File{{Path: "/a"}}},
		{"an entry listed twice", testRef, "twice", []File{{Path: "/a", Dir: true}, {Path: "/a", Dir: true}}},
		{"a file below a file", testRef, "no directory", []File{{Path: "/a", Content: []byte{}}, {Path: "/a/b", Dir: true}}},
		{"a source that is not there", testRef, "no such file", []File{{Path: "/a", Source: filepath.Join(dir, "x")}}},
		{"a script passed as a static program", testRef, "no Linux program", []File{
			{Path: "/a", Source: write(t, filepath.Join(dir, "script"), "#!/bin/sh\n"), Static: true},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "image.tar")
			err := Build(t.Context(), dst, c.ref, Config{}, c.files)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(dst); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was left at %s", dst)
			}
		})
	}
}
