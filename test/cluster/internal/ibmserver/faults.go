package ibmserver

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
)

// Names of the services in faults and records.
const (
	serviceIAM                = "IAM"
	serviceResourceController = "ResourceController"
	serviceResourceManager    = "ResourceManager"
)

// Fault makes requests of the services fail.
type Fault = faults.Fault[Match]

// Match selects requests; an empty field matches all.
type Match struct {
	// Service is IAM, ResourceController or ResourceManager.
	Service    string `json:"service,omitempty"`
	Method     string `json:"method,omitempty"`
	PathPrefix string `json:"pathPrefix,omitempty"`
}

func (m Match) matches(r *http.Request, service string) bool {
	return matches(m.Service, service) && matches(m.Method, r.Method) && strings.HasPrefix(r.URL.Path, m.PathPrefix)
}

// Validate implements faults.Matcher.
func (m Match) Validate() error {
	return errors.Join(faults.OneOf("service", m.Service, serviceIAM, serviceResourceController, serviceResourceManager),
		faults.Method(m.Method), faults.PathPrefix(m.PathPrefix))
}

// refuse writes an error in the form of the service.
func refuse(w http.ResponseWriter, service string, status int, code, message string) {
	if service == serviceIAM {
		writeJSON(w, status, map[string]string{"errorCode": code, "errorMessage": message})
		return
	}
	serviceError(w, status, code, message)
}
