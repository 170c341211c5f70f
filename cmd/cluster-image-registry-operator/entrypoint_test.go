package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// entrypoint is the script of the image with its absolute paths below a folder, and a program that prints its arguments in
// the operator's place.
type entrypoint struct {
	t                      *testing.T
	script                 string
	trusted, image, bundle string
}

func newEntrypoint(t *testing.T) entrypoint {
	t.Helper()
	root := t.TempDir()
	shipped, err := os.ReadFile("entrypoint.sh")
	if err != nil {
		t.Fatal(err)
	}
	e := entrypoint{
		t:       t,
		script:  filepath.Join(root, "entrypoint.sh"),
		trusted: filepath.Join(root, "var/run/configmaps/trusted-ca/tls-ca-bundle.pem"),
		image:   filepath.Join(root, "usr/share/image-registry-operator/tls-ca-bundle.pem"),
		bundle:  filepath.Join(root, "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
	}
	for _, file := range []string{e.trusted, e.image, e.bundle} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	moved := strings.NewReplacer("=/", "="+root+"/", "exec /usr/bin/cluster-image-registry-operator", "exec echo started").Replace(string(shipped))
	e.write(e.script, moved)
	return e
}

func (e entrypoint) write(file, content string) {
	e.t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

func (e entrypoint) remove(file string) {
	e.t.Helper()
	if err := os.Remove(file); err != nil {
		e.t.Fatal(err)
	}
}

// start runs the script and checks what is trusted after it.
func (e entrypoint) start(want string) {
	e.t.Helper()
	out, err := exec.Command("/bin/sh", e.script, "--files=/a b").CombinedOutput()
	if err != nil {
		e.t.Fatalf("the entry point: %v\n%s", err, out)
	}
	if !strings.HasSuffix(string(out), "started --files=/a b\n") {
		e.t.Errorf("the entry point printed %q, want the operator started with its arguments", out)
	}
	got, err := os.ReadFile(e.bundle)
	if err != nil {
		e.t.Fatal(err)
	}
	if string(got) != want {
		e.t.Errorf("the trust store has %q, want %q", got, want)
	}
}

// Every start is one of a container in the same pod, whose volume keeps what the start before it wrote.
func TestEntrypointTrustsWhatIsThereNow(t *testing.T) {
	e := newEntrypoint(t)
	e.write(e.image, "image")
	e.start("image")
	e.write(e.trusted, "cluster")
	e.start("cluster")
	e.write(e.trusted, "cluster, renewed")
	e.start("cluster, renewed")
	e.remove(e.trusted)
	e.start("image")
}

// So it is in an image without the copy, or where somebody mounts a trust store of their own.
func TestEntrypointLeavesTheStoreAloneWithoutACopy(t *testing.T) {
	e := newEntrypoint(t)
	e.write(e.bundle, "of the base")
	e.start("of the base")
}
