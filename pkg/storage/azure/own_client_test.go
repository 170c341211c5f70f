package azure_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// httpClient trusts the server.
func (s *server) httpClient(t *testing.T) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	proxy, err := url.Parse(s.proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (s *server) blobOptions(t *testing.T) policy.ClientOptions {
	return policy.ClientOptions{
		Transport: s.httpClient(t), Retry: policy.RetryOptions{MaxRetries: -1}, Telemetry: policy.TelemetryOptions{ApplicationID: ownAgent},
	}
}

// ownAgent begins the user agent of the test's own client for blobs. For everything else it uses none but Go's.
const ownAgent = "the-test"

func (r record) own() bool {
	return strings.HasPrefix(r.UserAgent, ownAgent+" ") || strings.HasPrefix(r.UserAgent, "Go-http-client/")
}

// key is the account's first one, asked for as the operator does, past its code.
func (s *server) key(t *testing.T, account string) string {
	t.Helper()
	client := s.httpClient(t)
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}, "scope": {"https://management." + domain + "/.default"},
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	post(t, client, "https://login."+domain+"/"+tenant+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", "", form.Encode(), &token)
	var keys struct{ Keys []struct{ Value string } }
	post(t, client, "https://management."+domain+idOf(group, "Microsoft.Storage/storageAccounts", account, "listKeys")+"?api-version=2023-01-01", "application/json",
		token.AccessToken, "", &keys)
	if len(keys.Keys) == 0 {
		t.Fatalf("account %s has no keys", account)
	}
	return keys.Keys[0].Value
}

func post(t *testing.T, client *http.Client, address, contentType, token, body string, answer any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", address, response.Status, text, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatal(err)
	}
}

func noConfigMap(_, name string) (*corev1.ConfigMap, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
}
