package s3server

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	assumeRole = "AssumeRoleWithWebIdentity"
	stsVersion = "2011-06-15"
	stsXMLNS   = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// assumeParameters are those that the AWS SDKs send when they are given a role and a token file, each with what AWS asks of
// its value.
var assumeParameters = map[string]*regexp.Regexp{
	"RoleArn":          roleARN,
	"RoleSessionName":  regexp.MustCompile(`^[\w+=,.@-]{2,64}$`),
	"WebIdentityToken": regexp.MustCompile(`^.{4,}$`),
}

// roleARN is the name of a role of any account.
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)

// tokenService is STS, as far as it exchanges tokens for credentials of a role.
type tokenService struct {
	host     string
	verifier *tokenVerifier
	roles    *roles
}

// newTokenService is nil where the server knows of no identity provider.
func newTokenService(identity Identity, roles *roles) (*tokenService, error) {
	if !identity.enabled() {
		return nil, nil
	}
	verifier, err := newTokenVerifier(identity)
	if err != nil {
		return nil, err
	}
	return &tokenService{host: identity.Host, verifier: verifier, roles: roles}, nil
}

// asked tells whether a request is for STS: by the name of the host, or because it is a form for the root of the S3 endpoint,
// which S3 has no use for.
func (s *tokenService) asked(r *http.Request, t target, endpoint bool) bool {
	if s == nil {
		return false
	}
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	return hostName(r.Host) == s.host || endpoint && t == target{} && r.Method == http.MethodPost && form
}

// readForm reads the parameters, all of which are in the body. What is wrong with them is answered by serve.
func readForm(r *http.Request) url.Values {
	r.Body = http.MaxBytesReader(nil, r.Body, maxDocument)
	if r.ParseForm() != nil {
		return nil
	}
	return r.PostForm
}

func (s *tokenService) serve(w http.ResponseWriter, r *http.Request) {
	begun, refusal := s.assume(r)
	if refusal != nil {
		writeSTSError(w, *refusal)
		return
	}
	answer := assumeAnswer{XMLNS: stsXMLNS, RequestID: newRequestID()}
	answer.Result.AssumedRole = assumedRole(begun.role, r.PostForm.Get("RoleSessionName"))
	answer.Result.Credentials = sessionCredentials{begun.id, begun.secret, begun.token, begun.expires.UTC().Format(time.RFC3339)}
	document, err := xml.Marshal(answer)
	if err != nil {
		writeSTSError(w, apiError{http.StatusInternalServerError, "InternalFailure", err.Error()})
		return
	}
	writeXML(w, http.StatusOK, document)
}

func (s *tokenService) assume(r *http.Request) (session, *apiError) {
	if refusal := checkParameters(r); refusal != nil {
		return session{}, refusal
	}
	subject, refusal := s.verifier.subject(r.PostForm.Get("WebIdentityToken"), time.Now())
	if refusal != nil {
		return session{}, refusal
	}
	begun, trusted := s.roles.assume(r.PostForm.Get("RoleArn"), subject)
	if !trusted {
		return session{}, &apiError{http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:" + assumeRole}
	}
	return begun, nil
}

// checkParameters refuses what is not exactly the one call that is served. AWS ignores parameters that it does not know.
func checkParameters(r *http.Request) *apiError {
	action, version := r.PostForm.Get("Action"), r.PostForm.Get("Version")
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "":
		return &apiError{400, "InvalidRequest", "the only request that this server takes is a form posted to /"}
	case action == "":
		return &apiError{400, "MissingAction", "the form has no Action"}
	case action != assumeRole || version != stsVersion:
		return &apiError{400, "InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", action, version)}
	}
	return checkValues(r.PostForm)
}

func checkValues(form url.Values) *apiError {
	for name, values := range form {
		_, known := assumeParameters[name]
		if !known && !slices.Contains([]string{"Action", "Version"}, name) || len(values) != 1 {
			return &apiError{400, "ValidationError", fmt.Sprintf("parameter %s is not known to this server, or given twice", name)}
		}
	}
	for name, pattern := range assumeParameters {
		if !pattern.MatchString(form.Get(name)) {
			return &apiError{400, "ValidationError", fmt.Sprintf(
				"1 validation error detected: Value at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", name, pattern)}
		}
	}
	return nil
}

// assumedRole names a session as AWS does; SDKs take the number of the account from it.
func assumedRole(role, sessionName string) string {
	parts := strings.Split(role, ":")
	name := parts[5][strings.LastIndex(parts[5], "/")+1:]
	return strings.Join([]string{"arn", parts[1], "sts", "", parts[4], "assumed-role/" + name + "/" + sessionName}, ":")
}

type assumeAnswer struct {
	XMLName xml.Name `xml:"AssumeRoleWithWebIdentityResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Result  struct {
		Credentials sessionCredentials `xml:"Credentials"`
		AssumedRole string             `xml:"AssumedRoleUser>Arn"`
	} `xml:"AssumeRoleWithWebIdentityResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type sessionCredentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

type stsErrorDocument struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	XMLNS     string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// writeSTSError answers as the services of AWS do that are called by forms.
func writeSTSError(w http.ResponseWriter, e apiError) {
	blames := "Sender"
	if e.status >= http.StatusInternalServerError {
		blames = "Receiver"
	}
	document, err := xml.Marshal(stsErrorDocument{XMLNS: stsXMLNS, Type: blames, Code: e.code, Message: e.message, RequestID: newRequestID()})
	if err != nil {
		// Nothing in the document can fail to marshal; the status still tells.
		document = nil
	}
	writeXML(w, e.status, document)
}
