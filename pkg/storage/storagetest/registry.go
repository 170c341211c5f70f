package storagetest

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// registryVariable names the registry program of test/cluster; the Makefile builds it and sets the variable.
	registryVariable = "REGISTRY_BINARY"
	// trustStore is where the pod has its certificates, and where programs look for them.
	trustStore = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
	program    = "/usr/bin/dockerregistry"
)

// RegistryOptions are what a registry needs beside the settings, and what its images are checked against.
type RegistryOptions struct {
	// BinaryVariable is the environment variable that names the registry program; REGISTRY_BINARY when empty. Another one
	// is for storage that distribution v3 has no driver for. The program must be linked statically.
	BinaryVariable string
	// Arguments of the program; OpenShift's registry takes none.
	Arguments []string
	// ExtraEnv are variables, NAME=value, that the cluster adds for the sake of the test (an emulator's address, a proxy).
	ExtraEnv []string
	// CA is what the pod's trust store has. It is the only trust that the registry has.
	CA []byte
	// Hosts are the lines of /etc/hosts, address by name, for the registry and for clients that it redirects.
	Hosts map[string]string
	// Files are further files of the pod by absolute path: the service account token, Secrets that the user made.
	Files map[string][]byte
	// Secrets are the content of Secrets by name that settings mount, beside image-registry-private-configuration.
	Secrets map[string]map[string][]byte
	// Holds tells, past the registry, whether the medium has the file at that path of the registry's
	// (/docker/registry/v2/…). nil looks into the volume of a registry that keeps its content in one.
	Holds func(t *testing.T, path string) bool
}

// Registry is a running registry program.
type Registry struct {
	// URL is where it serves, without TLS.
	URL string

	options RegistryOptions
	// volume is the folder of the host that stands for the registry's volume, if it has one.
	volume string
	mu     sync.Mutex
	log    bytes.Buffer
}

// fixedEnv is what the operator renders for every storage (the address and TLS apart).
var fixedEnv = []string{
	"REGISTRY_HTTP_ADDR=127.0.0.1:0",
	"REGISTRY_HTTP_NET=tcp",
	"REGISTRY_HTTP_SECRET=0123456789abcdef0123456789abcdef",
	"REGISTRY_LOG_LEVEL=info",
	"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory",
	"REGISTRY_STORAGE_DELETE_ENABLED=true",
	"REGISTRY_HEALTH_STORAGEDRIVER_ENABLED=true",
	"REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL=10s",
	"REGISTRY_HEALTH_STORAGEDRIVER_THRESHOLD=1",
}

// StartRegistry runs the registry as the pod does, until the test ends: with the variables, the files and the paths that
// settings give, and nothing else. Its root folder is one of the test's, so that /var/run/secrets is the pod's and not the
// host's; this needs root. The test is skipped where that or the program is missing.
func StartRegistry(t *testing.T, settings storage.Settings, o RegistryOptions) *Registry {
	t.Helper()
	variable := cmp.Or(o.BinaryVariable, registryVariable)
	binary := os.Getenv(variable)
	if binary == "" {
		t.Skipf("%s is not set: run this test through make", variable)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may give the registry a root folder of its own")
	}
	r := &Registry{options: o}
	root := t.TempDir()
	content := secretContent(t, settings)
	CopyProgram(t, binary, filepath.Join(root, program))
	r.mount(t, root, settings, content)
	r.furnish(t, root)

	cmd := exec.CommandContext(t.Context(), program, o.Arguments...)
	cmd.Dir = "/"
	cmd.Env = append(append(environment(t, settings, content), fixedEnv...), o.ExtraEnv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	r.run(t, cmd)
	return r
}

// secretContent is what the operator puts into image-registry-private-configuration.
func secretContent(t *testing.T, settings storage.Settings) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	for _, variable := range settings.Env {
		if variable.Secret {
			content[variable.Name] = []byte(rendered(t, variable))
		}
	}
	maps.Copy(content, settings.SecretData)
	return content
}

// environment resolves the variables as the kubelet does: secret ones come from the Secret.
func environment(t *testing.T, settings storage.Settings, content map[string][]byte) []string {
	t.Helper()
	var env []string
	for _, variable := range settings.Env {
		value := rendered(t, variable)
		if variable.Secret {
			value = string(content[variable.Name])
		}
		env = append(env, variable.Name+"="+value)
	}
	return env
}

