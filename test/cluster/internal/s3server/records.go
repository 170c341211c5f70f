package s3server

import (
	"sync"
	"time"
)

// maxRecords bounds the memory of a server that runs for days; the oldest go first.
const maxRecords = 50000

// Record is one request as the server saw it. It holds no header and no query value: those carry signatures.
type Record struct {
	// Seq counts requests from 1; it never repeats, not even after the records were cleared.
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Host   string    `json:"host"`
	Bucket string    `json:"bucket,omitempty"`
	Key    string    `json:"key,omitempty"`
	// Query holds the names of the query parameters, sorted.
	Query []string `json:"query,omitempty"`
	// Status is 0 for a request that was never answered.
	Status int `json:"status"`
	// Code is the S3 error code of the answer, as far as it has a body.
	Code        string `json:"code,omitempty"`
	AccessKeyID string `json:"accessKeyID,omitempty"`
	UserAgent   string `json:"userAgent,omitempty"`
	// Body is the document of a request that configures a bucket.
	Body string `json:"body,omitempty"`
	// Fault names what an injected fault did: "answer", "delay" or "blackhole".
	Fault  string `json:"fault,omitempty"`
	Millis int64  `json:"millis"`
}

// records keeps the requests in the order in which they were answered.
type records struct {
	mu      sync.Mutex
	last    int64
	entries []Record
}

func (r *records) add(entry Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	entry.Seq = r.last
	r.entries = append(r.entries, entry)
	if excess := len(r.entries) - maxRecords; excess > 0 {
		r.entries = append([]Record(nil), r.entries[excess:]...)
	}
}

// after returns the entries with a greater number, and the greatest number so far.
func (r *records) after(seq int64) ([]Record, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := []Record{}
	for _, entry := range r.entries {
		if entry.Seq > seq {
			found = append(found, entry)
		}
	}
	return found, r.last
}

func (r *records) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = nil
}
