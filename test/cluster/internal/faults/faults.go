// Package faults makes requests to a stand-in of a cloud fail the way tests ask for. What a fault matches and how its answer
// is written differs between clouds; the rest is the same for all.
package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Matcher selects requests. An empty field of one matches all.
type Matcher interface {
	// Validate tells what cannot match anything.
	Validate() error
}

// Method checks a matcher's method.
func Method(value string) error {
	if value != strings.ToUpper(value) {
		return errors.New("method must be upper-case")
	}
	return nil
}

// PathPrefix checks a matcher's beginning of a path.
func PathPrefix(value string) error {
	if value != "" && !strings.HasPrefix(value, "/") {
		return errors.New("pathPrefix must start with /")
	}
	return nil
}

// OneOf checks a matcher's field that knows only some values.
func OneOf(field, value string, known ...string) error {
	if value != "" && !slices.Contains(known, value) {
		return fmt.Errorf("%s must be one of %s", field, strings.Join(known, ", "))
	}
	return nil
}

// Fault makes matching requests fail. Faults are tried in their order; the first that matches and is not used up
// is applied, and no other.
type Fault[M Matcher] struct {
	Match M `json:"match"`
	// Status answers the request instead of the server; zero lets the server answer (after Delay).
	Status int `json:"status,omitempty"`
	// Code and Message go into the error document.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// RetryAfter is sent as the header, in seconds.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Headers are added to the answer.
	Headers map[string]string `json:"headers,omitempty"`
	// Delay holds the request back first; a Go duration.
	Delay Duration `json:"delay,omitempty"`
	// Blackhole never answers: the connection is held until the client gives up or the faults are replaced.
	Blackhole bool `json:"blackhole,omitempty"`
	// After lets the server do its work first and answers with Status then: the server's own answer was lost.
	After bool `json:"after,omitempty"`
	// Times bounds how often the fault applies; zero means always.
	Times int `json:"times,omitempty"`
	// Hits counts how often it did; read only.
	Hits int `json:"hits"`
}

// Duration is a time.Duration that is written as Go does: "1.5s".
type Duration time.Duration

// MarshalJSON writes the duration as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads the text of a duration.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	value, err := time.ParseDuration(text)
	*d = Duration(value)
	return err
}

func (f Fault[M]) validate() error {
	for _, rule := range []struct {
		broken bool
		reason string
	}{
		{f.Status != 0 && (f.Status < 200 || f.Status > 599), "status must be 200 to 599"},
		{f.Status == http.StatusOK && f.Message == "", "status 200 needs a message: without one it is no failure"},
		{f.Status == 0 && !f.Blackhole && f.Delay == 0, "needs a status, a delay or blackhole"},
		{f.Status != 0 && f.Blackhole, "blackhole never answers: it takes no status"},
		{f.Status == 0 && f.answers(), "code, message, retryAfter, headers and after need a status"},
		{min(int64(f.Delay), int64(f.Times), int64(f.RetryAfter)) < 0, "delay, times and retryAfter may not be negative"},
	} {
		if rule.broken {
			return errors.New(rule.reason)
		}
	}
	return f.Match.Validate()
}

// answers tells whether anything is set that goes with an answer.
func (f Fault[M]) answers() bool {
	return f.After || f.Code != "" || f.Message != "" || f.RetryAfter != 0 || len(f.Headers) != 0
}

// Set are the faults in force.
type Set[M Matcher] struct {
	mu   sync.Mutex
	list []Fault[M]
	// replaced is closed when they change, which frees the requests that they hold.
	replaced chan struct{}
}

// NewSet makes one without faults.
func NewSet[M Matcher]() *Set[M] { return &Set[M]{replaced: make(chan struct{})} }

// Replace replaces all faults and starts their counts anew.
func (s *Set[M]) Replace(list []Fault[M]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.replaced)
	s.replaced = make(chan struct{})
	s.list = slices.Clone(list)
	for i := range s.list {
		s.list[i].Hits = 0
	}
}

// all are the faults with their hits.
func (s *Set[M]) all() []Fault[M] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault[M]{}, s.list...)
}

// Taken is a fault to apply to one request.
type Taken[M Matcher] struct {
	Fault[M]
	replaced <-chan struct{}
}

// Take returns the fault for a request and counts it; matches tells whether a matcher selects the request. Without one, what
// it returns does nothing.
func (s *Set[M]) Take(matches func(M) bool) Taken[M] {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		candidate := &s.list[i]
		usedUp := candidate.Times > 0 && candidate.Hits >= candidate.Times
		if !usedUp && matches(candidate.Match) {
			candidate.Hits++
			return Taken[M]{*candidate, s.replaced}
		}
	}
	return Taken[M]{}
}

// Read is strict: a misspelt field would make a fault that matches everything.
func Read[M Matcher](in io.Reader) ([]Fault[M], error) {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	var list []Fault[M]
	if err := decoder.Decode(&list); err != nil {
		return nil, err
	}
	for i, fault := range list {
		if err := fault.validate(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i, err)
		}
	}
	return list, nil
}

// Apply does what the fault says around serve, which is the server's own way to answer; refuse writes the cloud's error
// document.
func (t Taken[M]) Apply(w http.ResponseWriter, r *http.Request, refuse func(status int, code, message string), serve func(http.ResponseWriter)) {
	if t.Blackhole {
		select {
		case <-r.Context().Done():
		case <-t.replaced:
		}
		// Not even an answer at the end: the connection breaks.
		panic(http.ErrAbortHandler)
	}
	if t.Delay > 0 {
		timer := time.NewTimer(time.Duration(t.Delay))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-t.replaced:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if t.Status == 0 {
		serve(w)
		return
	}
	if t.After {
		serve(lost{})
	}
	if t.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(t.RetryAfter))
	}
	for name, value := range t.Headers {
		w.Header().Set(name, value)
	}
	refuse(t.Status, t.Code, t.Message)
}

// lost is an answer that never arrives.
type lost http.Header

func (l lost) Header() http.Header            { return http.Header(l) }
func (l lost) WriteHeader(int)                {}
func (l lost) Write(data []byte) (int, error) { return len(data), nil }

// Kind names the fault in a record; it is empty where there is none.
func (f Fault[M]) Kind() string {
	switch {
	case f.Blackhole:
		return "blackhole"
	case f.Status != 0:
		return "answer"
	case f.Delay > 0:
		return "delay"
	}
	return ""
}

// Register serves the set to a server's administrator: GET /faults with their hits, PUT /faults, which replaces all, and
// DELETE /faults.
func (s *Set[M]) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.all())
	})
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		list, err := Read[M](r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Replace(list)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Replace(nil)
		w.WriteHeader(http.StatusNoContent)
	})
}
