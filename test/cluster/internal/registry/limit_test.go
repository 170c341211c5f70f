package registry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// blocked is a handler that tells when a request arrived and holds it until released.
type blocked struct{ arrived, release chan struct{} }

func newBlocked() *blocked {
	return &blocked{arrived: make(chan struct{}, 10), release: make(chan struct{})}
}

// ServeHTTP holds the request.
func (b *blocked) ServeHTTP(http.ResponseWriter, *http.Request) {
	b.arrived <- struct{}{}
	<-b.release
}

func send(ctx context.Context, handler http.Handler, method string) <-chan int {
	status := make(chan int, 1)
	go func() {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(method, "/v2/", nil).WithContext(ctx))
		status <- answer.Code
	}()
	return status
}

// await receives, or fails the test where nothing comes: a hang would say less.
func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case value := <-from:
		return value
	case <-deadline.Done():
		t.Fatalf("waiting for %s", what)
		panic("unreachable")
	}
}

func TestRequestsBeyondTheQueueAreRefused(t *testing.T) {
	held := newBlocked()
	handler := limited(Limit{MaxRunning: 1}, Limit{MaxRunning: 1, MaxInQueue: 1}, held)
	running := send(t.Context(), handler, http.MethodGet)
	<-held.arrived
	if status := await(t, "a second read", send(t.Context(), handler, http.MethodHead)); status != http.StatusTooManyRequests {
		t.Errorf("a second read without a queue: %d", status)
	}
	// Writes have a limit of their own: one runs, one waits, the third is too many.
	first := send(t.Context(), handler, http.MethodPut)
	await(t, "the first write to run", held.arrived)
	second, third := send(t.Context(), handler, http.MethodPost), send(t.Context(), handler, http.MethodPatch)
	var waiting <-chan int
	select {
	case status := <-second:
		if status != http.StatusTooManyRequests {
			t.Errorf("the refused write: %d", status)
		}
		waiting = third
	case status := <-third:
		if status != http.StatusTooManyRequests {
			t.Errorf("the refused write: %d", status)
		}
		waiting = second
	}
	close(held.release)
	for name, ended := range map[string]<-chan int{"read": running, "write": first, "queued write": waiting} {
		if status := await(t, "the "+name, ended); status != http.StatusOK {
			t.Errorf("the %s ended with %d", name, status)
		}
	}
	// Slots come back.
	if status := await(t, "a later read", send(t.Context(), handler, http.MethodGet)); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

func TestAQueuedRequestDoesNotWaitForEver(t *testing.T) {
	for name, c := range map[string]struct {
		wait   time.Duration
		cancel bool
	}{
		"its time is over": {wait: time.Millisecond},
		"its client left":  {cancel: true},
	} {
		t.Run(name, func(t *testing.T) {
			held := newBlocked()
			handler := limited(Limit{MaxRunning: 1, MaxInQueue: 1, MaxWaitInQueue: c.wait}, Limit{}, held)
			running := send(t.Context(), handler, http.MethodGet)
			<-held.arrived
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			queued := send(ctx, handler, http.MethodGet)
			if c.cancel {
				cancel()
			}
			if status := await(t, "the queued request", queued); status != http.StatusTooManyRequests {
				t.Errorf("the queued request ended with %d", status)
			}
			close(held.release)
			<-running
		})
	}
}

func TestNoLimitAdmitsAll(t *testing.T) {
	held := newBlocked()
	handler := limited(Limit{MaxInQueue: 1}, Limit{}, held)
	for range 5 {
		send(t.Context(), handler, http.MethodGet)
	}
	for range 5 {
		await(t, "five requests to run at once", held.arrived)
	}
	close(held.release)
}
