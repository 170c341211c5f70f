package swift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Reasons of StorageExists.
const (
	reasonExists     = "Swift container Exists"
	reasonAbsent     = "Storage does not exist"
	reasonUnknown    = "Unknown error occurred"
	reasonNoClient   = "Could not connect to registry storage"
	reasonUnchecked  = "Unable to check if container exists"
	reasonCreated    = "Swift Container Created"
	reasonNotCreated = "Creation Failed"
	reasonDeleted    = "Swift Container Deleted"
)

// status is the HTTP status of the answer in err; zero when there was none.
func status(err error) int {
	var answer gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &answer) {
		return answer.Actual
	}
	return 0
}

func retryAfter(err error) time.Duration {
	var answer gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &answer) {
		return 0
	}
	return transport.RetryAfter(answer.Actual, answer.ResponseHeader)
}

// rewind makes a request ready to be sent again.
func rewind(options gophercloud.RequestOpts) bool {
	seeker, seekable := options.RawBody.(io.Seeker)
	if !seekable {
		return options.RawBody == nil
	}
	_, err := seeker.Seek(0, io.SeekStart)
	return err == nil
}

// noClient is the error for credentials or settings with which Keystone cannot even be asked.
func noClient(code, message string) error {
	return &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: reasonNoClient, Code: code, Message: message}
}

// failure makes the error of an action. A login that fails has a reason of its own, whatever was about to be done; state
// and reason are what StorageExists shows for a failure of Swift itself.
func (b *backend) failure(ctx context.Context, action string, err error, state operatorv1.ConditionStatus, reason string) error {
	if transport.Cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	e := &storage.Error{Status: state, ConditionReason: reason, RetryAfter: retryAfter(err), Err: err}
	if code := status(err); code != 0 {
		e.Code = strconv.Itoa(code)
	}
	var login *loginError
	if errors.As(err, &login) {
		e.ConditionReason = reasonNoClient
		if code := status(err); code == 0 || transport.Passing(code) {
			// Nobody has said that there is anything wrong with what we asked.
			e.Status = operatorv1.ConditionUnknown
		}
	}
	e.Message = fmt.Sprintf("%s: %s", action, b.access.explain(err))
	return e
}

// explain says what went wrong and what to do. It is the same text for the same fault each time.
func (a access) explain(err error) string {
	var login *loginError
	atLogin := errors.As(err, &login)
	server := "Swift of Keystone " + a.AuthURL
	if atLogin {
		server = "Keystone at " + a.AuthURL
	}
	code := status(err)
	switch {
	case errors.Is(err, errNoEndpoint):
		return a.explainCatalogue()
	case code != 0:
		return fmt.Sprintf("HTTP %d %s: %s", code, http.StatusText(code), a.explainStatus(server, code, atLogin))
	case transport.Untrusted(err):
		return fmt.Sprintf("%s presents a certificate that is not trusted: %s; put its CA into key %s of secret %s/%s, or into key %s of configmap %s/%s",
			server, transport.Cause(err), caKey, names.OperatorNamespace, names.CloudCredentials, caMapKey, names.UserConfigNamespace, names.CloudProviderConfig)
	}
	return a.explainRest(server, err)
}

// explainStatus is for answers, of Keystone or of Swift.
func (a access) explainStatus(server string, code int, atLogin bool) string {
	switch {
	case code == http.StatusUnauthorized:
		return fmt.Sprintf("%s does not accept the credentials of secret %s: they are wrong, expired or revoked; correct the secret", server, a.Secret)
	case code == http.StatusForbidden:
		return fmt.Sprintf("%s refuses access with the credentials of secret %s; give their user a role that may use object storage "+
			"in the project (often member or swiftoperator)", server, a.Secret)
	case code == http.StatusNotFound && atLogin:
		return fmt.Sprintf("%s is not there; correct its URL in spec.storage.swift.authURL or in secret %s", server, a.Secret)
	case transport.Passing(code):
		return fmt.Sprintf("%s cannot serve for the moment; if this lasts, ask those who run the cloud", server)
	}
	return fmt.Sprintf("%s refuses the request; check spec.storage.swift and the quotas of the project", server)
}

func (a access) explainCatalogue() string {
	region := ""
	if a.Region != "" {
		region = " in region " + a.Region
	}
	return fmt.Sprintf("the catalogue of Keystone %s has no public endpoint of a service called swift, type container or object-store%s; "+
		"check spec.storage.swift.regionName, or use another storage", a.AuthURL, region)
}

// explainRest is for failures that are no answer.
func (a access) explainRest(server string, err error) string {
	var domain gophercloud.ErrDomainIDOrDomainName
	var scope gophercloud.ErrScopeDomainIDOrDomainName
	var user gophercloud.ErrUsernameOrUserID
	var password gophercloud.ErrMissingPassword
	var secret gophercloud.ErrAppCredMissingSecret
	var object *objectError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &domain), errors.As(err, &scope):
		return fmt.Sprintf("secret %s names a user or project and no domain; set spec.storage.swift.domain or domainID, or user_domain_name in clouds.yaml", a.Secret)
	case errors.As(err, &user), errors.As(err, &password), errors.As(err, &secret):
		return fmt.Sprintf("secret %s holds no complete credentials; it needs username and password, or id and secret of an application credential, or a token", a.Secret)
	case errors.As(err, &object):
		return object.Error()
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s gives an answer that is not JSON; check spec.storage.swift.authURL", server)
	}
	return fmt.Sprintf("%s cannot be reached: %s; check spec.storage.swift.authURL, the cluster proxy and the network", server, transport.Cause(err))
}
