package swift

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// sessionConfig is everything that makes one session differ from another.
type sessionConfig struct {
	Access  access
	Bundle  []byte
	Version string
}

// pool keeps the last session.
type pool struct{ transport.Last[*session] }

func (p *pool) session(config sessionConfig) (*session, error) {
	// The cloud's CA comes beside the system's roots: Keystone and Swift need not have the same.
	bundle := storage.CABundle{PEM: config.Bundle, SystemRoots: true}
	return p.For(config, bundle, func(connections *http.Transport) (*session, error) {
		return &session{access: config.Access, version: config.Version, connections: connections}, nil
	})
}

// session is a token with the endpoint that the catalogue beside it names. It logs in when it is first needed.
type session struct {
	access      access
	version     string
	connections *http.Transport

	mu      sync.Mutex
	current *client
}

type client struct {
	provider *gophercloud.ProviderClient
	// endpoint is the URL of the account, with a slash at its end.
	endpoint string
}

// errNoEndpoint is a catalogue without object storage.
var errNoEndpoint = errors.New("no endpoint of object storage")

// loginError is a failure before Swift was ever asked.
type loginError struct{ err error }

func (e *loginError) Error() string { return "logging in: " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// client returns the client that is logged in; fresh tells that it has just been.
func (s *session) client(ctx context.Context, limit time.Duration) (c *client, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return s.current, false, nil
	}
	// A login that failed half-way is none: the next call tries again.
	if c, err = transport.Within(ctx, limit, s.login); err != nil {
		return nil, false, &loginError{err}
	}
	s.current = c
	return c, true, nil
}

// expired forgets a token that is not accepted any more, unless that has been done already.
func (s *session) expired(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == c {
		s.current = nil
	}
}

func (s *session) login(ctx context.Context) (*client, error) {
	provider, err := openstack.NewClient(s.access.AuthURL)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	provider.HTTPClient = http.Client{
		Transport: s.connections,
		// A redirect would carry the token to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	provider.UserAgent.Prepend("openshift.io cluster-image-registry-operator/" + s.version)
	if err := openstack.Authenticate(ctx, provider, s.access.options()); err != nil {
		return nil, err
	}
	endpoint, err := s.access.endpoint(provider)
	if err != nil {
		return nil, err
	}
	return &client{provider: provider, endpoint: endpoint}, nil
}

// options are the credentials the way the SDK wants them: one method, and a domain either by name or by id.
func (a access) options() gophercloud.AuthOptions {
	o := gophercloud.AuthOptions{IdentityEndpoint: a.AuthURL}
	switch {
	case a.Password == "" && a.TokenID != "":
		// The token has its project already.
		o.TokenID = a.TokenID
		return o
	case a.Password == "" && a.ApplicationID != "":
		o.ApplicationCredentialID, o.ApplicationCredentialSecret = a.ApplicationID, a.ApplicationSecret
		return o
	case a.Password == "":
		o.ApplicationCredentialName, o.ApplicationCredentialSecret = a.ApplicationName, a.ApplicationSecret
	}
	o.Username, o.Password = a.Username, a.Password
	o.TenantID, o.TenantName = a.TenantID, a.Tenant
	if o.DomainID = a.DomainID; o.DomainID == "" {
		o.DomainName = a.Domain
	}
	return o
}

// serviceTypes are the types under which Swift is in catalogues, the one that is looked for first at the beginning.
var serviceTypes = []string{"container", "object-store"}

// endpoint is the public endpoint of the service called swift.
func (a access) endpoint(provider *gophercloud.ProviderClient) (string, error) {
	var first error
	for _, serviceType := range serviceTypes {
		endpoint, err := provider.EndpointLocator(gophercloud.EndpointOpts{
			Type: serviceType, Name: "swift", Region: a.Region, Availability: gophercloud.AvailabilityPublic,
		})
		if err == nil {
			return endpoint, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("%w: %w", errNoEndpoint, first)
}

// do makes one call with the deadline that every call has. A token that has expired is replaced once.
func (b *backend) do(ctx context.Context, method, path string, options gophercloud.RequestOpts) (http.Header, error) {
	for {
		c, fresh, err := b.session.client(ctx, b.options.CallTimeout)
		if err != nil {
			return nil, err
		}
		response, err := transport.Within(ctx, b.options.CallTimeout, func(ctx context.Context) (*http.Response, error) {
			// The SDK reads the body to its end.
			return c.provider.Request(ctx, method, c.endpoint+path, &options)
		})
		if status(err) == http.StatusUnauthorized {
			b.session.expired(c)
			if !fresh && rewind(options) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		return response.Header, nil
	}
}
