package registry

import (
	"context"
	"net/http"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
)

// limiter admits requests under a Limit.
type limiter struct {
	running chan struct{}
	queue   chan struct{}
	wait    time.Duration
}

// newLimiter returns nil, which admits everything, for a limit without MaxRunning: nothing can be waiting where
// any number may run.
func newLimiter(l Limit) *limiter {
	if l.MaxRunning == 0 {
		return nil
	}
	return &limiter{
		running: make(chan struct{}, l.MaxRunning),
		queue:   make(chan struct{}, l.MaxInQueue),
		wait:    l.MaxWaitInQueue,
	}
}

// admit returns whether the request may run; done must then be called.
func (l *limiter) admit(ctx context.Context) (done func(), admitted bool) {
	if l == nil {
		return func() {}, true
	}
	release := func() { <-l.running }
	select {
	case l.running <- struct{}{}:
		return release, true
	default:
	}
	select {
	case l.queue <- struct{}{}:
		defer func() { <-l.queue }()
	default:
		return nil, false
	}
	var expired <-chan time.Time
	if l.wait > 0 {
		timer := time.NewTimer(l.wait)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case l.running <- struct{}{}:
		return release, true
	case <-expired:
		return nil, false
	case <-ctx.Done():
		return nil, false
	}
}

// limited applies one limit to requests that read and another to those that write.
func limited(reads, writes Limit, next http.Handler) http.Handler {
	read, write := newLimiter(reads), newLimiter(writes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := write
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			limit = read
		}
		done, admitted := limit.admit(r.Context())
		if !admitted {
			// The error of the registry API, which clients know to retry.
			_ = errcode.ServeJSON(w, errcode.ErrorCodeTooManyRequests.WithMessage("too many requests"))
			return
		}
		defer done()
		next.ServeHTTP(w, r)
	})
}
