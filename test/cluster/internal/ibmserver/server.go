// Package ibmserver is as much of IBM Cloud as storage for images needs, in one process on loopback: object storage, which
// is the S3 server of the test clusters behind a front that knows IAM tokens, and strict stand-ins for IAM, the Resource
// Controller and the Resource Manager. There is nothing of these three to run here: they are hosted services only.
//
// The admin API, JSON throughout (that of the S3 server, on an address of its own, has objects and faults of storage):
//
//	GET    /requests                []Record of the three services
//	DELETE /requests                forget them
//	PUT    /faults                  []Fault replaces all
//	DELETE /faults                  none; held requests are let go
//	GET    /instances               []Instance
//	PUT    /instances/NAME?account= make one with a key, past the API; answers Made
//	PUT    /states/NAME?state=      change the state of the instances of that name
//	DELETE /tokens                  every token that was issued is refused from now on
//
// Where the real thing differs: every resource key has the same HMAC pair per account; buckets of a removed instance are
// hidden, not deleted; a new instance is active at once unless Provisioning asks otherwise.
package ibmserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
)

// Options say what to serve.
type Options struct {
	// CertFile and KeyFile are for 127.0.0.1.
	CertFile, KeyFile string
	// DataDir holds the buckets.
	DataDir string
	// Location is the only one that is served.
	Location string
	// Group is the only resource group.
	Group string
	// Main and Other are the two accounts.
	Main, Other Account
	// Provisioning is for how many looks a new instance is being provisioned.
	Provisioning int
	// Ready is called once, when all listeners accept.
	Ready func(Addresses)
}

// Account is one tenant.
type Account struct {
	ID     string `json:"id"`
	APIKey string `json:"apiKey"`
	// HMAC is the pair of its resource keys.
	HMAC s3server.Account `json:"hmac"`
}

// Addresses are those in use.
type Addresses struct {
	COS      string `json:"cos"`
	Services string `json:"services"`
	Admin    string `json:"admin"`
	S3Admin  string `json:"s3admin"`
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	storage := make(chan s3server.Addresses, 1)
	failed := make(chan error, 4)
	go func() {
		failed <- s3server.Run(ctx, s3server.Options{
			ListenTLS: "127.0.0.1:0", ListenAdmin: "127.0.0.1:0", CertFile: o.CertFile, KeyFile: o.KeyFile, Domain: "127.0.0.1",
			Region: o.Location, DataDir: filepath.Join(o.DataDir, "s3"), Accounts: s3server.Accounts{Main: o.Main.HMAC, Other: o.Other.HMAC},
			Ready: func(a s3server.Addresses) { storage <- a },
		})
	}()
	select {
	case err := <-failed:
		return err
	case s3 := <-storage:
		return serve(ctx, o, s3, failed)
	}
}

func serve(ctx context.Context, o Options, s3 s3server.Addresses, failed chan error) error {
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return fmt.Errorf("loading the certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	c := newCloud(o)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	addresses := Addresses{S3Admin: s3.Admin}
	var servers []*http.Server
	for _, l := range []struct {
		address *string
		handler http.Handler
		tls     *tls.Config
	}{{&addresses.COS, newStorageFront(c, s3.TLS, roots), config}, {&addresses.Services, c.services(), config}, {&addresses.Admin, c.admin(), nil}} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*l.address = listener.Addr().String()
		server := &http.Server{Handler: l.handler, ReadHeaderTimeout: time.Minute, TLSConfig: l.tls}
		servers = append(servers, server)
		go func() {
			if server.TLSConfig != nil {
				failed <- server.ServeTLS(listener, "", "")
				return
			}
			failed <- server.Serve(listener)
		}()
	}
	o.Ready(addresses)
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	c.faults.Replace(nil)
	for _, server := range servers {
		err = errors.Join(err, server.Close())
	}
	return err
}
