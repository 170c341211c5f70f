package s3server

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

// Fault makes matching requests fail. Faults are tried in their order; the first that matches and is not used up
// is applied, and no other.
type Fault struct {
	Match Match `json:"match"`
	// Status answers the request instead of the server; zero lets the server answer (after Delay).
	Status int `json:"status,omitempty"`
	// Code and Message go into the S3 error document.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// RetryAfter is sent as the header, in seconds.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Headers are added to the answer, x-amz-bucket-region for example.
	Headers map[string]string `json:"headers,omitempty"`
	// Delay holds the request back first; a Go duration.
	Delay Duration `json:"delay,omitempty"`
	// Blackhole never answers: the connection is held until the client gives up or the faults are replaced.
	Blackhole bool `json:"blackhole,omitempty"`
	// Times bounds how often the fault applies; zero means always.
	Times int `json:"times,omitempty"`
	// Hits counts how often it did; read only.
	Hits int `json:"hits"`
}

// Match selects requests; an empty field matches all.
type Match struct {
	Method string `json:"method,omitempty"`
	Bucket string `json:"bucket,omitempty"`
	// Query is the name of a query parameter that must be there: "tagging", "uploads".
	Query string `json:"query,omitempty"`
	// PathPrefix is compared with "/" + the object's key, whichever way the bucket is addressed.
	PathPrefix string `json:"pathPrefix,omitempty"`
	// BucketOnly leaves requests on objects alone: HEAD of the bucket, but not HEAD of its objects.
	BucketOnly bool `json:"bucketOnly,omitempty"`
	// AccessKeyID is the key pair that signed.
	AccessKeyID string `json:"accessKeyID,omitempty"`
	// UserAgent is a part of that header: the operator and the registry share credentials, but not this.
	UserAgent string `json:"userAgent,omitempty"`
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

func (m Match) matches(r *http.Request, t target) bool {
	return (m.Method == "" || m.Method == r.Method) &&
		(m.Bucket == "" || m.Bucket == t.bucket) &&
		(m.Query == "" || r.URL.Query().Has(m.Query)) &&
		strings.HasPrefix("/"+t.key, m.PathPrefix) &&
		(!m.BucketOnly || t.key == "") &&
		(m.AccessKeyID == "" || m.AccessKeyID == accessKeyID(r)) &&
		strings.Contains(r.UserAgent(), m.UserAgent)
}

func (f Fault) validate() error {
	answers := f.Code != "" || f.Message != "" || f.RetryAfter != 0 || len(f.Headers) != 0
	for _, rule := range []struct {
		broken bool
		reason string
	}{
		{f.Status != 0 && (f.Status < 300 || f.Status > 599), "status must be 300 to 599: anything else is no failure"},
		{f.Status == 0 && !f.Blackhole && f.Delay == 0, "needs a status, a delay or blackhole"},
		{f.Status != 0 && f.Blackhole, "blackhole never answers: it takes no status"},
		{f.Status == 0 && answers, "code, message, retryAfter and headers need a status"},
		{min(int64(f.Delay), int64(f.Times), int64(f.RetryAfter)) < 0, "delay, times and retryAfter may not be negative"},
	} {
		if rule.broken {
			return errors.New(rule.reason)
		}
	}
	return f.Match.validate()
}

func (m Match) validate() error {
	if m.PathPrefix != "" && !strings.HasPrefix(m.PathPrefix, "/") {
		return errors.New("pathPrefix must start with /")
	}
	if m.Method != strings.ToUpper(m.Method) {
		return errors.New("method must be upper-case")
	}
	return nil
}

// faults are those in force. replaced is closed when they change, which frees the requests that they hold.
type faults struct {
	mu       sync.Mutex
	list     []Fault
	replaced chan struct{}
}

func newFaults() *faults { return &faults{replaced: make(chan struct{})} }

// set replaces all faults and starts their counts anew.
func (f *faults) set(list []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.replaced)
	f.replaced = make(chan struct{})
	f.list = slices.Clone(list)
	for i := range f.list {
		f.list[i].Hits = 0
	}
}

func (f *faults) all() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.list...)
}

// take returns the fault for this request and counts it.
func (f *faults) take(r *http.Request, t target) (fault Fault, replaced <-chan struct{}, found bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		candidate := &f.list[i]
		usedUp := candidate.Times > 0 && candidate.Hits >= candidate.Times
		if !usedUp && candidate.Match.matches(r, t) {
			candidate.Hits++
			return *candidate, f.replaced, true
		}
	}
	return Fault{}, nil, false
}

// readFaults is strict: a misspelt field would make a fault that matches everything.
func readFaults(in io.Reader) ([]Fault, error) {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	var list []Fault
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

// apply does what the fault says. handled means that the request is over.
func (f Fault) apply(w http.ResponseWriter, r *http.Request, t target, replaced <-chan struct{}) (handled bool) {
	if f.Blackhole {
		select {
		case <-r.Context().Done():
		case <-replaced:
		}
		// Not even an answer at the end: the connection breaks.
		panic(http.ErrAbortHandler)
	}
	if f.Delay > 0 {
		timer := time.NewTimer(time.Duration(f.Delay))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-replaced:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if f.Status == 0 {
		return false
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	for name, value := range f.Headers {
		w.Header().Set(name, value)
	}
	writeError(w, r, t, apiError{f.Status, f.Code, f.Message})
	return true
}

// kind names the fault in a record.
func (f Fault) kind() string {
	switch {
	case f.Blackhole:
		return "blackhole"
	case f.Status != 0:
		return "answer"
	}
	return "delay"
}
