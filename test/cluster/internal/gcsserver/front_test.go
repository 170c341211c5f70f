package gcsserver

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// world is a front with both accounts' key.
type testWorld struct {
	t     *testing.T
	front *front
	key   *rsa.PrivateKey
}

func newWorld(t *testing.T) *testWorld {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	o := Options{ListenTLS: "x", ListenAdmin: "x", CertFile: "x", KeyFile: "x", Accounts: Accounts{
		Main:             Account{Email: "a@main.iam.gserviceaccount.com", Project: "main", PublicKey: public},
		Other:            Account{Email: "a@other.iam.gserviceaccount.com", Project: "other", PublicKey: public},
		WorkloadIdentity: WorkloadIdentity{Audience: "pool", SubjectToken: "token"},
	}}
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: "storage.googleapis.com"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Stop)
	return &testWorld{t, newFront(o.Accounts, fake), key}
}

// do sends a request and returns status and body.
func (w *testWorld) do(method, target, token, body string) (int, string) {
	r := httptest.NewRequest(method, "https://storage.googleapis.com"+target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(target, "/token") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	w.front.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.String()
}

// assertion is what an account asks for a token with.
func (w *testWorld) assertion(email, audience, scope string, lifetime time.Duration) string {
	now := time.Now()
	claims, _ := json.Marshal(map[string]any{"iss": email, "aud": audience, "scope": scope, "iat": now.Unix(), "exp": now.Add(lifetime).Unix()})
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, w.key, crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func grantOf(assertion string) string {
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}.Encode()
}

func (w *testWorld) token(email, scope string) string {
	status, body := w.do("POST", "/token", "", grantOf(w.assertion(email, "https://storage.googleapis.com/token", scope, time.Hour)))
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); status != http.StatusOK || err != nil || answer.Token == "" {
		w.t.Fatalf("token: %d %s", status, body)
	}
	return answer.Token
}

