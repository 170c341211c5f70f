package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// apiError is an answer that refuses.
type apiError struct {
	status  int
	message string
	header  http.Header
}

// Error implements error.
func (e *apiError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.message) }

func newAPIError(response *http.Response) *apiError {
	e := &apiError{status: response.StatusCode, message: http.StatusText(response.StatusCode), header: response.Header}
	var document struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if err == nil && json.Unmarshal(body, &document) == nil && document.Error.Message != "" {
		e.message = document.Error.Message
	}
	return e
}

// isStatus tells whether err is an answer with one of statuses.
func isStatus(err error, statuses ...int) bool {
	var api *apiError
	return errors.As(err, &api) && slices.Contains(statuses, api.status)
}

// code is the status of the answer as text, or the code of the token service; empty when there was no answer.
func code(err error) string {
	var api *apiError
	var token *tokenError
	switch {
	case errors.As(err, &api):
		return strconv.Itoa(api.status)
	case errors.As(err, &token):
		return token.code
	}
	return ""
}

// aboutCredentials tells that the credentials were refused, whatever the bucket is.
func aboutCredentials(err error) bool {
	var token *tokenError
	if errors.As(err, &token) {
		return token.code != "" && !transport.Passing(token.status)
	}
	return isStatus(err, http.StatusUnauthorized)
}

// retryAfter is what the answer's Retry-After header asks for; zero without one.
func retryAfter(err error) time.Duration {
	var api *apiError
	var token *tokenError
	switch {
	case errors.As(err, &api):
		return transport.RetryAfter(api.status, api.header)
	case errors.As(err, &token):
		return transport.RetryAfter(token.status, token.header)
	}
	return 0
}

// mayPass tells whether trying again later may help: no answer, throttling and faults of the server.
func mayPass(err error) bool {
	var api *apiError
	if errors.As(err, &api) {
		return transport.Passing(api.status)
	}
	return !aboutCredentials(err)
}

// failure makes the error of an action on the bucket. An answer gives status with its code as reason; so do credentials that
// were refused, always as False. Anything else is Unknown.
func (b *backend) failure(action string, err error, status operatorv1.ConditionStatus) *storage.Error {
	e := &storage.Error{
		Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError,
		Code: code(err), RetryAfter: retryAfter(err), Err: err, Message: fmt.Sprintf("%s: %s", action, b.explain(err)),
	}
	switch {
	case aboutCredentials(err):
		e.Status, e.ConditionReason = operatorv1.ConditionFalse, e.Code
	case e.Code != "" && status != operatorv1.ConditionUnknown:
		e.Status, e.ConditionReason = status, e.Code
	}
	return e
}

// failed is failure, or the error of a context that was cancelled: then nothing is to be concluded.
func (b *backend) failed(ctx context.Context, action string, err error, status operatorv1.ConditionStatus) error {
	if transport.Cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	return b.failure(action, err, status)
}

// advice says what to do about an answer that is not about credentials or rights.
func (e *apiError) advice() string {
	switch {
	case e.status == http.StatusTooManyRequests:
		return "it is tried again; if this lasts, raise the quotas of the project (spec.storage.gcs.projectID)"
	case transport.Passing(e.status):
		return "it is tried again; if this lasts, ask those who run the project (spec.storage.gcs.projectID)"
	case e.status == http.StatusPreconditionFailed:
		return "a policy of the organization forbids what was asked, or somebody changes the bucket at the same time: " +
			"check the policies of the project, or name a bucket of yours in spec.storage.gcs.bucket"
	case e.status == http.StatusNotFound:
		return "correct spec.storage.gcs.projectID and spec.storage.gcs.bucket"
	}
	return "correct spec.storage.gcs: bucket, region, projectID or keyID"
}

// explain says what went wrong and what to do, in the same words for the same fault each time.
func (b *backend) explain(err error) string {
	var api *apiError
	var token *tokenError
	secret := b.credentials.secret
	switch {
	case errors.As(err, &api) && api.status == http.StatusUnauthorized:
		return fmt.Sprintf("%v; the credentials of secret %s are not accepted: replace its key %s", api, secret, b.credentials.key)
	case errors.As(err, &api) && api.status == http.StatusForbidden:
		return fmt.Sprintf("%v; grant the missing right to the account of secret %s", api, secret)
	case errors.As(err, &api):
		return fmt.Sprintf("%v; %s", api, api.advice())
	case errors.As(err, &token) && token.code != "":
		return fmt.Sprintf("%s: no access token for the credentials of secret %s: %s; check that its account and key exist and "+
			"that the workload identity provider trusts this cluster", token.code, secret, token.message)
	case errors.As(err, &token) && token.message != "":
		return fmt.Sprintf("no access token for the credentials of secret %s: %s; correct its key %s or the file it names",
			secret, token.message, b.credentials.key)
	case transport.Untrusted(err):
		return fmt.Sprintf("Google Cloud presents a certificate that is not trusted: %s; if a proxy re-encrypts traffic, "+
			"name its CA in spec.trustedCA of proxy cluster", transport.Cause(err))
	}
	return fmt.Sprintf("Google Cloud cannot be reached: %s; check the cluster proxy and the network", transport.Cause(err))
}
