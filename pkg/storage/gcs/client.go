package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	defaultEndpoint = "https://storage.googleapis.com"
	// maxBody bounds an answer in memory: a page of a thousand objects is well below.
	maxBody      = 16 << 20
	maxErrorBody = 64 << 10
)

// clientConfig is everything that makes one client differ from another.
type clientConfig struct {
	options     Options
	credentials credentials
	version     string
}

// pool keeps the last client with its connections and access tokens.
type pool struct{ transport.Last[*client] }

func (p *pool) client(config clientConfig) (*client, error) {
	bundle := storage.CABundle{PEM: config.options.CA, SystemRoots: true}
	return p.For([]any{config.credentials.text, config.version}, bundle, func(connections *http.Transport) (*client, error) {
		return newClient(config, connections), nil
	})
}

// client speaks the JSON API of Cloud Storage and the part of Resource Manager that binds tags.
type client struct {
	endpoint, resourceManager string
	agent                     string
	timeout                   time.Duration
	connections               *http.Transport
	storage, tags             *tokens
	// pending are operations that had not ended when they were looked at last.
	pending pending
}

func newClient(config clientConfig, connections *http.Transport) *client {
	// As many as delete objects at a time: further ones would be closed and opened again.
	connections.MaxIdleConnsPerHost = parallel
	c := &client{
		endpoint:        config.options.Endpoint,
		resourceManager: config.options.ResourceManager,
		agent:           "openshift.io cluster-image-registry-operator/" + config.version,
		timeout:         config.options.CallTimeout,
		connections:     connections,
		storage:         &tokens{credentials: config.credentials, scope: scopeStorage, transport: connections},
		tags:            &tokens{credentials: config.credentials, scope: scopeTags, transport: connections},
	}
	if c.endpoint == "" {
		c.endpoint = defaultEndpoint
	}
	return c
}

// call is one request. The zero body sends none.
type call struct {
	method, url string
	query       url.Values
	body        any
	tokens      *tokens
}

// do makes a call with the deadline that every call has, and decodes the answer into out unless that is nil. It does not
// try again: the controller does, after a while and not before a server that asks for patience wants it.
func (c *client) do(ctx context.Context, r call, out any) error {
	_, err := transport.Within(ctx, c.timeout, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.once(ctx, r, out)
	})
	return err
}

func (c *client) once(ctx context.Context, r call, out any) error {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return fmt.Errorf("encoding a request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, r.address(), body)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.send(request, r.tokens)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decoding the answer to %s %s: %w", r.method, request.URL.Path, err)
	}
	return nil
}

func (r call) address() string {
	if len(r.query) == 0 {
		return r.url
	}
	return r.url + "?" + r.query.Encode()
}

// send sends a request with an access token. A refusal is an *apiError, and the answer closed.
func (c *client) send(request *http.Request, source *tokens) (*http.Response, error) {
	token, err := source.get(request.Context())
	if err != nil {
		return nil, err
	}
	token.SetAuthHeader(request)
	request.Header.Set("User-Agent", c.agent)
	// The transport itself: neither API redirects, and following one would hand out the token.
	response, err := c.connections.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized {
		source.forget()
	}
	return nil, newAPIError(response)
}
