package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	repository   = "conformance/image"
	tag          = "latest"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	// chunk is what a client sends at once of a large layer.
	chunk = 6 << 20
)

// Images pushes an image through a registry process that is configured with settings, finds it in the medium, pulls it
// by tag and by digest, and deletes it: operator and registry agree about where the storage is and how to get in.
func Images(t *testing.T, settings storage.Settings, o RegistryOptions) {
	t.Helper()
	r := StartRegistry(t, settings, o)
	c := r.client(t)
	image := c.push(t)
	for _, blob := range image.blobs() {
		if !r.holds(t, blobPath(digestOf(blob))) {
			t.Errorf("the medium does not have %s", blobPath(digestOf(blob)))
		}
	}
	c.pull(t, image)
	c.remove(t, image, o.BinaryVariable == "")
	if o.BinaryVariable == "" && r.holds(t, blobPath(digestOf(image.layers[1]))) {
		t.Error("the medium still has a blob that was removed")
	}
}

// image is what is pushed: a config and two layers, of which the second is larger than what storage takes at once.
type image struct {
	config   []byte
	layers   [][]byte
	manifest []byte
}

func (i image) blobs() [][]byte { return append([][]byte{i.config, i.manifest}, i.layers...) }

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// newImage makes an image whose content no compression shortens.
func newImage(t *testing.T) image {
	t.Helper()
	i := image{config: []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)}
	var seed [32]byte
	copy(seed[:], t.Name())
	source := rand.NewChaCha8(seed)
	var layers []descriptor
	for _, size := range []int{70_001, 2*chunk + 4321} {
		layer := make([]byte, size)
		_, _ = source.Read(layer) // never fails
		i.layers = append(i.layers, layer)
		layers = append(layers, descriptor{"application/vnd.oci.image.layer.v1.tar", digestOf(layer), size})
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "layers": layers,
		"config": descriptor{"application/vnd.oci.image.config.v1+json", digestOf(i.config), len(i.config)},
	})
	if err != nil {
		t.Fatal(err)
	}
	i.manifest = manifest
	return i
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// blobPath is where the registry keeps a blob.
func blobPath(digest string) string {
	sum := strings.TrimPrefix(digest, "sha256:")
	return "/docker/registry/v2/blobs/sha256/" + sum[:2] + "/" + sum + "/data"
}

// client is one of the registry, and of the storage that it redirects to.
type client struct {
	registry string
	http     *http.Client
}

func (r *Registry) client(t *testing.T) *client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.options.CA)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport.DialContext = dialer.DialContext
	if len(r.options.Hosts) > 0 {
		hosts := r.options.Hosts
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err == nil && hosts[host] != "" {
				address = net.JoinHostPort(hosts[host], port)
			}
			return dialer.DialContext(ctx, network, address)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{registry: r.URL, http: &http.Client{Transport: transport, Timeout: 2 * time.Minute}}
}

// do makes a request and returns the answer, whose status must be the wanted one, with its body.
func (c *client) do(t *testing.T, method, target string, body []byte, header map[string]string, want int) (http.Header, []byte) {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = c.registry + target
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, request.URL.Path, err)
	}
	if response.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d: %.300s", method, request.URL.Path, response.Status, want, answer)
	}
	return response.Header, answer
}

func (c *client) push(t *testing.T) image {
	t.Helper()
	i := newImage(t)
	c.upload(t, i.config, len(i.config))
	c.upload(t, i.layers[0], len(i.layers[0]))
	c.upload(t, i.layers[1], chunk)
	c.do(t, http.MethodPut, manifestURL(tag), i.manifest, map[string]string{"Content-Type": manifestType}, http.StatusCreated)
	return i
}

// upload sends a blob in pieces of at most size bytes.
func (c *client) upload(t *testing.T, blob []byte, size int) {
	t.Helper()
	header, _ := c.do(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil, nil, http.StatusAccepted)
	for begin := 0; begin < len(blob); begin += size {
		end := min(begin+size, len(blob))
		header, _ = c.do(t, http.MethodPatch, c.location(t, header, ""), blob[begin:end], map[string]string{
			"Content-Type": "application/octet-stream", "Content-Range": fmt.Sprintf("%d-%d", begin, end-1),
		}, http.StatusAccepted)
	}
	c.do(t, http.MethodPut, c.location(t, header, digestOf(blob)), nil, nil, http.StatusCreated)
}

// location is where an upload goes on.
func (c *client) location(t *testing.T, header http.Header, digest string) string {
	t.Helper()
	next, err := url.Parse(header.Get("Location"))
	if err != nil || header.Get("Location") == "" {
		t.Fatalf("location %q: %v", header.Get("Location"), err)
	}
	if digest != "" {
		query := next.Query()
		query.Set("digest", digest)
		next.RawQuery = query.Encode()
	}
	return next.String()
}

func manifestURL(reference string) string { return "/v2/" + repository + "/manifests/" + reference }

func blobURL(blob []byte) string { return "/v2/" + repository + "/blobs/" + digestOf(blob) }

// pull compares everything with what was pushed.
func (c *client) pull(t *testing.T, i image) {
	t.Helper()
	accept := map[string]string{"Accept": manifestType}
	for _, reference := range []string{tag, digestOf(i.manifest)} {
		if _, got := c.do(t, http.MethodGet, manifestURL(reference), nil, accept, http.StatusOK); !bytes.Equal(got, i.manifest) {
			t.Errorf("manifest %s is %s, want %s", reference, got, i.manifest)
		}
	}
	for _, blob := range append([][]byte{i.config}, i.layers...) {
		if _, got := c.do(t, http.MethodGet, blobURL(blob), nil, nil, http.StatusOK); !bytes.Equal(got, blob) {
			t.Errorf("blob %s came back as %s (%d of %d bytes)", digestOf(blob), digestOf(got), len(got), len(blob))
		}
	}
}

// remove deletes the manifest and a layer; with data it removes the layer from the medium too, as pruning does with
// OpenShift's registry.
func (c *client) remove(t *testing.T, i image, data bool) {
	t.Helper()
	c.do(t, http.MethodDelete, manifestURL(digestOf(i.manifest)), nil, nil, http.StatusAccepted)
	c.do(t, http.MethodDelete, blobURL(i.layers[1]), nil, nil, http.StatusAccepted)
	if data {
		c.do(t, http.MethodDelete, "/admin/blobs/"+digestOf(i.layers[1]), nil, nil, http.StatusNoContent)
	}
	for _, reference := range []string{tag, digestOf(i.manifest)} {
		c.do(t, http.MethodGet, manifestURL(reference), nil, map[string]string{"Accept": manifestType}, http.StatusNotFound)
	}
	c.do(t, http.MethodGet, blobURL(i.layers[1]), nil, nil, http.StatusNotFound)
	if _, got := c.do(t, http.MethodGet, blobURL(i.layers[0]), nil, nil, http.StatusOK); !bytes.Equal(got, i.layers[0]) {
		t.Error("another layer than the deleted one is gone")
	}
}
