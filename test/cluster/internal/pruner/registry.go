package pruner

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// registry is the registry's API, and the endpoint of OpenShift's registry that removes data.
type registry struct {
	base   *url.URL
	token  string
	client *http.Client
}

// requestTimeout bounds a request; deleting an object of a cloud's storage can take a while.
const requestTimeout = time.Minute

// newRegistry trusts the authorities of the file and shows the token to the registry.
func newRegistry(o Options, token string) (*registry, error) {
	base, err := url.Parse(o.RegistryURL)
	if err != nil {
		return nil, fmt.Errorf("registry address %q: %w", o.RegistryURL, err)
	}
	data, err := os.ReadFile(o.CertificateAuthority)
	if err != nil {
		return nil, fmt.Errorf("reading the registry's certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("reading the registry's certificate authority: no certificate in %s", o.CertificateAuthority)
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	return &registry{base: base, token: token, client: &http.Client{Transport: transport, Timeout: requestTimeout}}, nil
}

// ping finds out whether there is a registry before anything is removed.
func (r *registry) ping(ctx context.Context) error {
	status, body, err := r.do(ctx, http.MethodGet, "/v2/")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("it answers %d: %s", status, body)
	}
	if err != nil {
		return fmt.Errorf("looking for the registry at %s: %w", r.base, err)
	}
	return nil
}

func (r *registry) deleteLink(ctx context.Context, repository, digest string) error {
	return r.delete(ctx, "/v2/"+repository+"/blobs/"+digest)
}

func (r *registry) deleteManifest(ctx context.Context, repository, digest string) error {
	return r.delete(ctx, "/v2/"+repository+"/manifests/"+digest)
}

func (r *registry) deleteBlob(ctx context.Context, digest string) error {
	return r.delete(ctx, "/admin/blobs/"+digest)
}

// delete is content with what is gone already: an earlier run may have come this far.
func (r *registry) delete(ctx context.Context, path string) error {
	status, body, err := r.do(ctx, http.MethodDelete, path)
	switch {
	case err != nil:
		return fmt.Errorf("deleting %s: %w", path, err)
	case status == http.StatusNotFound, status >= 200 && status < 300:
		return nil
	default:
		return fmt.Errorf("deleting %s: the registry answers %d: %s", path, status, body)
	}
}

func (r *registry) do(ctx context.Context, method, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base.JoinPath(path).String(), http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("User-Agent", UserAgent)
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return response.StatusCode, strings.TrimSpace(string(body)), err
}
