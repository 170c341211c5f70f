package s3server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
)

// Fault makes matching requests fail.
type Fault = faults.Fault[Match]

// Duration is a time.Duration that is written as Go does: "1.5s".
type Duration = faults.Duration

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

func (m Match) matches(r *http.Request, t target) bool {
	return (m.Method == "" || m.Method == r.Method) &&
		(m.Bucket == "" || m.Bucket == t.bucket) &&
		(m.Query == "" || r.URL.Query().Has(m.Query)) &&
		strings.HasPrefix("/"+t.key, m.PathPrefix) &&
		(!m.BucketOnly || t.key == "") &&
		(m.AccessKeyID == "" || m.AccessKeyID == accessKeyID(r)) &&
		strings.Contains(r.UserAgent(), m.UserAgent)
}

// Validate implements faults.Matcher.
func (m Match) Validate() error {
	return errors.Join(faults.PathPrefix(m.PathPrefix), faults.Method(m.Method))
}
