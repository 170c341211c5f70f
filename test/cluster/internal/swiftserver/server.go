// Package swiftserver is an OpenStack object storage for tests: Debian's Swift, started without installing it, with a
// stand-in for Keystone, behind a front with TLS that records requests and injects faults.
//
// Swift is the real one: proxy, account, container and object server, memcached; one replica on one folder. Its
// middleware asks the stand-in about every token, as it would ask Keystone. The front serves Keystone at /v3 and at
// /identity/v3, and Swift at /v1.
//
// The admin API, without TLS:
//
//	GET    /requests?after=N   what was asked after number N
//	PUT    /faults             []Fault replaces all
//	DELETE /faults             none; held requests are let go
//	DELETE /tokens             revokes all tokens of clients
//	*      /v1/…, /v3/…        Swift and Keystone past the front
package swiftserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

const loopback = "127.0.0.1"

// Options are what a server needs.
type Options struct {
	// Packages is the folder into which Debian's packages were unpacked.
	Packages string
	// Keystone is the folder into which Debian's packages of Keystone were unpacked; empty for the stand-in.
	Keystone string
	// DataDir is a folder for objects, configuration and logs.
	DataDir string
	// CertFile and KeyFile are for the front, at 127.0.0.1.
	CertFile, KeyFile string
	Directory         Directory
	// Ready is called when requests are accepted.
	Ready func(Addresses)
}

// Addresses are where the server is.
type Addresses struct {
	// TLS is host:port of the front, Admin that of the admin API.
	TLS   string `json:"tls"`
	Admin string `json:"admin"`
}

// Run serves until ctx ends. Its error is ErrMissing where Swift is not there.
func Run(ctx context.Context, o Options) error {
	p := programs{o.Packages}
	if err := p.find(); err != nil {
		return err
	}
	if err := o.Directory.complete(); err != nil {
		return fmt.Errorf("the directory of users: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return fmt.Errorf("loading the certificate: %w", err)
	}
	dir, logs, err := folders(o.DataDir)
	if err != nil {
		return err
	}
	listeners, err := listen(ctx, 3)
	if err != nil {
		return err
	}
	free, err := freePorts(ctx, 6)
	if err != nil {
		return err
	}
	outside := "https://" + listeners[0].Addr().String()
	k := newKeystone(o.Directory, outside, "http://"+listeners[2].Addr().String())
	who := o.identities(k, dir, outside, free[5])
	f := newFront(who.handler, free[0])
	failed := serve(ctx, listeners, &certificate, f, adminHandler(f, k), who.handler)

	group := process.NewGroup(logs)
	defer group.Stop()
	at := ports{
		proxy: free[0], account: free[1], container: free[2], object: free[3], memcached: free[4],
		keystone: listeners[2].Addr().(*net.TCPAddr).Port,
	}
	if err := who.startSwift(ctx, group, p, dir, at); err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(Addresses{TLS: listeners[0].Addr().String(), Admin: listeners[1].Addr().String()})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case err := <-group.Ended():
		return err
	}
}

// folders makes the folder of logs, and returns the one that it is in without links to the current folder.
func folders(data string) (dir, logs string, err error) {
	if dir, err = filepath.Abs(data); err != nil {
		return "", "", fmt.Errorf("resolving %s: %w", data, err)
	}
	logs = filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return "", "", fmt.Errorf("making the folder of logs: %w", err)
	}
	return dir, logs, nil
}

func listen(ctx context.Context, n int) ([]net.Listener, error) {
	listeners := make([]net.Listener, n)
	for i := range listeners {
		var err error
		if listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", loopback+":0"); err != nil {
			return nil, fmt.Errorf("listening: %w", err)
		}
	}
	return listeners, nil
}

// serve serves the front with TLS, then the admin API and Keystone for Swift without, until ctx ends.
func serve(ctx context.Context, listeners []net.Listener, certificate *tls.Certificate, handlers ...http.Handler) <-chan error {
	failed := make(chan error, len(listeners))
	for i, listener := range listeners {
		server := &http.Server{Handler: handlers[i], ReadHeaderTimeout: time.Minute, ErrorLog: log.New(quiet{}, "", 0)}
		if i == 0 {
			listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}})
		}
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving: %w", err)
			}
		}()
		context.AfterFunc(ctx, func() { _ = server.Close() })
	}
	return failed
}

// quiet drops what servers say about clients that do not trust them or go away: tests make such clients on purpose.
type quiet struct{}

func (quiet) Write(text []byte) (int, error) { return len(text), nil }
