package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

const runAsS3 = "TEST_RUN_AS_S3"

func TestMain(m *testing.M) {
	if os.Getenv(runAsS3) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// files writes what the command reads and returns its arguments.
func files(t *testing.T) (dir string, args []string) {
	t.Helper()
	dir = t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := s3test.WriteCertificate(cert, key, s3test.Domain, "*."+s3test.Domain); err != nil {
		t.Fatal(err)
	}
	accounts, err := json.Marshal(s3server.Accounts{
		Main:  s3server.Account{AccessKeyID: "AKIAMAIN", SecretAccessKey: "one"},
		Other: s3server.Account{AccessKeyID: "AKIAOTHER", SecretAccessKey: "two"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "accounts"), accounts, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, []string{
		"--cert", cert, "--key", key, "--data-dir", filepath.Join(dir, "data"),
		"--accounts", filepath.Join(dir, "accounts"), "--listen-proxy", "127.0.0.1:0",
	}
}

func program(t *testing.T, args []string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), runAsS3+"=1")
	return cmd
}

type readyLine struct {
	Ready             bool
	TLS, Admin, Proxy string
}

// announced reads up to the ready line; versitygw may print lines of its own.
func announced(stdout io.Reader) readyLine {
	var ready readyLine
	for lines := bufio.NewScanner(stdout); !ready.Ready && lines.Scan(); {
		_ = json.Unmarshal(lines.Bytes(), &ready)
	}
	return ready
}

func health(t *testing.T, socket string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	response, err := client.Get("http://admin/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestItAnnouncesItselfAndEndsOnSIGTERM(t *testing.T) {
	dir, args := files(t)
	socket := filepath.Join(dir, "admin.sock")
	// What an earlier process that was killed left behind must not be in the way.
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, append(args, "--listen-admin", socket))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	ready := announced(stdout)
	if !ready.Ready || ready.TLS == "" || ready.Admin != socket || ready.Proxy == "" {
		t.Fatalf("it announced %+v", ready)
	}
	if status := health(t, socket); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestItRefusesToStart(t *testing.T) {
	_, args := files(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"without accounts":            {slices.Concat(args, []string{"--accounts", "/nonexistent"}), "reading the accounts"},
		"without a certificate":       {slices.Concat(args, []string{"--cert", "/nonexistent"}), "certificate"},
		"on an address that is none":  {slices.Concat(args, []string{"--listen-tls", "256.0.0.1:1"}), "listen"},
		"without the key for tokens":  {slices.Concat(args, []string{"--sts-host", "sts.test", "--token-key", "/nonexistent"}), "reading the key of the tokens"},
		"with a private key for them": {slices.Concat(args, []string{"--sts-host", "sts.test", "--token-key", args[3]}), "not a public key"},
		"without a name of STS":       {slices.Concat(args, []string{"--token-key", args[3]}), "host name of STS"},
		"without a data folder":       {slices.Concat(args, []string{"--data-dir", ""}), "data folder"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := program(t, c.args).CombinedOutput()
			if err == nil || !strings.Contains(string(output), c.want) {
				t.Errorf("%v: %s, want %q", err, output, c.want)
			}
		})
	}
}
