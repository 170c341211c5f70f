package operator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestImpatient(t *testing.T) {
	for _, tc := range []struct {
		name   string
		method string
		answer string // of the answers with status 429
		busy   int    // how many of them
		calls  int
		status int
	}{
		{name: "an answer is an answer", method: http.MethodGet, busy: 0, calls: 1, status: 200},
		{name: "a kind that is being opened is asked for again", method: http.MethodGet, answer: "storage is (re)initializing", busy: 3, calls: 4, status: 200},
		{name: "but not for ever", method: http.MethodGet, answer: "storage is (re)initializing", busy: 100, calls: initializingTries, status: 429},
		{name: "any other throttling is obeyed", method: http.MethodGet, answer: "too many requests", busy: 3, calls: 1, status: 429},
		{name: "nothing is written twice", method: http.MethodPost, answer: "storage is (re)initializing", busy: 3, calls: 1, status: 429},
	} {
		t.Run(tc.name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls <= tc.busy {
					http.Error(w, tc.answer, http.StatusTooManyRequests)
				}
			}))
			defer server.Close()
			request, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := impatient{http.DefaultTransport}.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != tc.status || calls != tc.calls {
				t.Errorf("%d calls and status %d, want %d and %d", calls, response.StatusCode, tc.calls, tc.status)
			}
			if tc.status == http.StatusTooManyRequests && string(body) != tc.answer+"\n" {
				t.Errorf("the answer was lost: %q, %v", body, err)
			}
		})
	}
	t.Run("the end of the request ends the waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, initializing, http.StatusTooManyRequests)
			cancel()
		}))
		defer server.Close()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := impatient{http.DefaultTransport}.RoundTrip(request)
		if response != nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
