package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Untrusted tells that the server's certificate was refused.
func Untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname)
}

// Cause is the cause of a connection failure without the ports and request ids that differ from call to call: they would
// rewrite a condition with every retry.
func Cause(err error) string {
	var timeout *TimeoutError
	if errors.As(err, &timeout) {
		return timeout.Error()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Sprintf("host %s: %s", dns.Name, dns.Err)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// Cancelled tells that the operator is shutting down: nothing is to be concluded from a failure.
func Cancelled(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// maxRetryAfter is how long a server may make us wait.
const maxRetryAfter = 5 * time.Minute

// RetryAfter is what the Retry-After header of a refusal asks for, five minutes at most; zero without one. Clouds write
// seconds, proxies before them a date as well.
func RetryAfter(status int, header http.Header) time.Duration {
	return retryAfter(status, header, time.Now())
}

func retryAfter(status int, header http.Header, now time.Time) time.Duration {
	if status < http.StatusTooManyRequests {
		return 0
	}
	asked := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(asked, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(asked)
	if err != nil {
		return 0
	}
	// By the clock that the date was read from, where the answer tells: ours may be another.
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		now = theirs
	}
	return max(0, min(date.Sub(now), maxRetryAfter))
}

// Passing tells whether trying again later may help, by the status of an answer: throttling and faults of the server.
func Passing(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}
