package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Codes that are decided upon.
const (
	codeNotFound     = "NotFound"
	codeNoSuchBucket = "NoSuchBucket"
	codeForbidden    = "Forbidden"
	codeRegion       = "BucketRegionError"
)

// code is the cloud's error code, or empty when the failure is not an answer of the cloud. HEAD answers have no body:
// for them the SDK makes codes from the status, of which the reason of a wrong region has another name in the field.
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	if c := api.ErrorCode(); c != "MovedPermanently" && c != "PermanentRedirect" {
		return c
	}
	return codeRegion
}

// isCode tells whether err carries one of codes.
func isCode(err error, codes ...string) bool {
	have := code(err)
	for _, c := range codes {
		if have == c && c != "" {
			return true
		}
	}
	return false
}

// aboutCredentials are codes that say that the credentials are wrong, whatever the bucket is.
var aboutCredentials = []string{
	"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
	"AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "InvalidClientTokenId", "UnrecognizedClientException",
	"ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim", "NotSignedUp", "AccountProblem", "XAdminUserNotFound",
}

// fromSTS tells whether the role could not be assumed, so that S3 was never asked.
func fromSTS(err error) bool {
	var operation *smithy.OperationError
	for errors.As(err, &operation) {
		if operation.ServiceID == "STS" {
			return true
		}
		err = operation.Err
	}
	return false
}

// failure makes the error of an action on the bucket. An answer of the cloud gives status and its code as reason;
// anything else is Unknown.
func (b *backend) failure(action string, err error, status operatorv1.ConditionStatus) *storage.Error {
	e := &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError, Code: code(err), RetryAfter: retryAfter(err), Err: err}
	switch {
	case fromSTS(err):
		e.Status, e.ConditionReason = operatorv1.ConditionFalse, e.Code
		if e.Code == "" {
			e.Status, e.ConditionReason = operatorv1.ConditionUnknown, storage.UnknownError
		}
	case e.Code != "":
		e.Status, e.ConditionReason = status, e.Code
	}
	e.Message = fmt.Sprintf("%s: %s", action, b.explain(err))
	return e
}

// explain says what went wrong and what to do. It is the same text for the same fault each time: request ids and local
// ports would rewrite the condition with every retry.
func (b *backend) explain(err error) string {
	var api smithy.APIError
	var path *fs.PathError
	switch {
	case fromSTS(err) && code(err) != "":
		errors.As(err, &api)
		return fmt.Sprintf("%s: assuming the role of secret %s: %s; check role_arn, its trust policy and the service account token",
			code(err), b.secret, api.ErrorMessage())
	case isCode(err, codeRegion):
		return fmt.Sprintf("%s: the bucket is in another region than %s%s; correct spec.storage.s3.region", codeRegion, b.config.Region, regionHint(err))
	case isCode(err, aboutCredentials...):
		errors.As(err, &api)
		return fmt.Sprintf("%s: %s does not accept the credentials of secret %s: %s; correct the secret",
			code(err), b.config.server(), b.secret, api.ErrorMessage())
	case errors.As(err, &api):
		if api.ErrorMessage() == "" || api.ErrorMessage() == code(err) {
			return code(err)
		}
		return fmt.Sprintf("%s: %s", code(err), api.ErrorMessage())
	case errors.As(err, &path):
		return fmt.Sprintf("reading the token file that secret %s names: %v", b.secret, path)
	case untrusted(err):
		return fmt.Sprintf("%s presents a certificate that is not trusted: %s; put its CA into a configmap in openshift-config, "+
			"key %s, and name that in spec.storage.s3.trustedCA", b.config.server(), innermost(err), trustedCAKey)
	default:
		check := "the cluster proxy and the network"
		if b.config.RegionEndpoint != "" {
			check = "spec.storage.s3.regionEndpoint, " + check
		}
		return fmt.Sprintf("%s cannot be reached: %s; check %s", b.config.server(), innermost(err), check)
	}
}

func untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname)
}

// innermost is the cause of a connection failure without the addresses that differ from call to call.
func innermost(err error) string {
	var timeout *timeoutError
	if errors.As(err, &timeout) {
		return timeout.Error()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Sprintf("host %s: %s", dns.Name, dns.Err)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// regionHint names the right region when the answer says it.
func regionHint(err error) string {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return ", namely " + region
		}
	}
	return ""
}

// maxRetryAfter is how long a server may make us wait.
const maxRetryAfter = 5 * time.Minute

// retryAfter is what the answer's Retry-After header asks for; zero without one.
func retryAfter(err error) time.Duration {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil || response.Response.StatusCode < http.StatusTooManyRequests {
		return 0
	}
	seconds, err := strconv.Atoi(response.Response.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// mayPass tells whether trying again later may help: no answer, throttling and faults of the server.
func mayPass(err error) bool {
	if code(err) == "" {
		return true
	}
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return false
	}
	status := response.Response.StatusCode
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}

// cancelled tells that the operator is shutting down: nothing is to be concluded from the failure.
func cancelled(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }
