// Package transport is what talking to a cloud over HTTP has in common: whom to trust, how to connect, how long to wait,
// and what a failure was in words that stay the same from call to call.
package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// DefaultCallTimeout bounds one call to a cloud with all its retries.
const DefaultCallTimeout = 30 * time.Second

// New makes a transport that trusts bundle. The caller owns its connections: one transport serves one configuration of
// a backend, and is closed (CloseIdleConnections) when another takes its place.
func New(bundle storage.CABundle) (*http.Transport, error) {
	pool, err := Roots(bundle)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool},
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          100,
		ForceAttemptHTTP2:     true,
	}, nil
}

// Within makes one call with a deadline of its own. A call that runs out of it fails with a *TimeoutError, which tells it
// from one that was cancelled with everything else.
func Within[O any](ctx context.Context, limit time.Duration, call func(context.Context) (O, error)) (O, error) {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := call(timed)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return out, &TimeoutError{After: limit, Err: err}
	}
	return out, err
}

// TimeoutError is a call that got no answer in its own time.
type TimeoutError struct {
	After time.Duration
	// Err is how the call ended.
	Err error
}

// Error implements error.
func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// Unwrap gives the end of the call to errors.Is and errors.As.
func (e *TimeoutError) Unwrap() error { return e.Err }
