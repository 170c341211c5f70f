package s3server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

const (
	operatorSubject = "system:serviceaccount:openshift-image-registry:cluster-image-registry-operator"
	roleOfTest      = "arn:aws:iam::123456789012:role/path/registry"
)

// claims are those of a token that is good for an hour.
func claims(edits map[string]any) map[string]any {
	c := map[string]any{
		"iss": s3test.Issuer, "aud": []string{s3test.Audience}, "sub": operatorSubject,
		"nbf": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(c, edits)
	return c
}

func token(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	text, err := s3test.Token(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// form is what the SDKs post for a role and a token.
func form(role, token string) url.Values {
	return url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"1700000000"}, "WebIdentityToken": {token},
	}
}

// stsAnswer is an answer of STS, good or bad.
type stsAnswer struct {
	Status int `xml:"-"`
	Result struct {
		Key     string    `xml:"Credentials>AccessKeyId"`
		Secret  string    `xml:"Credentials>SecretAccessKey"`
		Token   string    `xml:"Credentials>SessionToken"`
		Expires time.Time `xml:"Credentials>Expiration"`
		As      string    `xml:"AssumedRoleUser>Arn"`
	} `xml:"AssumeRoleWithWebIdentityResult"`
	Type    string `xml:"Error>Type"`
	Code    string `xml:"Error>Code"`
	Message string `xml:"Error>Message"`
}

func askSTS(t *testing.T, endpoint string, form url.Values) (answer stsAnswer) {
	t.Helper()
	response, err := (&http.Client{Transport: server.Transport()}).PostForm(endpoint, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := xml.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	answer.Status = response.StatusCode
	return answer
}

// withRole gives the account the role for the time of a test.
func withRole(t *testing.T, life time.Duration, subjects ...string) {
	t.Helper()
	role := s3server.Role{ARN: roleOfTest, Subjects: subjects, Life: s3server.Duration(life)}
	if status := admin(t, http.MethodPut, "/roles", role, nil); status != http.StatusNoContent {
		t.Fatalf("making a role: %d", status)
	}
	t.Cleanup(func() { admin(t, http.MethodDelete, "/roles?arn="+url.QueryEscape(roleOfTest), nil, nil) })
}

// assume exchanges a good token at STS's own name.
func assume(t *testing.T) stsAnswer {
	t.Helper()
	answer := askSTS(t, "https://"+s3test.STSHost+"/", form(roleOfTest, token(t, server.Issuers, claims(nil))))
	if answer.Status != http.StatusOK {
		t.Fatalf("assuming the role: %+v", answer)
	}
	return answer
}

func sessionClient(given stsAnswer, sessionToken string) *s3.Client {
	return server.Client(s3server.Account{}, false, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(given.Result.Key, given.Result.Secret, sessionToken)
	})
}

func TestTokensBecomeCredentials(t *testing.T) {
	withRole(t, 0, operatorSubject)
	for name, endpoint := range map[string]string{"at its own name": "https://" + s3test.STSHost, "at the S3 endpoint": s3test.Endpoint} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			given := askSTS(t, endpoint+"/", form(roleOfTest, token(t, server.Issuers, claims(nil))))
			if given.Status != http.StatusOK || given.Result.As != "arn:aws:sts::123456789012:assumed-role/registry/1700000000" {
				t.Fatalf("answer: %+v", given)
			}
			if life := given.Result.Expires.Sub(before); life < 59*time.Minute || life > 61*time.Minute {
				t.Errorf("the session ends in %s, want an hour", life)
			}
			name := bucket(t, sessionClient(given, given.Result.Token))
			if _, err := mainClient(t).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: name}); err != nil {
				t.Errorf("the bucket of a session is not the account's: %v", err)
			}
			if err := block(t, sessionClient(given, given.Result.Token), name); err != nil {
				t.Errorf("a setting of it: %v", err)
			}
			asked := recordsOf(t, func(r s3server.Record) bool { return r.Action == "AssumeRoleWithWebIdentity" })
			signed := recordsOf(t, func(r s3server.Record) bool { return r.Bucket == *name && r.AccessKeyID == given.Result.Key })
			if len(asked) == 0 || asked[len(asked)-1].Role != roleOfTest || asked[len(asked)-1].Status != http.StatusOK {
				t.Errorf("records of STS: %+v", asked)
			}
			if len(signed) != 2 || signed[0].Role != roleOfTest || signed[1].Role != roleOfTest {
				t.Errorf("records of the session: %+v", signed)
			}
		})
	}
}

