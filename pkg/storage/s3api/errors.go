package s3api

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Codes that are decided upon.
const (
	CodeNotFound     = "NotFound"
	CodeNoSuchBucket = "NoSuchBucket"
	CodeForbidden    = "Forbidden"
	CodeRegion       = "BucketRegionError"
)

// Code is the cloud's error code, or empty when the failure is not an answer of the cloud. HEAD answers have no body:
// for them the SDK makes codes from the status, of which the reason of a wrong region has another name in the field.
func Code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	if c := api.ErrorCode(); c != "MovedPermanently" && c != "PermanentRedirect" {
		return c
	}
	return CodeRegion
}

// IsCode tells whether err carries one of codes.
func IsCode(err error, codes ...string) bool {
	have := Code(err)
	for _, c := range codes {
		if have == c && c != "" {
			return true
		}
	}
	return false
}

// AboutCredentials tells whether err says that the credentials are wrong, whatever the bucket is.
func AboutCredentials(err error) bool {
	return IsCode(err, "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "InvalidClientTokenId", "UnrecognizedClientException",
		"ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim", "NotSignedUp", "AccountProblem", "XAdminUserNotFound")
}

// FromSTS tells whether the role could not be assumed, so that S3 was never asked.
func FromSTS(err error) bool {
	var operation *smithy.OperationError
	for errors.As(err, &operation) {
		if operation.ServiceID == "STS" {
			return true
		}
		err = operation.Err
	}
	return false
}

// Failure makes the error of an action on the bucket. An answer of the cloud gives status and its code as reason;
// anything else is Unknown.
func (b *Bucket) Failure(action string, err error, status operatorv1.ConditionStatus) *storage.Error {
	e := &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError, Code: Code(err), RetryAfter: RetryAfter(err), Err: err}
	switch {
	case FromSTS(err):
		e.Status, e.ConditionReason = operatorv1.ConditionFalse, e.Code
		if e.Code == "" {
			e.Status, e.ConditionReason = operatorv1.ConditionUnknown, storage.UnknownError
		}
	case e.Code != "":
		e.Status, e.ConditionReason = status, e.Code
	}
	e.Message = fmt.Sprintf("%s: %s", action, b.Explain(err))
	return e
}

// RegionHint names the right region when the answer says it.
func RegionHint(err error) string {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return ", namely " + region
		}
	}
	return ""
}

// RetryAfter is what the answer's Retry-After header asks for; zero without one.
func RetryAfter(err error) time.Duration {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return 0
	}
	return transport.RetryAfter(response.Response.StatusCode, response.Response.Header)
}

// MayPass tells whether trying again later may help: no answer, throttling and faults of the server.
func MayPass(err error) bool {
	if Code(err) == "" {
		return true
	}
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return false
	}
	return transport.Passing(response.Response.StatusCode)
}
