package azureserver

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
)

// Fault makes matching requests fail.
type Fault = faults.Fault[Match]

// Match selects requests; an empty field matches all.
type Match struct {
	// Host is login, management or blob.
	Host   string `json:"host,omitempty"`
	Method string `json:"method,omitempty"`
	// Path is a part of the path.
	Path string `json:"path,omitempty"`
}

func (m Match) matches(r *http.Request, host string) bool {
	return (m.Host == "" || m.Host == host) && (m.Method == "" || m.Method == r.Method) && strings.Contains(r.URL.Path, m.Path)
}

// Validate implements faults.Matcher.
func (m Match) Validate() error {
	return errors.Join(faults.OneOf("host", m.Host, hostLogin, hostManagement, hostBlob), faults.Method(m.Method))
}
