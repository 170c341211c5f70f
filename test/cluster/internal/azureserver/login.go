package azureserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// issuer is the directory: it gives tokens and knows them again.
type issuer struct {
	identity Identity
	key      []byte
}

func newIssuer(identity Identity) *issuer {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return &issuer{identity: identity, key: key}
}

const tokenLife = time.Hour

// ServeHTTP serves the endpoints below a tenant.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if hostName(r) == publicLogin && r.URL.Path == "/common/discovery/instance" {
		i.discover(w)
		return
	}
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if tenant != i.identity.Tenant {
		refuse(w, hostLogin, http.StatusBadRequest, "invalid_tenant", "AADSTS90002: Tenant '"+tenant+"' not found.")
		return
	}
	switch rest {
	case "v2.0/.well-known/openid-configuration":
		base := "https://" + r.Host + "/" + tenant
		writeJSON(w, http.StatusOK, map[string]string{
			"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "issuer": base + "/v2.0",
		})
	case "oauth2/v2.0/token":
		i.token(w, r)
	default:
		refuse(w, hostLogin, http.StatusNotFound, "not_found", "AADSTS900144: no such endpoint.")
	}
}

// discover names the hosts of the public cloud's directory, which clients ask before they keep a token.
func (i *issuer) discover(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + publicLogin + "/" + i.identity.Tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": publicLogin, "preferred_cache": "login.windows.net",
			"aliases": []string{publicLogin, "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		}},
	})
}

// token gives a token for the credentials of the one client.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, hostLogin, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	form := r.PostForm
	switch {
	case form.Get("grant_type") != "client_credentials":
		refuse(w, hostLogin, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: the grant is not supported.")
		return
	case form.Get("client_id") != i.identity.Client:
		refuse(w, hostLogin, http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application with identifier was not found in the directory.")
		return
	case !i.proven(form.Get("client_secret"), form.Get("client_assertion")):
		refuse(w, hostLogin, http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
		return
	}
	audience := ""
	for scope := range strings.FieldsSeq(form.Get("scope")) {
		if a, found := strings.CutSuffix(scope, "/.default"); found {
			audience = a
		}
	}
	if audience == "" || strings.HasSuffix(audience, "/") {
		refuse(w, hostLogin, http.StatusBadRequest, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "access_token": i.sign(audience),
	})
}

// proven tells whether the client is who it says: by its secret, by the federated token that the test wrote, or by an
// assertion that it signed with a certificate and sent with its chain.
func (i *issuer) proven(secret, assertion string) bool {
	if secret != "" {
		return secret == i.identity.Secret
	}
	if assertion == "" {
		return false
	}
	return assertion == i.identity.Assertion || signedByCertificate(assertion, i.identity.Client)
}

// sign makes a token as Azurite wants it; the signature is what this server knows it by.
func (i *issuer) sign(audience string) string {
	now := time.Now()
	claims := map[string]any{
		"aud": audience, "iss": "https://sts.windows.net/" + i.identity.Tenant + "/", "oid": i.identity.Client, "tid": i.identity.Tenant,
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(tokenLife).Unix(),
	}
	encode := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := encode(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + encode(claims)
	return text + "." + i.signature(text)
}

func (i *issuer) signature(text string) string {
	mac := hmac.New(sha256.New, i.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// admits tells whether the request carries one of our tokens for the audience.
func (i *issuer) admits(r *http.Request, audience string) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	end := strings.LastIndex(token, ".")
	if !found || end < 0 || !hmac.Equal([]byte(token[end+1:]), []byte(i.signature(token[:end]))) {
		return false
	}
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Audience string `json:"aud"`
	}
	return err == nil && json.Unmarshal(text, &claims) == nil && claims.Audience == audience
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