func recordsOf(t *testing.T, which func(s3server.Record) bool) []s3server.Record {
	t.Helper()
	var log s3server.Requests
	admin(t, http.MethodGet, "/requests", nil, &log)
	return slices.DeleteFunc(log.Requests, func(r s3server.Record) bool { return !which(r) })
}

func TestTokensAreRefused(t *testing.T) {
	withRole(t, 0, operatorSubject)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := token(t, server.Issuers, claims(nil))
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	forged := strings.Split(token(t, stranger, claims(map[string]any{"sub": "system:admin"})), ".")[1]
	of := func(edits map[string]any) string { return token(t, server.Issuers, claims(edits)) }
	for name, c := range map[string]struct {
		form         url.Values
		status       int
		code, saying string
	}{
		"signed by somebody else":         {form(roleOfTest, token(t, stranger, claims(nil))), 400, "InvalidIdentityToken", "signature"},
		"signed for other claims":         {form(roleOfTest, parts[0]+"."+forged+"."+parts[2]), 400, "InvalidIdentityToken", "signature"},
		"not signed":                      {form(roleOfTest, unsigned), 400, "InvalidIdentityToken", "RS256"},
		"not a token":                     {form(roleOfTest, "not.a-token"), 400, "InvalidIdentityToken", "not a JWT"},
		"from another issuer":             {form(roleOfTest, of(map[string]any{"iss": "https://other.test"})), 400, "InvalidIdentityToken", "https://other.test"},
		"for another audience":            {form(roleOfTest, of(map[string]any{"aud": []string{s3test.Issuer}})), 400, "InvalidIdentityToken", "audience"},
		"expired":                         {form(roleOfTest, of(map[string]any{"exp": time.Now().Add(-time.Second).Unix()})), 400, "ExpiredTokenException", "must be before"},
		"without an end":                  {form(roleOfTest, of(map[string]any{"exp": 0})), 400, "ExpiredTokenException", "must be before"},
		"not valid yet":                   {form(roleOfTest, of(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})), 400, "InvalidIdentityToken", "not valid yet"},
		"about somebody who is untrusted": {form(roleOfTest, of(map[string]any{"sub": "system:serviceaccount:default:default"})), 403, "AccessDenied", "Not authorized"},
		"for a role that is not there":    {form(roleOfTest+"2", good), 403, "AccessDenied", "Not authorized"},
		"for a role without a name":       {form("registry", good), 400, "ValidationError", "RoleArn"},
		"without a session name":          {edited(form(roleOfTest, good), "RoleSessionName", ""), 400, "ValidationError", "RoleSessionName"},
		"with a parameter it cannot know": {edited(form(roleOfTest, good), "DurationSeconds", "900"), 400, "ValidationError", "DurationSeconds"},
		"for another action":              {edited(form(roleOfTest, good), "Action", "GetCallerIdentity"), 400, "InvalidAction", "GetCallerIdentity"},
		"in another version":              {edited(form(roleOfTest, good), "Version", "2010-05-08"), 400, "InvalidAction", "2010-05-08"},
		"without an action":               {edited(form(roleOfTest, good), "Action", ""), 400, "MissingAction", ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := askSTS(t, "https://"+s3test.STSHost+"/", c.form)
			if answer.Status != c.status || answer.Code != c.code || answer.Type != "Sender" || !strings.Contains(answer.Message, c.saying) {
				t.Errorf("answer %+v, want %d %s", answer, c.status, c.code)
			}
			if answer.Result.Key != "" {
				t.Error("a refusal has a key")
			}
		})
	}
	refused := recordsOf(t, func(r s3server.Record) bool { return r.Code == "ExpiredTokenException" })
	if len(refused) != 2 {
		t.Errorf("records of expired tokens: %+v", refused)
	}
}

