// Package s3server is the S3 server of the test clusters: versitygw behind a small front, in one process.
//
// versitygw (posix backend) does what is hard: signatures, accounts, objects, multipart uploads, listings, tags.
// The front terminates TLS for the endpoint's name and its wildcard (virtual-hosted buckets), records every
// request, injects faults, and answers the three bucket settings that versitygw lacks.
//
// The admin API, JSON throughout:
//
//	GET    /healthz
//	GET    /requests?after=N        Requests: those recorded after number N
//	DELETE /requests                forget them
//	GET    /faults                  []Fault, with their hits
//	PUT    /faults                  []Fault replaces all
//	DELETE /faults                  none; held requests are let go
//	GET    /buckets                 []Bucket
//	PUT    /buckets/NAME?account=A  create as account main or other
//	PUT    /keys/ID                 one more access key of account main; the body is its secret
//	DELETE /keys/ID                 forget an access key
//	PUT    /roles                   Role of account main, which tokens can be exchanged for; replaces that of its ARN
//	DELETE /roles?arn=ARN           forget a role and end its sessions
//	GET    /buckets/NAME/objects    Objects
//
// With Options.Identity the front is also STS, as far as AssumeRoleWithWebIdentity goes: at a name of its own, and at the root
// of the S3 endpoint, where MinIO and Ceph have theirs. AWS's SDK v1, which the registry uses, looks for it there when it is
// given an endpoint for S3. versitygw has an STS too, which fetches the issuer's keys from the issuer; here they are given.
//
// Where versitygw and AWS differ:
//   - Unknown access key id: AWS 403 InvalidAccessKeyId; versitygw's own user databases 404 XAdminUserNotFound.
//     As AWS here: see tenants.
//   - ?publicAccessBlock, ?encryption, ?lifecycle: AWS implements them, versitygw answers 501. As AWS here: see
//     serveSetting. The settings are kept and told, they have no effect on objects.
//   - Creating one's own bucket again: AWS says 409 BucketAlreadyOwnedByYou everywhere but in us-east-1, where it
//     says 200 for old times' sake. versitygw says 409 everywhere, and so does this server: it is the answer that
//     a client has to cope with in the other regions.
//   - Host names outside the domain: AWS takes them for bucket names; here they are a mistake, answered 400.
package s3server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/connect"
	"k8s.io/klog/v2"
)

// shutdownGrace is for requests in flight when the server is told to end.
const shutdownGrace = 3 * time.Second

// Run serves until ctx ends. Only one server can run in a process at a time: versitygw works in the data folder
// as the process's working directory.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("s3 server: %w", err)
	}
	if err := o.absolute(); err != nil {
		return fmt.Errorf("s3 server: %w", err)
	}
	if err := run(ctx, o); err != nil {
		return fmt.Errorf("s3 server: %w", err)
	}
	return nil
}

func run(ctx context.Context, o Options) error {
	// The gateway ends after the listeners, or requests in flight would fail for no reason of theirs.
	gatewayCtx, endGateway := context.WithCancel(context.WithoutCancel(ctx))
	defer endGateway()
	gw, err := startGateway(gatewayCtx, o)
	if err != nil {
		return err
	}
	settings, err := openSettings(filepath.Join(o.DataDir, "settings"))
	if err != nil {
		return err
	}
	sts, err := newTokenService(o.Identity, gw.tenants.roles)
	if err != nil {
		return err
	}
	served, err := listen(ctx, o, newFront(o.Domain, gw, sts, settings))
	if err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(served.addresses)
	}
	select {
	case <-ctx.Done():
	case err = <-served.failed:
	case err = <-gw.ended:
		err = fmt.Errorf("versitygw ended: %w", err)
		// Put back for the wait below.
		gw.ended <- nil
	}
	served.shutdown(ctx)
	endGateway()
	return errors.Join(err, <-gw.ended)
}

// listeners are the three HTTP servers of the process.
type listeners struct {
	addresses Addresses
	servers   []*http.Server
	failed    chan error
	front     *front
}

func listen(ctx context.Context, o Options, f *front) (*listeners, error) {
	l := &listeners{failed: make(chan error, 3), front: f}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("loading the certificate: %w", err)
	}
	s3Listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.ListenTLS)
	if err != nil {
		return nil, err
	}
	adminListener, err := listenAdmin(ctx, o.ListenAdmin)
	if err != nil {
		return nil, errors.Join(err, s3Listener.Close())
	}
	l.addresses.TLS, l.addresses.Admin = s3Listener.Addr().String(), adminListener.Addr().String()
	if err := l.listenProxy(ctx, o, s3Listener.Addr()); err != nil {
		return nil, errors.Join(err, s3Listener.Close(), adminListener.Close())
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	l.serve(s3Listener, &http.Server{Handler: f, TLSConfig: config})
	a := &admin{front: f, gateway: f.gateway, accounts: o.Accounts, region: o.Region, domain: o.Domain}
	l.serve(adminListener, &http.Server{Handler: a.handler()})
	return l, nil
}

// listenAdmin replaces the socket that an earlier process left behind.
func listenAdmin(ctx context.Context, address string) (net.Listener, error) {
	if !isSocket(address) {
		return new(net.ListenConfig).Listen(ctx, "tcp", address)
	}
	if err := os.Remove(address); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return new(net.ListenConfig).Listen(ctx, "unix", address)
}

func (l *listeners) listenProxy(ctx context.Context, o Options, s3 net.Addr) error {
	if o.ListenProxy == "" {
		return nil
	}
	target, err := reachable(s3)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(target)
	if err != nil {
		return fmt.Errorf("address %s: %w", target, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.ListenProxy)
	if err != nil {
		return err
	}
	l.addresses.Proxy = listener.Addr().String()
	l.serve(listener, &http.Server{
		Handler:     &connect.Proxy{Target: target, Allowed: func(address string) error { return leadsHere(address, port, o) }},
		BaseContext: func(net.Listener) context.Context { return ctx },
	})
	return nil
}

// serve runs a server on a listener, with TLS if it is configured.
func (l *listeners) serve(listener net.Listener, server *http.Server) {
	server.ReadHeaderTimeout = time.Minute
	l.servers = append(l.servers, server)
	go func() {
		var err error
		if server.TLSConfig != nil {
			err = server.ServeTLS(listener, "", "")
		} else {
			err = server.Serve(listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			l.failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), err)
		}
	}()
}

func (l *listeners) shutdown(ctx context.Context) {
	// What a fault holds would never end.
	l.front.faults.Replace(nil)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, server := range l.servers {
		if err := server.Shutdown(deadline); err != nil {
			klog.InfoS("closing connections with requests in flight", "reason", err)
			_ = server.Close()
		}
	}
}
