package azure

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Codes that are decided upon.
const (
	codeContainerNotFound = "ContainerNotFound"
	codeContainerExists   = "ContainerAlreadyExists"
	codeContainerLeaving  = "ContainerBeingDeleted"
	codeAccountNotFound   = "AccountNotFound"
	codeAuthentication    = "AuthenticationFailed"
	codeAccountTaken      = "StorageAccountAlreadyTaken"
	codeConflict          = "Conflict"
	codeKeysRefused       = "KeyBasedAuthenticationNotPermitted"
	codeNetworkRefused    = "AuthorizationFailure"
)

// finding is a fault that we see in what Azure answered.
type finding string

// Error implements error.
func (f finding) Error() string { return string(f) }

// code is the cloud's error code, or empty when the failure is not an answer of the cloud.
func code(err error) string {
	var response *azcore.ResponseError
	if errors.As(err, &response) {
		return response.ErrorCode
	}
	return ""
}

// isCode tells whether err carries one of codes.
func isCode(err error, codes ...string) bool {
	have := code(err)
	return have != "" && slices.Contains(codes, have)
}

// status is that of the answer; zero when there was none.
func status(err error) int {
	var response *azcore.ResponseError
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

// isGone tells that a resource is not there.
func isGone(err error) bool { return status(err) == http.StatusNotFound }

// isRefused tells that a right is missing.
func isRefused(err error) bool { return status(err) == http.StatusForbidden }

// notFoundHost tells that the host does not exist: the name of an account that is gone, or that is too new.
func notFoundHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// mayPass tells whether trying again later may help: no answer, throttling and faults of the server.
func mayPass(err error) bool {
	s := status(err)
	return s == 0 || transport.Passing(s)
}

// failure makes the error of an action: StorageExists is Unknown for whatever went wrong, because nothing was learned
// about the container.
func (b *backend) failure(action string, err error) *storage.Error {
	var known *storage.Error
	if errors.As(err, &known) {
		return known
	}
	return &storage.Error{
		Status: operatorv1.ConditionUnknown, ConditionReason: reasonAzure, Code: code(err), RetryAfter: retryAfter(err), Err: err,
		Message: fmt.Sprintf("%s: %s", action, b.explain(err)),
	}
}

// explain says what went wrong and what to do. It is the same text for the same fault each time: request ids, times and
// local ports would rewrite the condition with every retry.
func (b *backend) explain(err error) string {
	var login *azidentity.AuthenticationFailedError
	var response *azcore.ResponseError
	var seen finding
	switch {
	case errors.As(err, &seen):
		return string(seen)
	case errors.As(err, &login) && login.RawResponse != nil:
		return fmt.Sprintf("%s does not accept the credentials of %s: %s; correct them",
			strings.TrimSuffix(b.cloud.AuthorityHost, "/"), b.credentials(), loginText(login))
	case errors.As(err, &response):
		return b.answer(response)
	case transport.Untrusted(err):
		return fmt.Sprintf("%s presents a certificate that is not trusted: %s; put its CA into the bundle of proxy cluster (spec.trustedCA)",
			b.cloud.describe(), transport.Cause(err))
	case errors.As(err, new(*azidentity.AuthenticationFailedError)) && transport.Cause(err) == err.Error():
		// Nothing was sent: the token file, for instance.
		return fmt.Sprintf("no token with the credentials of %s: %s", b.credentials(), firstLine(err.Error()))
	}
	return fmt.Sprintf("%s cannot be reached: %s; check the cluster proxy and the network", b.cloud.describe(), transport.Cause(err))
}

// credentials names where they come from.
func (b *backend) credentials() string {
	if b.options.IdentityFile != "" && b.identity.accountKey == "" {
		return "file " + b.options.IdentityFile
	}
	return "secret " + b.identity.from
}

func (c Cloud) describe() string {
	if c.stack {
		return "the Azure Stack Hub at " + c.ResourceManager
	}
	return "Azure"
}

// cures are what to do about answers that say only what is wrong.
var cures = map[string]string{
	codeAuthentication:                "the account key is wrong or was rotated: correct the one in the secret",
	"AuthorizationFailed":             "the identity lacks this right: see docs/storage/azure.md for the role it needs",
	"AuthorizationPermissionMismatch": "the identity lacks a right on blobs: see docs/storage/azure.md for the role it needs",
	codeNetworkRefused:                "the account does not admit this network: check its firewall and private endpoints",
	codeKeysRefused:                   "the account admits no keys: allow them, or use a federated token",
	"PublicAccessNotPermitted":        "the account admits no anonymous access: give the credentials a role, see docs/storage/azure.md",
	"InvalidAuthenticationInfo":       "the clock of this node may be wrong: correct it, or else the credentials",
	"SubscriptionNotFound":            "correct azure_subscription_id",
	"ResourceGroupNotFound":           "correct azure_resourcegroup",
	"RequestDisallowedByPolicy":       "a policy of the subscription forbids it: exempt the resource group, or name an account of yours in spec.storage.azure",
}

func (b *backend) answer(response *azcore.ResponseError) string {
	name := response.ErrorCode
	if name == "" {
		name = fmt.Sprintf("status %d", response.StatusCode)
	}
	text := name
	if message := messageOf(response); message != "" {
		text += ": " + message
	}
	return fmt.Sprintf("%s; %s (credentials of %s)", text, cureOf(name, response.StatusCode), b.credentials())
}

// cureOf is what to do about a code.
func cureOf(name string, status int) string {
	if cure := cures[name]; cure != "" {
		return cure
	}
	if transport.Passing(status) {
		return "it is tried again; if this lasts, check the service health of the subscription"
	}
	return "check spec.storage.azure, the quotas and locks of the subscription, and the role in docs/storage/azure.md"
}

// messageOf is the message in the document of an answer, of Resource Manager (JSON) or of blobs (XML).
func messageOf(response *azcore.ResponseError) string {
	if response.RawResponse == nil {
		return ""
	}
	body, err := runtime.Payload(response.RawResponse)
	if err != nil {
		return ""
	}
	var document struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(body, &document) == nil {
		return firstLine(document.Error.Message)
	}
	var blob struct{ Message string }
	if xml.Unmarshal(body, &blob) == nil {
		return firstLine(blob.Message)
	}
	return ""
}

// noise is what differs from answer to answer.
var noise = regexp.MustCompile(`(?i)[ ,.;]*(trace id|correlation id|request ?id|timestamp|activity ?id)\b.*`)

// firstLine is a message without the ids and times that follow it.
func firstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return strings.TrimRight(strings.TrimSpace(noise.ReplaceAllString(line, "")), ".")
}

// loginText is what the token endpoint said.
func loginText(err *azidentity.AuthenticationFailedError) string {
	body, readErr := runtime.Payload(err.RawResponse)
	var document struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if readErr != nil || json.Unmarshal(body, &document) != nil || document.Error == "" {
		return fmt.Sprintf("status %d", err.RawResponse.StatusCode)
	}
	if document.Description == "" {
		return document.Error
	}
	return document.Error + ": " + firstLine(document.Description)
}

// retryAfter is what the answer's Retry-After header asks for; zero without one.
func retryAfter(err error) time.Duration {
	var response *azcore.ResponseError
	var login *azidentity.AuthenticationFailedError
	switch {
	case errors.As(err, &response) && response.RawResponse != nil:
		return transport.RetryAfter(response.StatusCode, response.RawResponse.Header)
	case errors.As(err, &login) && login.RawResponse != nil:
		return transport.RetryAfter(login.RawResponse.StatusCode, login.RawResponse.Header)
	}
	return 0
}