func rendered(t *testing.T, variable storage.EnvVar) string {
	t.Helper()
	value, err := storage.RenderEnv(variable)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// mount puts the files of the settings' volumes where their mounts want them.
func (r *Registry) mount(t *testing.T, root string, settings storage.Settings, private map[string][]byte) {
	t.Helper()
	volumes := map[string]corev1.Volume{}
	for _, volume := range settings.Volumes {
		volumes[volume.Name] = volume
	}
	for _, mount := range settings.Mounts {
		volume, found := volumes[mount.Name]
		if !found {
			t.Fatalf("mount %s has no volume", mount.Name)
		}
		dir := filepath.Join(root, mount.MountPath)
		if volume.Secret == nil {
			makeDir(t, dir)
			r.volume = dir
			continue
		}
		content := r.options.Secrets[volume.Secret.SecretName]
		if volume.Secret.SecretName == names.PrivateConfiguration {
			content = private
		}
		for path, text := range projected(t, volume.Secret, content) {
			WriteFile(t, filepath.Join(dir, path), text)
		}
	}
}

// projected are the files of a Secret volume: every key, or those that are listed, under their own paths.
func projected(t *testing.T, source *corev1.SecretVolumeSource, content map[string][]byte) map[string][]byte {
	t.Helper()
	if len(source.Items) == 0 {
		return content
	}
	files := map[string][]byte{}
	for _, item := range source.Items {
		text, found := content[item.Key]
		if !found {
			t.Fatalf("secret %s has no key %s: a pod would not start", source.SecretName, item.Key)
		}
		files[item.Path] = text
	}
	return files
}

// furnish adds what a pod has beside its volumes.
func (r *Registry) furnish(t *testing.T, root string) {
	t.Helper()
	hosts := "127.0.0.1 localhost\n"
	for name, address := range r.options.Hosts {
		hosts += address + " " + name + "\n"
	}
	makeDir(t, filepath.Join(root, "tmp"))
	WriteFile(t, filepath.Join(root, "/etc/hosts"), []byte(hosts))
	WriteFile(t, filepath.Join(root, trustStore), r.options.CA)
	for path, content := range r.options.Files {
		WriteFile(t, filepath.Join(root, path), content)
	}
}

// run starts the program and waits until it says where it listens. When the test ends it must end in order.
func (r *Registry) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the registry: %v", err)
	}
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go r.follow(reader, addresses)
	go func() {
		ended <- cmd.Wait()
		_ = writer.Close()
	}()
	t.Cleanup(func() {
		<-ended
		if cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the registry ended with %s", cmd.ProcessState)
		}
		if t.Failed() {
			t.Logf("log of the registry:\n%s", r.Log())
		}
	})
	select {
	case address := <-addresses:
		r.URL = "http://" + address
	case err := <-ended:
		ended <- nil
		t.Fatalf("the registry did not start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the registry does not listen after a minute")
	}
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// follow keeps what the registry writes and finds its address in it.
func (r *Registry) follow(output io.Reader, addresses chan<- string) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		r.mu.Lock()
		r.log.WriteString(line)
		r.mu.Unlock()
		if found := listening.FindStringSubmatch(line); found != nil {
			select {
			case addresses <- found[1]:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// Log is what the registry has written so far.
func (r *Registry) Log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// holds tells whether the medium has a file of the registry's.
func (r *Registry) holds(t *testing.T, path string) bool {
	t.Helper()
	if r.options.Holds != nil {
		return r.options.Holds(t, path)
	}
	if r.volume == "" {
		t.Fatal("the registry has no volume to look into: RegistryOptions.Holds is missing")
	}
	_, err := os.Stat(filepath.Join(r.volume, path))
	return err == nil
}

// CopyProgram links a program into the root folder, or copies it where they are on different file systems.
func CopyProgram(t *testing.T, from, to string) {
	t.Helper()
	makeDir(t, filepath.Dir(to))
	if os.Link(from, to) == nil {
		return
	}
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatalf("copying the registry program: %v", err)
	}
}

func makeDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("making a folder for the registry: %v", err)
	}
}

// WriteFile writes a file for a test, and the folders above it.
func WriteFile(t *testing.T, path string, content []byte) {
	t.Helper()
	makeDir(t, filepath.Dir(path))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(fmt.Errorf("writing a file for the registry: %w", err))
	}
}
