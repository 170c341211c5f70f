package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

// runAsRegistry makes the test binary behave as the program: what is tested is the process with its environment,
// and distribution and its AWS SDK keep state that only a process of its own separates.
const runAsRegistry = "TEST_RUN_AS_DOCKERREGISTRY"

// s3srv is the S3 server of all tests here.
var s3srv *s3test.Server

func TestMain(m *testing.M) {
	if os.Getenv(runAsRegistry) != "" {
		_ = os.Unsetenv(runAsRegistry)
		main()
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "dockerregistry-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if s3srv, err = s3test.Start(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = s3srv.Stop() }()
		return m.Run()
	}())
}

// process is a running registry.
type process struct {
	cmd        *exec.Cmd
	addr       string
	cert, key  string
	mu         sync.Mutex
	log        bytes.Buffer
	exited     chan struct{}
	exitStatus error
}

// operatorEnv is what the operator renders for every storage, in its order (the address apart).
func operatorEnv(cert, key string, storage ...string) []string {
	return append(storage,
		"REGISTRY_HTTP_ADDR=127.0.0.1:0",
		"REGISTRY_HTTP_NET=tcp",
		"REGISTRY_HTTP_SECRET=0123456789abcdef0123456789abcdef",
		"REGISTRY_LOG_LEVEL=info",
		"REGISTRY_OPENSHIFT_QUOTA_ENABLED=true",
		"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory",
		"REGISTRY_STORAGE_DELETE_ENABLED=true",
		"REGISTRY_HEALTH_STORAGEDRIVER_ENABLED=true",
		"REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL=10s",
		"REGISTRY_HEALTH_STORAGEDRIVER_THRESHOLD=1",
		"REGISTRY_OPENSHIFT_METRICS_ENABLED=true",
		"REGISTRY_OPENSHIFT_SERVER_ADDR=image-registry.openshift-image-registry.svc:5000",
		"REGISTRY_HTTP_TLS_CERTIFICATE="+cert,
		"REGISTRY_HTTP_TLS_KEY="+key,
	)
}

// s3Env is what the operator renders for a bucket on the cluster's own endpoint.
func s3Env(t *testing.T, bucket, credentials string, pathStyle bool) []string {
	t.Helper()
	return []string{
		"REGISTRY_STORAGE_S3_REGIONENDPOINT=" + s3test.Endpoint,
		"REGISTRY_STORAGE_S3_KEYID=\"10\"",
		"REGISTRY_STORAGE_S3_CHUNKSIZE=10485760",
		"REGISTRY_STORAGE=s3",
		"REGISTRY_STORAGE_S3_BUCKET=" + bucket,
		"REGISTRY_STORAGE_S3_REGION=" + s3test.Region,
		"REGISTRY_STORAGE_S3_ENCRYPT=true",
		fmt.Sprintf("REGISTRY_STORAGE_S3_FORCEPATHSTYLE=%t", pathStyle),
		"REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=" + credentials,
		"REGISTRY_STORAGE_S3_USEDUALSTACK=true",
		// The names of the endpoint exist nowhere: the cluster's proxy variables reach it, and the pod's trust
		// store is this file.
		"HTTPS_PROXY=" + s3srv.ProxyURL(),
		"NO_PROXY=.svc,.cluster.local",
		"SSL_CERT_FILE=" + s3srv.CAFile,
	}
}

func credentialsFile(t *testing.T, id, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// launch starts the program with nothing but this environment.
func launch(t *testing.T, env []string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self), exited: make(chan struct{})}
	p.cmd.Env = append(env, runAsRegistry+"=1", "HOME="+t.TempDir())
	output, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = p.cmd.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses := make(chan string, 1)
	go p.follow(output, addresses)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			lines := strings.Split(p.output(), "\n")
			t.Logf("end of the registry's log:\n%s", strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	})
	select {
	case p.addr = <-addresses:
	case <-p.exited:
	}
	return p
}

func (p *process) follow(output io.Reader, addresses chan<- string) {
	listening := regexp.MustCompile(`listening on ([0-9.]+:[0-9]+), storage`)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			addresses <- found[1]
		}
	}
	p.exitStatus = p.cmd.Wait()
	close(p.exited)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs a registry that must come up.
func start(t *testing.T, storage []string, extra ...string) *process {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := s3test.WriteCertificate(cert, key, "image-registry.openshift-image-registry.svc"); err != nil {
		t.Fatal(err)
	}
	p := launch(t, append(operatorEnv(cert, key, storage...), extra...))
	if p.addr == "" {
		t.Fatalf("the registry did not start: %s", p.output())
	}
	p.cert, p.key = cert, key
	return p
}

// transport trusts the registry, and the storage as a client that is redirected to it does.
func (p *process) transport(t *testing.T) *http.Transport {
	t.Helper()
	roots := x509.NewCertPool()
	for _, file := range []string{p.cert, s3srv.CAFile} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(data)
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, _, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, s3test.Domain) {
				address = s3srv.Addresses.TLS
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10},
		ForceAttemptHTTP2: true,
	}
}

func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := (&http.Client{Transport: p.transport(t)}).Get("https://" + p.addr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func (p *process) repository(t *testing.T, path string) name.Repository {
	t.Helper()
	repository, err := name.NewRepository(p.addr + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

// with are the options of go-containerregistry: no retries, so that a test sees each failure.
func (p *process) with(t *testing.T) []remote.Option {
	t.Helper()
	return []remote.Option{
		remote.WithContext(t.Context()), remote.WithTransport(p.transport(t)),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
}

// terminate sends SIGTERM and waits for the end.
func (p *process) terminate(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	return p.exitStatus
}

// eventually waits for a condition; what it saw last is printed where it does not come.
func eventually(t *testing.T, what string, condition func() (bool, any)) {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, seen := condition()
		if done {
			return
		}
		select {
		case <-deadline.Done():
			t.Fatalf("waiting for %s: last saw %+v", what, seen)
		case <-tick.C:
		}
	}
}
