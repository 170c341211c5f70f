package storagetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Program is a program of test/cluster that serves a kind of storage on loopback. When it accepts requests it prints one
// line of JSON with its addresses.
type Program struct {
	// Variable of the environment that names the binary; the Makefile builds it and sets the variable.
	Variable string
	// Names and IPs are what its certificate is for; IPs are loopback when nil.
	Names []string
	IPs   []net.IP
	// Files are written, as JSON, into the folder of the server: a flag would show secrets in the process list.
	Files map[string]any
	// Args beside the certificate; "{dir}" stands for the folder.
	Args []string
}

// Server is a running Program.
type Server struct {
	// Addresses are what the program announced, by name: host and port each.
	Addresses map[string]string
	// CA signs for it.
	CA []byte
	// Folder is its own.
	Folder string

	cmd *exec.Cmd
}

// ErrMissing is the error of Start where the program, or what it runs, is not on this machine.
var ErrMissing = errors.New("not on this machine")

// Serve starts a program for the time of a test, and skips the test where it cannot be had.
func Serve(t *testing.T, p Program) *Server {
	t.Helper()
	s, err := Start(t.Context(), t.TempDir(), p)
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.Log())
		}
	})
	return s
}

// Start starts a program in a folder below dir; it runs until Stop, whatever becomes of ctx.
func Start(ctx context.Context, dir string, p Program) (*Server, error) {
	binary := os.Getenv(p.Variable)
	if binary == "" {
		return nil, fmt.Errorf("%w: %s is not set: run this through make", ErrMissing, p.Variable)
	}
	s := &Server{Folder: filepath.Join(dir, strings.ToLower(p.Variable))}
	if err := s.furnish(p); err != nil {
		return nil, err
	}
	args := []string{"--cert", filepath.Join(s.Folder, "tls.crt"), "--key", filepath.Join(s.Folder, "tls.key")}
	for _, arg := range p.Args {
		args = append(args, strings.ReplaceAll(arg, "{dir}", s.Folder))
	}
	log, err := os.Create(filepath.Join(s.Folder, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), binary, args...)
	s.cmd.Stderr = log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	if err := s.listen(ctx, stdout); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%s did not start: %w\n%s", filepath.Base(binary), err, s.Log())
	}
	return s, nil
}

// furnish makes the folder with what the program reads.
func (s *Server) furnish(p Program) error {
	if err := os.MkdirAll(filepath.Join(s.Folder, "data"), 0o755); err != nil {
		return err
	}
	ips := p.IPs
	if ips == nil {
		ips = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	cert, key, err := Certificate(p.Names, ips)
	if err != nil {
		return err
	}
	s.CA = cert
	files := map[string][]byte{"tls.crt": cert, "tls.key": key}
	for name, content := range p.Files {
		if files[name], err = json.Marshal(content); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.Folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// listen waits for the first line, and then for nothing more of what the program says.
func (s *Server) listen(ctx context.Context, stdout io.Reader) error {
	first := make(chan error, 1)
	go func() {
		var line map[string]any
		err := json.NewDecoder(stdout).Decode(&line)
		s.Addresses = map[string]string{}
		for name, value := range line {
			if text, ok := value.(string); ok {
				s.Addresses[name] = text
			}
		}
		if ready, told := line["ready"].(bool); err == nil && told && !ready {
			err = fmt.Errorf("%w: %v", ErrMissing, line["missing"])
		}
		first <- err
		_, _ = io.Copy(io.Discard, stdout) // a full pipe would hold the program up
	}()
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends the program and waits for its end.
func (s *Server) Stop() {
	const patience = 30 * time.Second
	_ = s.cmd.Process.Signal(os.Interrupt)
	kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait()
}

// Log is the end of what the program said.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.Folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// Ask sends a request to the admin listener called admin, and decodes its answer into answer unless that is nil.
func (s *Server) Ask(ctx context.Context, admin, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addresses[admin]+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, got)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(got, answer)
}

// Call is Ask for a test. Cleanups call too, when the test's own context is over.
func (s *Server) Call(t *testing.T, admin, method, path string, body, answer any) {
	t.Helper()
	if err := s.Ask(context.WithoutCancel(t.Context()), admin, method, path, body, answer); err != nil {
		t.Fatal(err)
	}
}

// Fault makes requests of a Server fail; test/cluster/internal/faults tells what each field does. Match is in the server's own
// terms, nil for all requests.
type Fault struct {
	Match      any               `json:"match,omitempty"`
	Status     int               `json:"status,omitempty"`
	Code       string            `json:"code,omitempty"`
	Message    string            `json:"message,omitempty"`
	RetryAfter int               `json:"retryAfter,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Delay      string            `json:"delay,omitempty"`
	Blackhole  bool              `json:"blackhole,omitempty"`
	After      bool              `json:"after,omitempty"`
	Times      int               `json:"times,omitempty"`
}

// Inject makes requests fail until the test ends, Heal is called, or others are injected.
func (s *Server) Inject(t *testing.T, admin string, faults ...Fault) {
	t.Helper()
	s.Call(t, admin, http.MethodPut, "/faults", faults, nil)
	t.Cleanup(func() { s.Heal(t, admin) })
}

// Heal ends what was injected.
func (s *Server) Heal(t *testing.T, admin string) {
	t.Helper()
	s.Call(t, admin, http.MethodDelete, "/faults", nil, nil)
}

// Slow makes each answer take that long, until the test ends; what it returns counts the requests that were held back.
func (s *Server) Slow(t *testing.T, admin string, delay time.Duration) (slowed func() int) {
	t.Helper()
	s.Inject(t, admin, Fault{Delay: delay.String()})
	return func() (hits int) {
		t.Helper()
		var faults []struct {
			Hits int `json:"hits"`
		}
		s.Call(t, admin, http.MethodGet, "/faults", nil, &faults)
		for _, f := range faults {
			hits += f.Hits
		}
		return hits
	}
}

// Requests are what a Server has recorded.
type Requests[T any] struct {
	// Last is the number of the newest.
	Last     int64 `json:"last"`
	Requests []T   `json:"requests"`
}

// Recorded are the requests that during causes, as the server's type T of them.
func Recorded[T any](t *testing.T, s *Server, admin string, during func()) []T {
	t.Helper()
	const none = math.MaxInt64
	var before, since Requests[T]
	s.Call(t, admin, http.MethodGet, fmt.Sprintf("/requests?after=%d", int64(none)), nil, &before)
	during()
	s.Call(t, admin, http.MethodGet, fmt.Sprintf("/requests?after=%d", before.Last), nil, &since)
	return since.Requests
}

// Certificate makes one that verifies itself, and its key, both as PEM.
func Certificate(names []string, ips []net.IP) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "storage for tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: ips, DNSNames: names,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}