func edited(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

func TestFaultsOfSTS(t *testing.T) {
	withRole(t, 0, operatorSubject)
	admin(t, http.MethodPut, "/faults", []s3server.Fault{{Status: 503, Code: "Throttling", Message: "Rate exceeded"}}, nil)
	t.Cleanup(func() { admin(t, http.MethodDelete, "/faults", nil, nil) })
	answer := askSTS(t, "https://"+s3test.STSHost+"/", form(roleOfTest, token(t, server.Issuers, claims(nil))))
	if answer.Status != 503 || answer.Code != "Throttling" || answer.Message != "Rate exceeded" || answer.Type != "Receiver" {
		t.Errorf("answer %+v", answer)
	}
}

func TestSessionsNeedTheirToken(t *testing.T) {
	withRole(t, 0, operatorSubject)
	given, other := assume(t), assume(t)
	in := bucket(t, mainClient(t))
	look := func(client *s3.Client) error {
		_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: in})
		return err
	}
	if err := look(sessionClient(given, given.Result.Token)); err != nil {
		t.Errorf("with its own token: %v", err)
	}
	wantError(t, look(sessionClient(given, "")), http.StatusForbidden, "InvalidAccessKeyId")
	wantToken(t, look(sessionClient(given, other.Result.Token)), "InvalidToken")
	wrong := given
	wrong.Result.Secret += "x"
	wantError(t, look(sessionClient(wrong, given.Result.Token)), http.StatusForbidden, "SignatureDoesNotMatch")
	permanent := stsAnswer{}
	permanent.Result.Key, permanent.Result.Secret = server.Accounts.Main.AccessKeyID, server.Accounts.Main.SecretAccessKey
	wantToken(t, look(sessionClient(permanent, given.Result.Token)), "InvalidToken")
}

// wantToken checks a refusal of a session token.
func wantToken(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func TestPresignedBySessions(t *testing.T) {
	withRole(t, 0, operatorSubject)
	given := assume(t)
	in := bucket(t, mainClient(t))
	if _, err := mainClient(t).PutObject(t.Context(), &s3.PutObjectInput{Bucket: in, Key: aws.String("k"), Body: strings.NewReader("content")}); err != nil {
		t.Fatal(err)
	}
	get := func(sessionToken string) int {
		signed, err := s3.NewPresignClient(sessionClient(given, sessionToken)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: in, Key: aws.String("k")})
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: server.Transport()}).Get(signed.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if status := get(given.Result.Token); status != http.StatusOK {
		t.Errorf("with its token: %d", status)
	}
	if status := get("of nobody"); status/100 != 4 {
		t.Errorf("with a wrong token: %d", status)
	}
	if status := get(""); status != http.StatusForbidden {
		t.Errorf("without a token: %d", status)
	}
}

func TestSessionsEnd(t *testing.T) {
	in := bucket(t, mainClient(t))
	look := func(given stsAnswer) error {
		_, err := sessionClient(given, given.Result.Token).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: in})
		return err
	}
	withRole(t, -time.Minute, operatorSubject)
	wantError(t, look(assume(t)), http.StatusBadRequest, "ExpiredToken")

	withRole(t, 0, operatorSubject)
	given := assume(t)
	if err := look(given); err != nil {
		t.Fatal(err)
	}
	if status := admin(t, http.MethodDelete, "/roles?arn="+url.QueryEscape(roleOfTest), nil, nil); status != http.StatusNoContent {
		t.Fatalf("removing the role: %d", status)
	}
	wantError(t, look(given), http.StatusForbidden, "InvalidAccessKeyId")
	last := recordsOf(t, func(r s3server.Record) bool { return r.AccessKeyID == given.Result.Key })
	if len(last) != 2 || last[1].Role != roleOfTest {
		t.Errorf("records of a session that ended: %+v", last)
	}
	if status := admin(t, http.MethodDelete, "/roles?arn="+url.QueryEscape(roleOfTest), nil, nil); status != http.StatusNotFound {
		t.Errorf("removing a role that is not there: %d", status)
	}
	if status := admin(t, http.MethodPut, "/roles", s3server.Role{ARN: "registry"}, nil); status != http.StatusBadRequest {
		t.Errorf("a role without an ARN: %d", status)
	}
}
