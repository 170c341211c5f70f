package swiftserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// tokenLife is how long a token is good; tests do not wait for its end but revoke it.
const tokenLife = time.Hour

// keystone stands in for Keystone's identity API, version 3, as far as logging in and checking tokens goes. It is as
// strict as Keystone about the shape of a request, and as silent about why it refuses one.
type keystone struct {
	directory Directory
	// storageURL is where Swift is, for the catalogue.
	storageURL string
	// identityURL is where this API is from outside, internalURL where Swift itself finds it.
	identityURL, internalURL string

	mu     sync.Mutex
	tokens map[string]token
}

// token is what was granted; project is nil for one without scope.
type token struct {
	user            *User
	project         *Project
	role            string
	methods         []string
	issued, expires time.Time
}

func newKeystone(directory Directory, outside, internalURL string) *keystone {
	return &keystone{
		directory: directory, storageURL: outside, identityURL: outside + identityPrefix, internalURL: internalURL, tokens: map[string]token{},
	}
}

// refusal is an answer of Keystone's that is no success.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.message) }

var unauthorized = &refusal{http.StatusUnauthorized, "The request you have made requires authentication."}

func malformed(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func (k *keystone) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusMultipleChoices, map[string]any{"versions": map[string]any{"values": []any{k.version()}}})
	})
	mux.HandleFunc("GET /v3/{$}", k.getVersion)
	mux.HandleFunc("GET /v3", k.getVersion)
	mux.HandleFunc("POST /v3/auth/tokens", k.postToken)
	mux.HandleFunc("GET /v3/auth/tokens", k.getToken)
	mux.HandleFunc("DELETE /v3/auth/tokens", k.deleteToken)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, &refusal{http.StatusNotFound, "The resource could not be found."})
	})
	return mux
}

func (k *keystone) version() map[string]any {
	return map[string]any{
		"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []any{map[string]string{"rel": "self", "href": k.identityURL + "/v3/"}},
		"media-types": []any{map[string]string{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

func (k *keystone) getVersion(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"version": k.version()})
}

func (k *keystone) postToken(w http.ResponseWriter, r *http.Request) {
	granted, refused := k.authenticate(r.Body)
	if refused != nil {
		refuse(w, refused)
		return
	}
	id := "gAAAA" + rand.Text() + rand.Text()
	k.mu.Lock()
	k.tokens[id] = granted
	k.mu.Unlock()
	w.Header().Set("X-Subject-Token", id)
	answer(w, http.StatusCreated, map[string]any{"token": k.document(granted)})
}

func (k *keystone) getToken(w http.ResponseWriter, r *http.Request) {
	caller, subject := r.Header.Get("X-Auth-Token"), r.Header.Get("X-Subject-Token")
	if _, good := k.lookup(caller); !good {
		refuse(w, unauthorized)
		return
	}
	found, good := k.lookup(subject)
	if !good {
		refuse(w, &refusal{http.StatusNotFound, "Could not find token."})
		return
	}
	w.Header().Set("X-Subject-Token", subject)
	answer(w, http.StatusOK, map[string]any{"token": k.document(found)})
}

func (k *keystone) deleteToken(w http.ResponseWriter, r *http.Request) {
	if _, good := k.lookup(r.Header.Get("X-Auth-Token")); !good {
		refuse(w, unauthorized)
		return
	}
	k.mu.Lock()
	delete(k.tokens, r.Header.Get("X-Subject-Token"))
	k.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// revoke ends all tokens but those of Swift itself, which would take its time to notice.
func (k *keystone) revoke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, t := range k.tokens {
		if t.user.Name != serviceUser {
			delete(k.tokens, id)
		}
	}
}

func (k *keystone) lookup(id string) (token, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, found := k.tokens[id]
	return t, found && time.Now().Before(t.expires)
}

// document is a token as Keystone shows it.
func (k *keystone) document(t token) map[string]any {
	const layout = "2006-01-02T15:04:05.000000Z"
	document := map[string]any{
		"methods": t.methods, "audit_ids": []string{"audit"},
		"issued_at": t.issued.UTC().Format(layout), "expires_at": t.expires.UTC().Format(layout),
		"user": map[string]any{
			"id": idOf(t.user.Name), "name": t.user.Name, "password_expires_at": nil,
			"domain": map[string]string{"id": domainID(t.user.Domain), "name": t.user.Domain},
		},
	}
	if t.project == nil {
		return document
	}
	document["is_domain"] = false
	document["project"] = map[string]any{
		"id": idOf(t.project.Name), "name": t.project.Name,
		"domain": map[string]string{"id": domainID(defaultDomain), "name": defaultDomain},
	}
	document["roles"] = []any{map[string]string{"id": idOf(t.role), "name": t.role}}
	document["catalog"] = k.catalog(t.project)
	return document
}

func (k *keystone) catalog(p *Project) []any {
	service := func(kind, name, public, internal string) map[string]any {
		endpoints := make([]any, 0, 3)
		for _, of := range []struct{ kind, url string }{{"admin", internal}, {"internal", internal}, {"public", public}} {
			endpoints = append(endpoints, map[string]string{
				"id": of.kind + "-of-" + name, "interface": of.kind, "region": p.Region, "region_id": p.Region, "url": of.url,
			})
		}
		return map[string]any{"id": idOf(name), "type": kind, "name": name, "endpoints": endpoints}
	}
	list := []any{service("identity", "keystone", k.identityURL, k.internalURL)}
	if p.ServiceType != "" {
		list = append(list, service(p.ServiceType, p.ServiceName, k.storageURL+"/v1/AUTH_"+idOf(p.Name), "https://not-for-clusters.invalid/"))
	}
	return list
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "X-Auth-Token")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}

func refuse(w http.ResponseWriter, r *refusal) {
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Keystone")
	}
	answer(w, r.status, map[string]any{"error": map[string]any{"code": r.status, "message": r.message, "title": http.StatusText(r.status)}})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
