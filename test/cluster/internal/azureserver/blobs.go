package azureserver

import (
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
)

const storageAudience = "https://storage.azure.com"

// actions of requests on containers, as roles name them; those on blobs are data actions.
const (
	containersPrefix = "Microsoft.Storage/storageAccounts/blobServices/containers/"
	blobsPrefix      = containersPrefix + "blobs/"
)

// serveBlob decides as Azure does whether a request reaches the account, and lets Azurite answer it.
func (f *front) serveBlob(w http.ResponseWriter, r *http.Request, account string, record *Record) {
	state, found := f.model.account(account)
	if !found {
		// Azure has no such host name; the nearest that a server can say.
		refuse(w, hostBlob, http.StatusNotFound, "AccountNotFound", "The specified account does not exist.")
		return
	}
	shared := signedWithKey(r, record)
	if !shared {
		record.Actions = []string{blobAction(r)}
	}
	if state.closed && !f.model.reachable(account) {
		refuse(w, hostBlob, http.StatusForbidden, "AuthorizationFailure", "This request is not authorized to perform this operation.")
		return
	}
	if f.admitted(w, r, record, shared, state.sharedKeys) {
		f.forward(w, r)
	}
}

// admitted tells whether the request's credentials are good for it, and answers it where they are not.
func (f *front) admitted(w http.ResponseWriter, r *http.Request, record *Record, shared, sharedKeys bool) bool {
	switch {
	case shared && !sharedKeys:
		refuse(w, hostBlob, http.StatusForbidden, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.")
	case record.Scheme == "" && !shared:
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login."+f.options.Domain+"/"+f.options.Identity.Tenant+
			"/oauth2/authorize resource_id="+storageAudience)
		refuse(w, hostBlob, http.StatusUnauthorized, "NoAuthenticationInformation", "Server failed to authenticate the request.")
	case record.Scheme == "Bearer" && !f.issuer.admits(r, storageAudience):
		refuse(w, hostBlob, http.StatusUnauthorized, "InvalidAuthenticationInfo", "Server failed to authenticate the request.")
	case !shared && !f.model.permits(record.Actions):
		refuse(w, hostBlob, http.StatusForbidden, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
	default:
		return true
	}
	return false
}

// signedWithKey tells whether an account key stands behind the request: in its header, or in the signature of a URL that no
// user delegated.
func signedWithKey(r *http.Request, record *Record) bool {
	query := r.URL.Query()
	return strings.HasPrefix(record.Scheme, "SharedKey") || query.Has("sig") && !query.Has("skoid")
}

// forward changes nothing that a signature covers.
func (f *front) forward(w http.ResponseWriter, r *http.Request) {
	proxy := &httputil.ReverseProxy{
		Transport: f.blobs.transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "https", f.blobs.address
			p.Out.Host, p.Out.URL.RawQuery = p.In.Host, p.In.URL.RawQuery
		},
		ModifyResponse: asAzure,
		FlushInterval:  -1,
	}
	proxy.ServeHTTP(w, r)
}

// asAzure gives a wrong signature the answer that Azure gives. Azurite with tokens switched on goes on to take the signature
// for a token.
func asAzure(response *http.Response) error {
	signed := strings.HasPrefix(response.Request.Header.Get("Authorization"), "SharedKey")
	if !signed || response.Header.Get("X-Ms-Error-Code") != "InvalidAuthenticationInfo" {
		return nil
	}
	_ = response.Body.Close()
	const code = "AuthenticationFailed"
	text := "<Error><Code>" + code + "</Code><Message>Server failed to authenticate the request.</Message></Error>"
	response.StatusCode, response.Status = http.StatusForbidden, "403 Forbidden"
	response.Header.Set("X-Ms-Error-Code", code)
	response.Header.Set("Content-Length", strconv.Itoa(len(text)))
	response.ContentLength, response.Body = int64(len(text)), io.NopCloser(strings.NewReader(text))
	return nil
}

// blobAction is the right that a request with a token needs.
func blobAction(r *http.Request) string {
	_, blob, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	if blob == "" && query.Get("restype") == "container" && query.Get("comp") != "list" {
		return containersPrefix + verb(r.Method)
	}
	if query.Get("comp") == "userdelegationkey" {
		return "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
	}
	return blobsPrefix + verb(r.Method)
}

// verb is the last word of an action.
func verb(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "read"
	case http.MethodDelete:
		return "delete"
	case http.MethodPost:
		return "action"
	}
	return "write"
}
