// Package gcsserver is Google Cloud Storage for tests: fake-gcs-server behind a small strict front, in one process.
//
// fake-gcs-server does what is hard: objects, their generations, uploads of every kind, listings. The front terminates TLS
// for all of Google's APIs, records every request, injects faults, and is what fake-gcs-server is not: tokens (service
// accounts and workload identity), projects that own their buckets, permissions, the attributes of buckets (location,
// labels, key, public access), signed URLs, and the tag bindings of Resource Manager. What it does not know it answers 501.
//
// The admin API, JSON throughout:
//
//	GET    /healthz
//	GET    /requests?after=N, DELETE /requests   Requests
//	GET    /faults, PUT /faults, DELETE /faults  []Fault
//	DELETE /tokens                               all tokens expire
//	PUT    /world                                World
//	GET    /buckets                              []Bucket
//	PUT    /buckets/NAME?account=A               Attributes; makes a bucket or changes one
//	PUT    /buckets/NAME/versioning              older generations are kept from now on
//	GET    /buckets/NAME/objects                 Objects
//	PUT    /buckets/NAME/objects?count=N&generations=M
//
// Where fake-gcs-server and Google differ, this server is as Google: deleting a bucket that is not empty is a 409, and older
// generations count; creating a bucket needs a location here, because one in US by default is never meant.
package gcsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// shutdownGrace is for requests in flight when the server is told to end.
const shutdownGrace = 3 * time.Second

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("gcs server: %w", err)
	}
	if err := run(ctx, o); err != nil {
		return fmt.Errorf("gcs server: %w", err)
	}
	return nil
}

func run(ctx context.Context, o Options) error {
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return fmt.Errorf("loading the certificate: %w", err)
	}
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, PublicHost: "storage.googleapis.com", ExternalURL: "https://www.googleapis.com",
	})
	if err != nil {
		return fmt.Errorf("starting fake-gcs-server: %w", err)
	}
	defer fake.Stop()
	f := newFront(o.Accounts, fake)
	apis, err := new(net.ListenConfig).Listen(ctx, "tcp", o.ListenTLS)
	if err != nil {
		return err
	}
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", o.ListenAdmin)
	if err != nil {
		return errors.Join(err, apis.Close())
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	servers := []*http.Server{
		{Handler: f, TLSConfig: config, ReadHeaderTimeout: time.Minute},
		{Handler: f.admin(), ReadHeaderTimeout: time.Minute},
	}
	failed := make(chan error, len(servers))
	go func() { failed <- servers[0].ServeTLS(apis, "", "") }()
	go func() { failed <- servers[1].Serve(admin) }()
	if o.Ready != nil {
		o.Ready(Addresses{TLS: apis.Addr().String(), Admin: admin.Addr().String()})
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	// What a fault holds would never end.
	f.faults.Replace(nil)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(deadline) != nil {
			_ = server.Close()
		}
	}
	return err
}
