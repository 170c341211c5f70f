// Package imageclient pushes, pulls, inspects and deletes images through a registry as a client in the cluster does: by the
// registry's service name, over TLS with the certificate authority that the cluster publishes.
package imageclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// Client talks to one registry.
type Client struct {
	// Host is the registry's name and port as in an image reference.
	Host string
	// Address is what to connect to instead of looking Host up, a service's address and port; empty looks it up.
	Address string
	// CA is the PEM of the authorities to trust; there are no others.
	CA []byte
}

// dialTimeout bounds a connection to a registry that may just be starting.
const dialTimeout = 5 * time.Second

// Push makes an image of layers random layers of size bytes each, pushes it and returns its digest.
func (c Client) Push(ctx context.Context, repository, tag string, layers int, size int64) (string, error) {
	reference, options, err := c.reference(ctx, repository+":"+tag)
	if err != nil {
		return "", err
	}
	image, err := random.Image(size, int64(layers))
	if err != nil {
		return "", fmt.Errorf("making an image: %w", err)
	}
	if err := remote.Write(reference, image, options...); err != nil {
		return "", fmt.Errorf("pushing %s: %w", reference, err)
	}
	digest, err := image.Digest()
	return digest.String(), err
}

// Pull reads the image of that digest whole and checks each layer against its digest; it returns the bytes of all
// layers.
func (c Client) Pull(ctx context.Context, repository, digest string) (int64, error) {
	reference, options, err := c.reference(ctx, repository+"@"+digest)
	if err != nil {
		return 0, err
	}
	// A client would try again, and hide that a registry was away for a moment.
	options = append(options, remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	image, err := remote.Image(reference, options...)
	if err != nil {
		return 0, fmt.Errorf("pulling %s: %w", reference, err)
	}
	if err := validate.Image(image); err != nil {
		return 0, fmt.Errorf("checking %s: %w", reference, err)
	}
	return size(image)
}

// Parts are the blobs of an image.
type Parts struct {
	// Manifest is the digest that the image is pulled by.
	Manifest string `json:"manifest"`
	Config   string `json:"config"`
	Layers   []Part `json:"layers"`
}

// Part is a layer.
type Part struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
}

// Inspect reads the manifest of that digest.
func (c Client) Inspect(ctx context.Context, repository, digest string) (Parts, error) {
	reference, options, err := c.reference(ctx, repository+"@"+digest)
	if err != nil {
		return Parts{}, err
	}
	image, err := remote.Image(reference, options...)
	if err != nil {
		return Parts{}, fmt.Errorf("reading the manifest of %s: %w", reference, err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		return Parts{}, fmt.Errorf("decoding the manifest of %s: %w", reference, err)
	}
	parts := Parts{Manifest: digest, Config: manifest.Config.Digest.String(), Layers: []Part{}}
	for i := range manifest.Layers {
		layer := &manifest.Layers[i]
		parts.Layers = append(parts.Layers, Part{Digest: layer.Digest.String(), Size: layer.Size, MediaType: string(layer.MediaType)})
	}
	return parts, nil
}

func size(image v1.Image) (int64, error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, layer := range layers {
		bytes, err := layer.Size()
		if err != nil {
			return 0, err
		}
		total += bytes
	}
	return total, nil
}

// Delete removes the manifest of that digest and asks for it again: the registry must not have it any more.
func (c Client) Delete(ctx context.Context, repository, digest string) error {
	reference, options, err := c.reference(ctx, repository+"@"+digest)
	if err != nil {
		return err
	}
	if err := remote.Delete(reference, options...); err != nil {
		return fmt.Errorf("deleting %s: %w", reference, err)
	}
	_, err = remote.Head(reference, options...)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	}
	if err == nil {
		return fmt.Errorf("deleting %s: it is still there", reference)
	}
	return fmt.Errorf("looking for %s after deleting it: %w", reference, err)
}

func (c Client) reference(ctx context.Context, rest string) (name.Reference, []remote.Option, error) {
	reference, err := name.ParseReference(c.Host+"/"+rest, name.StrictValidation)
	if err != nil {
		return nil, nil, fmt.Errorf("image reference %s/%s: %w", c.Host, rest, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.CA) {
		return nil, nil, errors.New("the certificate authority has no certificate")
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	roundTripper := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if c.Address != "" && address == c.Host {
				address = c.Address
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
	return reference, []remote.Option{remote.WithContext(ctx), remote.WithTransport(roundTripper)}, nil
}
