// Package azureserver is the Azure of the tests: one process that serves, under the names of one domain, what the operator
// and the registry need of a cloud.
//
//	login.DOMAIN           tokens: client secrets, and client assertions (federated tokens, certificates)
//	management.DOMAIN      Azure Resource Manager: storage accounts, private endpoints, private DNS, virtual networks
//	ACCOUNT.blob.DOMAIN    blobs, by Microsoft's Azurite behind a front that closes accounts as Azure does
//
// All names are served by one TLS listener; a CONNECT proxy leads to it, so that clients need no DNS and no ports.
//
// Resource Manager is written for these tests, and strict: unknown fields, unknown parents, missing api-versions and
// missing rights are refused with Azure's codes. The SDK's own fakes would not do: they tell operations under way in a
// header of their own that no cloud sends, they decode bodies leniently, and they know no rights. Operations take as many
// looks as a test asks for (Settings.Looks), whichever way they are looked at, so that nothing depends on time.
//
// The admin API, JSON throughout:
//
//	GET    /healthz
//	GET    /requests?after=N     Requests: those recorded after number N; DELETE /requests: forget them
//	PUT    /faults               []Fault replaces all; DELETE /faults: none
//	PUT    /settings             Settings
//	GET    /resources            []Resource
//	PUT    /resources            Resource: plants one that somebody else made
//	DELETE /resources?id=ID      takes one away behind the operator's back
//	PUT    /keys?account=NAME    rotates the keys of an account
//	PUT    /taken?account=NAME   a name that somebody else in the world has
package azureserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/connect"
)

// Options say what to serve and where.
type Options struct {
	ListenTLS, ListenAdmin, ListenProxy string
	// CertFile and KeyFile are for the names of Domain.
	CertFile, KeyFile string
	Domain            string
	// PublicCloud has the names of Azure's public cloud served as well.
	PublicCloud bool
	// DataDir holds the blobs.
	DataDir string
	// Azurite is the folder of the npm package, Node the program that runs it.
	Azurite, Node string
	Identity      Identity
	// Ready is called once, when all listeners accept.
	Ready func(Addresses)
}

// Identity is who may ask for tokens, and where that leads.
type Identity struct {
	Tenant       string `json:"tenant"`
	Client       string `json:"client"`
	Secret       string `json:"secret"`
	Assertion    string `json:"assertion"`
	Subscription string `json:"subscription"`
	// Groups are the resource groups of the subscription.
	Groups []string `json:"groups"`
}

// Addresses are those in use.
type Addresses struct {
	TLS   string `json:"tls"`
	Admin string `json:"admin"`
	Proxy string `json:"proxy"`
}

func (o Options) validate() error {
	for name, value := range map[string]string{
		"a certificate": o.CertFile, "a key": o.KeyFile, "a domain": o.Domain, "a data folder": o.DataDir, "the folder of azurite": o.Azurite,
		"a tenant": o.Identity.Tenant, "a client": o.Identity.Client, "a secret": o.Identity.Secret, "a subscription": o.Identity.Subscription,
	} {
		if value == "" {
			return fmt.Errorf("azure server: %s must be given", name)
		}
	}
	return nil
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return fmt.Errorf("azure server: loading the certificate: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blobs, err := startAzurite(ctx, o)
	if err != nil {
		return fmt.Errorf("azure server: %w", err)
	}
	f := newFront(o, blobs)
	s := &servers{failed: make(chan error, 4)}
	defer s.close()
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	main, err := s.serve(ctx, o.ListenTLS, &http.Server{Handler: f, TLSConfig: config})
	if err != nil {
		return fmt.Errorf("azure server: %w", err)
	}
	admin, err := s.serve(ctx, o.ListenAdmin, &http.Server{Handler: f.admin()})
	if err != nil {
		return fmt.Errorf("azure server: %w", err)
	}
	proxy, err := s.serve(ctx, o.ListenProxy, &http.Server{
		Handler: &connect.Proxy{Target: main, Allowed: f.leadsHere}, BaseContext: func(net.Listener) context.Context { return ctx },
	})
	if err != nil {
		return fmt.Errorf("azure server: %w", err)
	}
	if o.Ready != nil {
		o.Ready(Addresses{TLS: main, Admin: admin, Proxy: proxy})
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-s.failed:
	case <-blobs.ended:
		err = fmt.Errorf("azurite: %w", errors.Join(errEnded, blobs.failure))
	}
	// What a fault holds would never end.
	f.faults.Replace(nil)
	cancel()
	<-blobs.ended
	return err
}

type servers struct {
	all    []*http.Server
	failed chan error
}

func (s *servers) serve(ctx context.Context, address string, server *http.Server) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	server.ReadHeaderTimeout = time.Minute
	s.all = append(s.all, server)
	go func() {
		var err error
		if server.TLSConfig != nil {
			err = server.ServeTLS(listener, "", "")
		} else {
			err = server.Serve(listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return listener.Addr().String(), nil
}

func (s *servers) close() {
	for _, server := range s.all {
		_ = server.Close()
	}
}
