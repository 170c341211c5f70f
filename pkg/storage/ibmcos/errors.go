package ibmcos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// serviceError is the refusal of IAM, the Resource Controller or the Resource Manager.
type serviceError struct {
	service       string
	status        int
	code, message string
	retryAfter    time.Duration
}

func (e *serviceError) Error() string { return e.service + ": " + e.code + ": " + e.message }

// unreachable is a service that gave no answer.
type unreachable struct {
	service, endpoint string
	err               error
}

func (e *unreachable) Error() string { return e.service + ": " + e.err.Error() }

func (e *unreachable) Unwrap() error { return e.err }

// refusal reads an error document. IAM and the resource services each have their own, and some answers have none.
func refusal(service string, status int, header http.Header, body []byte) *serviceError {
	var document struct {
		IAMCode    string `json:"errorCode"`
		IAMMessage string `json:"errorMessage"`
		Code       string `json:"error_code"`
		Message    string `json:"message"`
		Errors     []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(body, &document)
	e := &serviceError{service: service, status: status, retryAfter: transport.RetryAfter(status, header)}
	switch {
	case document.IAMCode != "":
		e.code, e.message = document.IAMCode, document.IAMMessage
	case document.Code != "":
		e.code, e.message = document.Code, document.Message
	case len(document.Errors) > 0 && document.Errors[0].Code != "":
		e.code, e.message = document.Errors[0].Code, document.Errors[0].Message
	default:
		e.code, e.message = strings.ReplaceAll(http.StatusText(status), " ", ""), document.Message
	}
	return e
}

// notFound tells that a service does not know what it was asked for.
func notFound(err error) bool {
	var e *serviceError
	return errors.As(err, &e) && e.status == http.StatusNotFound
}

// hidden tells that a service does not show something, or does not say whether there is such a thing.
func hidden(err error) bool {
	var e *serviceError
	return errors.As(err, &e) && (e.status == http.StatusForbidden || e.status == http.StatusNotFound)
}

// mayPass tells whether trying again later may help.
func mayPass(err error) bool {
	var e *serviceError
	if errors.As(err, &e) {
		return transport.Passing(e.status)
	}
	return s3api.MayPass(err)
}

// failure makes the error of an action at IAM or a resource service.
func (b *backend) failure(ctx context.Context, action string, err error) error {
	if transport.Cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	var known *storage.Error
	if errors.As(err, &known) {
		return err
	}
	failed := &storage.Error{Status: operatorv1.ConditionUnknown, ConditionReason: storage.UnknownError, Err: err}
	var e *serviceError
	if errors.As(err, &e) {
		failed.Status, failed.ConditionReason, failed.Code, failed.RetryAfter = operatorv1.ConditionFalse, e.code, e.code, e.retryAfter
	}
	failed.Message = action + ": " + b.explain(err)
	return failed
}

// explain says what went wrong and what to do, in the same words for the same fault each time.
func (b *backend) explain(err error) string {
	var refused *serviceError
	var away *unreachable
	var api smithy.APIError
	switch {
	case errors.As(err, &refused):
		return refused.explain(b.secret)
	case errors.As(err, &away):
		return unreached(away.service+" at "+away.endpoint, err)
	case s3api.IsCode(err, s3api.CodeRegion):
		return fmt.Sprintf("%s: the bucket is in another location than %s; correct spec.storage.ibmcos.location", s3api.CodeRegion, b.config.Location)
	case s3api.AboutCredentials(err):
		errors.As(err, &api)
		return fmt.Sprintf("%s: %s does not accept the API key of secret %s: %s; correct the secret",
			s3api.Code(err), b.registryEndpoint(), b.secret, api.ErrorMessage())
	case errors.As(err, &api):
		return b.places().Answer(err, api.ErrorMessage())
	}
	return unreached("object storage at "+b.registryEndpoint(), err)
}

func (b *backend) places() s3api.Places {
	return s3api.Places{
		Spec: "spec.storage.ibmcos", Secret: b.secret, Page: "docs/storage/ibmcos.md", Server: "object storage at " + b.registryEndpoint(),
	}
}

func (e *serviceError) explain(secret string) string {
	text := e.code
	if e.message != "" {
		text += ": " + e.message
	}
	switch {
	case e.service == "IAM" && !transport.Passing(e.status):
		return fmt.Sprintf("%s; IAM does not accept the API key of secret %s: correct the secret", text, secret)
	case e.status == http.StatusForbidden:
		return fmt.Sprintf("%s; the %s refuses the API key of secret %s: grant its service ID the policies of the credentials request", text, e.service, secret)
	}
	if transport.Passing(e.status) {
		return fmt.Sprintf("%s (answer of the %s); it is tried again; if this lasts, check the service endpoints of infrastructure cluster", text, e.service)
	}
	return fmt.Sprintf("%s (answer of the %s); check spec.storage.ibmcos and the policies of the API key of secret %s", text, e.service, secret)
}

// unreached is for a server that gave no answer.
func unreached(server string, err error) string {
	if transport.Untrusted(err) {
		return fmt.Sprintf("%s presents a certificate that is not trusted: %s; its CA has to be in key %s of configmap %s/%s",
			server, transport.Cause(err), names.KubeCloudConfigCAKey, names.ManagedConfigNamespace, names.KubeCloudConfig)
	}
	return fmt.Sprintf("%s cannot be reached: %s; check the service endpoints of infrastructure cluster, the cluster proxy and the network",
		server, transport.Cause(err))
}
