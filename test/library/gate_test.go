package library

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// through is a client that knows nothing but the gate.
func through(t *testing.T, g *Gate) *http.Client {
	t.Helper()
	proxy, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(g.CA)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func TestGateLeadsToServersOfThisMachineOnly(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+r.URL.Path)
	}))
	t.Cleanup(server.Close)
	nobody := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }))
	t.Cleanup(nobody.Close)
	g, err := OpenGate(t.Context(), strings.TrimPrefix(nobody.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := g.Lead(func(host string) bool { return strings.HasSuffix(host, ".cloud.test") }, server.URL, ca, nil); err != nil {
		t.Fatal(err)
	}
	client := through(t, g)
	for range 2 {
		for _, host := range []string{"storage.cloud.test", "account.blob.cloud.test"} {
			response, err := client.Get("https://" + host + "/bucket")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || string(body) != host+"/bucket" {
				t.Errorf("answer %q, %v", body, err)
			}
		}
	}
	response, err := client.Get("https://elsewhere.test/")
	if err == nil {
		_ = response.Body.Close()
		t.Error("a host that nobody knows answered")
	}
	if refused := g.Refused(); len(refused) != 1 || refused[0] != "elsewhere.test:443" {
		t.Errorf("refused %v", refused)
	}
}
