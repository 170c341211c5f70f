// Package records keeps the requests that a stand-in of a cloud has answered, in their order. A client that has its answer
// finds its request recorded.
package records

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// maxRecords bounds the memory of a server that runs for days; the oldest go first.
const maxRecords = 50000

// Requests is what a server's administrator is told.
type Requests[T any] struct {
	// Last is the greatest number so far: what to ask after the next time.
	Last     int64 `json:"last"`
	Requests []T   `json:"requests"`
}

// Log keeps entries of type T. Each gets a number, from 1, that never repeats, not even after the log was cleared.
type Log[T any] struct {
	// seq is where an entry has its number.
	seq func(entry *T) *int64

	mu      sync.Mutex
	last    int64
	entries []T
}

// New makes an empty log; seq is where an entry has its number.
func New[T any](seq func(entry *T) *int64) *Log[T] { return &Log[T]{seq: seq} }

// Add appends an entry.
func (l *Log[T]) Add(entry T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	*l.seq(&entry) = l.last
	l.entries = append(l.entries, entry)
	if excess := len(l.entries) - maxRecords; excess > 0 {
		l.entries = append([]T(nil), l.entries[excess:]...)
	}
}

// After returns the entries with a greater number.
func (l *Log[T]) After(number int64) Requests[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := Requests[T]{Last: l.last, Requests: []T{}}
	for i := range l.entries {
		if *l.seq(&l.entries[i]) > number {
			found.Requests = append(found.Requests, l.entries[i])
		}
	}
	return found
}

// clear forgets the entries.
func (l *Log[T]) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// Register serves the log to a server's administrator: GET /requests?after=N and DELETE /requests.
func (l *Log[T]) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) {
		var after int64
		if text := r.URL.Query().Get("after"); text != "" {
			var err error
			if after, err = strconv.ParseInt(text, 10, 64); err != nil {
				http.Error(w, fmt.Sprintf("after: %v", err), http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(l.After(after))
	})
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		l.clear()
		w.WriteHeader(http.StatusNoContent)
	})
}
