package s3server

import (
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

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
	// Action is what STS was asked for; empty for requests to S3.
	Action string `json:"action,omitempty"`
	// Role is that of the session that signed, or the one that STS was asked for.
	Role      string `json:"role,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	// Body is the document of a request that configures a bucket.
	Body string `json:"body,omitempty"`
	// Fault names what an injected fault did: "answer", "delay" or "blackhole".
	Fault string `json:"fault,omitempty"`
	// Millis passed until the answer began.
	Millis int64 `json:"millis"`
}

// newRecords keeps the requests in the order in which they were answered.
func newRecords() *records.Log[Record] { return records.New(func(r *Record) *int64 { return &r.Seq }) }
