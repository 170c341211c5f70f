package metrics

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// deadline is for what happens within milliseconds unless it never does.
const deadline = 20 * time.Second

// pair is a self-signed certificate for 127.0.0.1 and its key.
func pair(t *testing.T, commonName string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// running is a server on the loopback, with the means to change what it serves with.
type running struct {
	t       *testing.T
	mu      sync.Mutex
	serving Serving
	server  *Server
	clock   *clocktesting.FakeClock
	ended   chan error
	ready   error
	looks   int
}

// change changes what the server will find at its next look.
func (r *running) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *running) load() (Material, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	return r.serving.Material()
}

// loads is how often the server has looked.
func (r *running) loads() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looks
}

func (r *running) isReady() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

func start(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{
		t: t, clock: clocktesting.NewFakeClock(time.Now()), ended: make(chan error, 1),
		serving: Serving{Address: "127.0.0.1:0", CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")},
	}
	r.writePair("first")
	checks := Checks{Healthy: func() error { return nil }, Ready: r.isReady}
	server, err := Listen(t.Context(), r.load, New("v1.2.3", "S3", "PVC").Gatherer(), checks, r.clock)
	if err != nil {
		t.Fatal(err)
	}
	r.server = server
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { r.ended <- server.Serve(ctx) }()
	r.await("the reload ticker", r.clock.HasWaiters)
	return r
}

func (r *running) writePair(commonName string) {
	cert, key := pair(r.t, commonName)
	write(r.t, r.serving.CertFile, cert)
	write(r.t, r.serving.KeyFile, key)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *running) await(what string, condition func() bool) {
	r.t.Helper()
	for end := time.Now().Add(deadline); !condition(); {
		if time.Now().After(end) {
			r.t.Fatalf("still waiting for %s after %s", what, deadline)
		}
		<-time.After(time.Millisecond)
	}
}

// dial makes a handshake and returns the name in the server's certificate.
func (r *running) dial(config *tls.Config) (string, error) {
	config.InsecureSkipVerify = true // the certificate itself is what the test looks at
	conn, err := tls.Dial("tcp", r.server.Addr().String(), config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if protocol := conn.ConnectionState().NegotiatedProtocol; protocol == "h2" {
		r.t.Errorf("negotiated %s, HTTP/2 has to be off", protocol)
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	response, err := client.Get("https://" + r.server.Addr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if response.ProtoMajor != 1 {
		r.t.Errorf("answered with %s, HTTP/2 has to be off", response.Proto)
	}
	return response.StatusCode, string(body)
}

func TestServedPaths(t *testing.T) {
	r := start(t)
	status, body := r.get("/metrics")
	for _, want := range []string{
		`image_registry_storage_type{storage="S3"} 0`, "image_registry_operator_storage_reconfigured_total 0",
		`image_registry_operator_build_info{`, `version="v1.2.3"`, "go_goroutines", "process_resident_memory_bytes",
	} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("/metrics answered %d without %s", status, want)
		}
	}
	if status, body := r.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answered %d %s", status, body)
	}
	if status, body := r.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answered %d %s", status, body)
	}
	r.change(func() { r.ready = errors.New("starting controllers") })
	if status, body := r.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "starting controllers") {
		t.Errorf("/readyz answered %d %q for a process that is not ready", status, body)
	}
	if status, _ := r.get("/"); status != http.StatusNotFound {
		t.Errorf("/ answered %d", status)
	}
}

func TestMaterialReloadsInPlace(t *testing.T) {
	r := start(t)
	served := func(want string) func() bool {
		return func() bool {
			r.clock.Step(reloadInterval)
			got, err := r.dial(&tls.Config{})
			return err == nil && got == want
		}
	}
	r.await("the first certificate", served("first"))

	r.writePair("second")
	r.await("the second certificate", served("second"))

	r.change(func() { r.serving.MinTLSVersion = "VersionTLS13" })
	r.await("TLS 1.2 to be refused", func() bool {
		r.clock.Step(reloadInterval)
		_, err := r.dial(&tls.Config{MaxVersion: tls.VersionTLS12})
		return err != nil
	})
	if got, err := r.dial(&tls.Config{}); err != nil || got != "second" {
		t.Errorf("TLS 1.3 got %q, %v", got, err)
	}

	r.change(func() {
		r.serving.MinTLSVersion, r.serving.CipherSuites = "", []string{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}
	})
	r.await("a suite outside the profile to be refused and one inside accepted", func() bool {
		r.clock.Step(reloadInterval)
		_, outside := r.dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		_, inside := r.dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}})
		return outside != nil && inside == nil
	})
}

