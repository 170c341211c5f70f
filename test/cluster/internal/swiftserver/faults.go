package swiftserver

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
)

// Fault makes matching requests fail. Its message is the body: Swift has no error documents.
type Fault = faults.Fault[Match]

// Match selects requests; an empty field matches all.
type Match struct {
	// Service is identity or object-store.
	Service string `json:"service,omitempty"`
	Method  string `json:"method,omitempty"`
	// Query is the name of a query parameter that must be there: "bulk-delete", "limit".
	Query string `json:"query,omitempty"`
	// Path is a part of the path.
	Path string `json:"path,omitempty"`
	// UserAgent is a part of that header: the operator and the registry share credentials, but not this.
	UserAgent string `json:"userAgent,omitempty"`
}

func (m Match) matches(service string, r *http.Request) bool {
	return (m.Service == "" || m.Service == service) &&
		(m.Method == "" || m.Method == r.Method) &&
		(m.Query == "" || r.URL.Query().Has(m.Query)) &&
		strings.Contains(r.URL.Path, m.Path) &&
		strings.Contains(r.UserAgent(), m.UserAgent)
}

// Validate implements faults.Matcher.
func (m Match) Validate() error {
	return errors.Join(faults.OneOf("service", m.Service, serviceIdentity, serviceStore), faults.Method(m.Method))
}
