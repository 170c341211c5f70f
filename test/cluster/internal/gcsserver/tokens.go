package gcsserver

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// tokenLifetime is Google's.
const tokenLifetime = time.Hour

const (
	scopeFull  = "https://www.googleapis.com/auth/devstorage.full_control"
	scopeCloud = "https://www.googleapis.com/auth/cloud-platform"
)

// grant is what an access token stands for.
type grant struct {
	account *Account
	// federated tokens may do nothing but act as an account.
	federated bool
	scopes    []string
	ends      time.Time
}

func (g grant) may(scope string) bool {
	return !g.federated && (slices.Contains(g.scopes, scope) || slices.Contains(g.scopes, scopeCloud))
}

// tokens are those that have been issued.
type tokens struct {
	mu      sync.Mutex
	grants  map[string]grant
	revoked map[string]bool
}

func newTokens() *tokens { return &tokens{grants: map[string]grant{}, revoked: map[string]bool{}} }

func (t *tokens) issue(g grant) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := "ya29." + rand.Text()
	g.ends = time.Now().Add(tokenLifetime)
	t.grants[token] = g
	return token
}

// of is the grant behind a request's token; false for none, an unknown, an expired one and those of a revoked account.
func (t *tokens) of(r *http.Request) (grant, bool) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t.mu.Lock()
	defer t.mu.Unlock()
	g, found := t.grants[token]
	if !bearer || !found || time.Now().After(g.ends) || g.account != nil && t.revoked[g.account.Email] {
		return grant{}, false
	}
	return g, true
}

// expire ends all tokens.
func (t *tokens) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, g := range t.grants {
		g.ends = time.Time{}
		t.grants[token] = g
	}
}

func (t *tokens) revoke(email string, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.revoked[email] = yes
}

func (t *tokens) isRevoked(email string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.revoked[email]
}

// serveToken is the token endpoint for assertions of service accounts (RFC 7523).
func (f *front) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
		return
	}
	account, scopes, problem := f.assertion(r.PostForm.Get("assertion"), "https://"+r.Host+r.URL.Path)
	if problem != "" {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", problem)
		return
	}
	f.answerToken(w, map[string]any{"token_type": "Bearer"}, grant{account: account, scopes: scopes})
}

func (f *front) answerToken(w http.ResponseWriter, answer map[string]any, g grant) {
	answer["access_token"], answer["expires_in"] = f.tokens.issue(g), int(tokenLifetime.Seconds())
	writeJSON(w, http.StatusOK, answer)
}

// assertion checks a signed assertion as Google does: signature, audience and times. problem is what is wrong with it.
func (f *front) assertion(text, audience string) (account *Account, scopes []string, problem string) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, "Invalid JWT: it has no three parts"
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Scope    string `json:"scope"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil, nil, "Invalid JWT: it does not decode"
	}
	account = f.account(claims.Issuer)
	if account == nil || f.tokens.isRevoked(claims.Issuer) {
		return nil, nil, "Invalid grant: account not found"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(account.key, crypto.SHA256, sum[:], signature) != nil {
		return nil, nil, "Invalid JWT Signature."
	}
	now := time.Now().Unix()
	if claims.Audience != audience || claims.Issued > now+60 || claims.Expires < now || claims.Expires-claims.Issued > 3600+60 {
		return nil, nil, fmt.Sprintf("Invalid JWT: audience %s instead of %s, or not a short-lived one", claims.Audience, audience)
	}
	return account, strings.Fields(claims.Scope), ""
}

func (f *front) account(email string) *Account {
	for _, account := range []*Account{&f.accounts.Main, &f.accounts.Other} {
		if account.Email == email {
			return account
		}
	}
	return nil
}

// serveExchange is the security token service: the cluster's token becomes one of the provider (RFC 8693).
func (f *front) serveExchange(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "the form does not decode")
		return
	}
	for name, want := range map[string]string{
		"grant_type":           "urn:ietf:params:oauth:grant-type:token-exchange",
		"requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
		"subject_token_type":   "urn:ietf:params:oauth:token-type:jwt",
		"audience":             f.accounts.WorkloadIdentity.Audience,
		"scope":                scopeCloud,
	} {
		if got := r.PostForm.Get(name); got != want {
			refuseToken(w, http.StatusBadRequest, "invalid_request", fmt.Sprintf("%s is %q, not %q", name, got, want))
			return
		}
	}
	if r.PostForm.Get("subject_token") != f.accounts.WorkloadIdentity.SubjectToken {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "The given credential is rejected by the attribute condition.")
		return
	}
	f.answerToken(w, map[string]any{
		"token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
	}, grant{federated: true, scopes: []string{scopeCloud}})
}

// serveImpersonation lets a federated token act as the main account.
func (f *front) serveImpersonation(w http.ResponseWriter, r *http.Request, email string) {
	g, found := f.tokens.of(r)
	if !found || !g.federated || email != f.accounts.Main.Email || f.tokens.isRevoked(email) {
		writeJSON(w, http.StatusForbidden, map[string]any{"error": map[string]any{
			"code": http.StatusForbidden, "status": "PERMISSION_DENIED",
			"message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource",
		}})
		return
	}
	var in struct {
		Scope    []string `json:"scope"`
		Lifetime string   `json:"lifetime"`
	}
	if err := readStrict(r.Body, &in); err != nil || len(in.Scope) == 0 {
		writeError(w, http.StatusBadRequest, "invalid", fmt.Sprintf("generateAccessToken: %v", err))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"accessToken": f.tokens.issue(grant{account: &f.accounts.Main, scopes: in.Scope}),
		"expireTime":  time.Now().Add(tokenLifetime).UTC().Format(time.RFC3339),
	})
}

func refuseToken(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}
