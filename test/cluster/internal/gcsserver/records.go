package gcsserver

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// Fault makes matching requests fail.
type Fault = faults.Fault[Match]

// Match selects requests; an empty field matches all.
type Match struct {
	Method string `json:"method,omitempty"`
	// PathPrefix is compared with the path as it is sent: names of objects have %2F for a slash.
	PathPrefix string `json:"pathPrefix,omitempty"`
	// BucketOnly leaves requests on objects alone.
	BucketOnly bool `json:"bucketOnly,omitempty"`
	// UserAgent is a part of that header: the operator and the registry share credentials, but not this.
	UserAgent string `json:"userAgent,omitempty"`
}

func (m Match) matches(r *http.Request) bool {
	return (m.Method == "" || m.Method == r.Method) &&
		strings.HasPrefix(r.URL.EscapedPath(), m.PathPrefix) &&
		(!m.BucketOnly || strings.HasPrefix(r.URL.Path, "/storage/v1/b") && !parseTarget(r).objects) &&
		strings.Contains(r.UserAgent(), m.UserAgent)
}

// Validate implements faults.Matcher.
func (m Match) Validate() error {
	return errors.Join(faults.PathPrefix(m.PathPrefix), faults.Method(m.Method))
}

// Record is one request as the server saw it. It holds no header and no query value: those carry tokens and signatures.
type Record struct {
	// Seq counts requests from 1; it never repeats, not even after the records were cleared.
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Host   string    `json:"host"`
	Path   string    `json:"path"`
	// Query holds the names of the query parameters, sorted.
	Query []string `json:"query,omitempty"`
	// Status is 0 for a request that was never answered.
	Status int `json:"status"`
	// Account is the service account of the token.
	Account string `json:"account,omitempty"`
	// Rights are the permissions that the request needs.
	Rights    []string `json:"rights,omitempty"`
	UserAgent string   `json:"userAgent,omitempty"`
	// Body is the document of a request that has one, except for tokens.
	Body string `json:"body,omitempty"`
	// Fault names what an injected fault did: "answer", "delay" or "blackhole".
	Fault string `json:"fault,omitempty"`
	// Millis passed until the answer began.
	Millis int64 `json:"millis"`
}

func newRecords() *records.Log[Record] { return records.New(func(r *Record) *int64 { return &r.Seq }) }