func TestTokensAreChecked(t *testing.T) {
	w := newWorld(t)
	const audience = "https://storage.googleapis.com/token"
	forged := w.assertion(w.front.accounts.Main.Email, audience, scopeFull, time.Hour)
	for name, form := range map[string]string{
		"another grant":       "grant_type=password",
		"an unknown account":  grantOf(w.assertion("nobody@main.iam.gserviceaccount.com", audience, scopeFull, time.Hour)),
		"another audience":    grantOf(w.assertion(w.front.accounts.Main.Email, "https://elsewhere/token", scopeFull, time.Hour)),
		"one that lives long": grantOf(w.assertion(w.front.accounts.Main.Email, audience, scopeFull, 48*time.Hour)),
		"one that is over":    grantOf(w.assertion(w.front.accounts.Main.Email, audience, scopeFull, -time.Hour)),
		"a forged signature":  grantOf(forged[:len(forged)-8] + "AAAAAAAA"),
	} {
		if status, body := w.do("POST", "/token", "", form); status != http.StatusBadRequest || strings.Contains(body, "access_token") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	exchange := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "audience": {"pool"}, "scope": {scopeCloud}, "subject_token": {"token"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	}
	if status, body := w.do("POST", "/v1/token", "", exchange.Encode()); status != http.StatusOK {
		t.Errorf("exchange: %d %s", status, body)
	}
	for name := range exchange {
		wrong := url.Values{}
		for n, v := range exchange {
			wrong[n] = v
		}
		wrong.Set(name, "wrong")
		if status, _ := w.do("POST", "/v1/token", "", wrong.Encode()); status != http.StatusBadRequest {
			t.Errorf("exchange with a wrong %s: %d", name, status)
		}
	}
}

func TestRequestsAreChecked(t *testing.T) {
	w := newWorld(t)
	main, other := w.token(w.front.accounts.Main.Email, scopeFull), w.token(w.front.accounts.Other.Email, scopeFull)
	readOnly := w.token(w.front.accounts.Main.Email, "https://www.googleapis.com/auth/devstorage.read_only")
	const bucket = `{"name":"bb","location":"us-east1","labels":{"a":"1"}}`
	for _, step := range []struct {
		name, method, target, token, body string
		want                              int
		says                              string
	}{
		{"no token", "POST", "/storage/v1/b?project=main", "", bucket, 401, "Invalid Credentials"},
		{"a narrow token", "POST", "/storage/v1/b?project=main", readOnly, bucket, 403, "scopes"},
		{"another's project", "POST", "/storage/v1/b?project=other", main, bucket, 403, "storage.buckets.create"},
		{"no project", "POST", "/storage/v1/b", main, bucket, 400, "project"},
		{"an unknown field", "POST", "/storage/v1/b?project=main", main, `{"name":"bb","location":"x","labls":{}}`, 400, "labls"},
		{"a label that is none", "POST", "/storage/v1/b?project=main", main, `{"name":"bb","location":"x","labels":{"A/b":"c"}}`, 400, "label"},
		{"absent", "GET", "/storage/v1/b/bb", main, "", 404, "does not exist"},
		{"made", "POST", "/storage/v1/b?project=main", main, bucket, 200, `"location":"us-east1"`},
		{"made again", "POST", "/storage/v1/b?project=main", main, bucket, 409, "not available"},
		{"taken", "POST", "/storage/v1/b?project=other", other, bucket, 409, "not available"},
		{"another's bucket", "GET", "/storage/v1/b/bb", other, "", 403, "storage.buckets.get"},
		{"patched", "PATCH", "/storage/v1/b/bb", main, `{"labels":{"b":"2"}}`, 200, `"labels":{"a":"1","b":"2"}`},
		{"a patch with an unknown field", "PATCH", "/storage/v1/b/bb", main, `{"retentionPolicy":{}}`, 400, "retentionPolicy"},
		{"an unknown call", "POST", "/batch/storage/v1", main, "", 501, "does not know"},
		{"an unknown part of a bucket", "GET", "/storage/v1/b/bb/iam", main, "", 501, "does not know"},
		{"tags with a token for storage", "GET", "/v3/effectiveTags?parent=x", main, "", 403, "scopes"},
		{"deleted by another", "DELETE", "/storage/v1/b/bb", other, "", 403, ""},
	} {
		if status, body := w.do(step.method, step.target, step.token, step.body); status != step.want || !strings.Contains(body, step.says) {
			t.Errorf("%s: %d %s, want %d with %q", step.name, status, body, step.want, step.says)
		}
	}
	w.front.fake.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "bb", Name: "o"}, Content: []byte("x")})
	if status, _ := w.do("DELETE", "/storage/v1/b/bb", main, ""); status != http.StatusConflict {
		t.Errorf("a full bucket is deleted: %d", status)
	}
	ends := time.Now().Add(time.Minute).Unix()
	sum := sha256.Sum256(fmt.Appendf(nil, "GET\n\n\n%d\n/bb/o", ends))
	signature, err := rsa.SignPKCS1v15(nil, w.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signed := url.Values{
		"GoogleAccessId": {w.front.accounts.Main.Email}, "Expires": {fmt.Sprint(ends)}, "Signature": {base64.StdEncoding.EncodeToString(signature)},
	}
	if status, body := w.do("GET", "/bb/o?"+signed.Encode(), "", ""); status != http.StatusOK || body != "x" {
		t.Errorf("a signed URL: %d %s", status, body)
	}
	if status, _ := w.do("GET", "/bb/o2?"+signed.Encode(), "", ""); status != http.StatusForbidden {
		t.Errorf("a signed URL of another object: %d", status)
	}
	w.front.tokens.expire()
	if status, _ := w.do("GET", "/storage/v1/b/bb", main, ""); status != http.StatusUnauthorized {
		t.Errorf("an expired token: %d", status)
	}
}
