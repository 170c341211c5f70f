package operator

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// initializing is in the API server's answer while it fills the cache behind a kind, which it does at the first
	// request for it. That takes a tenth of a second, but the answer says to come back after a whole one.
	initializing = "storage is (re)initializing"
	// initializingPause and initializingTries bound how we come back; then the client's own patience takes over.
	initializingPause = 50 * time.Millisecond
	initializingTries = 15
)

// impatient repeats watches of kinds that the API server is just opening. The first start in a new cluster would
// otherwise wait a second for Config. Any other throttling is obeyed.
type impatient struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (i impatient) RoundTrip(request *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		response, err := i.next.RoundTrip(request)
		if err != nil || try == initializingTries || request.Method != http.MethodGet || !isInitializing(response) {
			return response, err
		}
		_ = response.Body.Close()
		timer := time.NewTimer(initializingPause)
		select {
		case <-request.Context().Done():
			timer.Stop()
			return nil, request.Context().Err()
		case <-timer.C:
		}
	}
}

// WrappedRoundTripper lets the client library find the transport below.
func (i impatient) WrappedRoundTripper() http.RoundTripper { return i.next }

// isInitializing looks into the answer and leaves it readable.
func isInitializing(response *http.Response) bool {
	if response.StatusCode != http.StatusTooManyRequests {
		return false
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && strings.Contains(string(body), initializing)
}
