package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// Scopes of access tokens. The wider one is asked for only where there are tags to bind.
const (
	scopeStorage = "https://www.googleapis.com/auth/devstorage.full_control"
	scopeTags    = "https://www.googleapis.com/auth/cloud-platform"
)

// expiryMargin is how long before its end a token is replaced: longer than a call with it may take.
const expiryMargin = 2 * time.Minute

// tokens gives access tokens of one scope, and keeps the last.
type tokens struct {
	credentials credentials
	scope       string
	transport   http.RoundTripper

	mu   sync.Mutex
	last *oauth2.Token
}

// get returns a token that will last for the call.
func (t *tokens) get(ctx context.Context) (*oauth2.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.last != nil && time.Until(t.last.Expiry) > expiryMargin {
		return t.last, nil
	}
	// A source is made for one token, because it keeps the context it was made with: that of the call.
	witness := &witness{next: t.transport, bound: func(r *http.Request) *http.Request { return r.WithContext(ctx) }}
	client := &http.Client{Transport: witness}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	found, err := google.CredentialsFromJSONWithType(ctx, t.credentials.text, t.credentials.kind, t.scope)
	if err == nil {
		t.last, err = found.TokenSource.Token()
	}
	if err != nil {
		t.last = nil
		return nil, witness.explain(err)
	}
	return t.last, nil
}

// forget drops a token that was refused.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = nil
}

// tokenError is a failure to get an access token.
type tokenError struct {
	// code is that of the token service, or empty when it gave none.
	code, message string
	status        int
	header        http.Header
	err           error
}

// Error implements error.
func (e *tokenError) Error() string { return fmt.Sprintf("getting an access token: %v", e.err) }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *tokenError) Unwrap() error { return e.err }

// witness sees how a request for a token ends: the library turns answers and broken connections alike into text, of which
// no decision can be made. It also gives the requests the deadline of the call, which the library does not always do.
type witness struct {
	next http.RoundTripper
	// bound gives a request the context of the call.
	bound func(*http.Request) *http.Request
	seen  *tokenError
}

// RoundTrip implements http.RoundTripper.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(w.bound(r))
	if err != nil {
		w.seen = &tokenError{err: err}
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	_ = response.Body.Close()
	if err != nil {
		w.seen = &tokenError{err: err}
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	w.seen = refusal(response.StatusCode, response.Header, body)
	return response, nil
}

// refusal reads the answer of a token service, which has one of two forms: OAuth's, and that of Google's other APIs.
func refusal(status int, header http.Header, body []byte) *tokenError {
	e := &tokenError{status: status, header: header, code: strconv.Itoa(status), message: http.StatusText(status)}
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	var other struct {
		Error struct{ Status, Message string }
	}
	switch {
	case json.Unmarshal(body, &oauth) == nil && oauth.Error != "":
		e.code, e.message = oauth.Error, oauth.Description
	case json.Unmarshal(body, &other) == nil && other.Error.Status != "":
		e.code, e.message = other.Error.Status, other.Error.Message
	}
	e.err = fmt.Errorf("%s: %s", e.code, e.message)
	return e
}

// explain is what has been seen, or for a failure before any request (a token file that cannot be read, a key that is no
// key) what the library says.
func (w *witness) explain(err error) error {
	if w.seen != nil {
		return w.seen
	}
	return &tokenError{message: err.Error(), err: err}
}
