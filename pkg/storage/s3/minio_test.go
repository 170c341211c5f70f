package s3_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// startMinIO runs MinIO, which is a program of others: no faults, no second account.
func startMinIO(t *testing.T) *server {
	t.Helper()
	binary := os.Getenv("MINIO_BINARY")
	if binary == "" {
		t.Skip("MINIO_BINARY is not set: run this test through make test-long")
	}
	dir := t.TempDir()
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	// These are the names it looks for.
	cert, key, err := storagetest.Certificate(nil, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"public.crt": cert, "private.key": key} {
		if err := os.WriteFile(filepath.Join(certs, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{ca: cert}
	// It does not tell which port it got, so it is given one that was free a moment ago.
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.endpoint = "https://" + address
	s.client = s.newClient(t)
	cmd := exec.CommandContext(context.Background(), binary, "server", "--address", address, "--console-address", "127.0.0.1:0",
		"--certs-dir", certs, filepath.Join(dir, "data"))
	cmd.Env = []string{"HOME=" + dir, "MINIO_ROOT_USER=" + accessKey, "MINIO_ROOT_PASSWORD=" + secretKey, "MINIO_UPDATE=off"}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of MinIO:\n%s", log.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); !s.healthy(t); {
		if time.Now().After(deadline) {
			t.Fatal("MinIO does not answer after a minute")
		}
		<-time.After(100 * time.Millisecond)
	}
	return s
}

func (s *server) healthy(t *testing.T) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.endpoint+"/minio/health/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Options().HTTPClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// TestConformanceMinIO is the suite against a server that others wrote, as far as it goes without its co-operation.
func TestConformanceMinIO(t *testing.T) {
	s := startMinIO(t)
	storagetest.Run(t, storagetest.Harness{
		Driver: driver,
		Inputs: s.inputs,
		Exists: func(t *testing.T, name string) bool {
			t.Helper()
			_, err := s.client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &name})
			return err == nil
		},
		Existing: s.bare,
		Fill:     s.fill,
		Revoked: func(in storage.Inputs) storage.Inputs {
			in.UserSecret = secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_S3_ACCESSKEY", "AKIAGONE0000000000", "REGISTRY_STORAGE_S3_SECRETKEY", "gone")
			return in
		},
		RevokedReason: "InvalidAccessKeyId",
		Untrusted: func(in storage.Inputs) storage.Inputs {
			in.Coordinates.S3.TrustedCA.Name = ""
			return in
		},
		Cure: "spec.storage.s3.trustedCA",
	})
}