func TestBrokenMaterialKeepsTheOld(t *testing.T) {
	r := start(t)
	write(t, r.serving.KeyFile, []byte("half of a key"))
	looks := r.loads()
	r.await("three looks at the broken pair", func() bool {
		r.clock.Step(reloadInterval)
		return r.loads() >= looks+3
	})
	if got, err := r.dial(&tls.Config{}); err != nil || got != "first" {
		t.Errorf("after a broken reload the handshake gave %q, %v", got, err)
	}
	r.writePair("repaired")
	r.await("the repaired certificate", func() bool {
		r.clock.Step(reloadInterval)
		got, err := r.dial(&tls.Config{})
		return err == nil && got == "repaired"
	})
}

func TestMovedAddressEndsTheServer(t *testing.T) {
	r := start(t)
	r.change(func() { r.serving.Address = "127.0.0.1:1" })
	r.clock.Step(reloadInterval)
	select {
	case err := <-r.ended:
		if !errors.Is(err, ErrAddressChanged) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("the server still runs on its old address")
	}
}

func TestMaterialErrors(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, "good")
	good := Serving{Address: ":0", CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
	write(t, good.CertFile, cert)
	write(t, good.KeyFile, key)
	otherKey := filepath.Join(dir, "other.key")
	_, other := pair(t, "other")
	write(t, otherKey, other)
	for _, tc := range []struct {
		name    string
		change  func(*Serving)
		wantErr string
	}{
		{name: "a good pair with defaults loads", change: func(*Serving) {}},
		{name: "TLS 1.3 suites are accepted in the list", change: func(s *Serving) { s.CipherSuites = []string{"TLS_AES_128_GCM_SHA256"} }},
		{name: "an unknown version is refused", change: func(s *Serving) { s.MinTLSVersion = "VersionTLS14" }, wantErr: `unknown version "VersionTLS14"`},
		{name: "an unknown suite is refused", change: func(s *Serving) { s.CipherSuites = []string{"TLS_NOPE"} }, wantErr: `unknown suite "TLS_NOPE"`},
		{name: "a missing certificate is refused", change: func(s *Serving) { s.CertFile += ".gone" }, wantErr: "reading the serving certificate"},
		{name: "a missing key is refused", change: func(s *Serving) { s.KeyFile += ".gone" }, wantErr: "reading the key"},
		{name: "a key of another certificate is refused", change: func(s *Serving) { s.KeyFile = otherKey }, wantErr: "loading the serving certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			serving := good
			tc.change(&serving)
			material, err := serving.Material()
			if tc.wantErr == "" {
				if err != nil || material.TLS.MinVersion != tls.VersionTLS12 || material.Digest == "" {
					t.Errorf("got %+v, %v", material, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("got error %v, want one with %q", err, tc.wantErr)
			}
			if err != nil && bytes.Contains([]byte(err.Error()), other) {
				t.Error("the error shows a key")
			}
		})
	}
}

func TestStorageTypeShowsOneKind(t *testing.T) {
	m := New("v0", "S3", "PVC")
	m.StorageType("S3")
	m.StorageType("PVC")
	m.StorageReconfigured()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "image_registry_storage_type" {
				got[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
			}
			if family.GetName() == "image_registry_operator_storage_reconfigured_total" {
				got["total"] = metric.GetCounter().GetValue()
			}
		}
	}
	if got["S3"] != 0 || got["PVC"] != 1 || got["total"] != 1 {
		t.Errorf("got %v", got)
	}
}
