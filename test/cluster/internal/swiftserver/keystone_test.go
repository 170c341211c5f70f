package swiftserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
)

func testKeystone(t *testing.T) *keystone {
	t.Helper()
	directory := Directory{
		Users: []User{{Name: "u", Password: "p", Domain: "Own", Roles: map[string]string{"with": "member", "bare": "member"}}},
		Projects: []Project{
			{Name: "with", ServiceType: "object-store", ServiceName: "swift", Region: "one"}, {Name: "bare"}, {Name: "foreign"},
		},
		Applications: []Application{{ID: "a", Name: "app", Secret: "s", User: "u", Project: "with"}},
	}
	if err := directory.complete(); err != nil {
		t.Fatal(err)
	}
	return newKeystone(directory, "https://outside", "http://inside")
}

func send(k *keystone, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, value := range header {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	k.handler().ServeHTTP(recorder, request)
	return recorder
}

// TestAuthentication holds the stand-in to what Keystone does: a test that passes with a request Keystone would refuse
// shows nothing.
func TestAuthentication(t *testing.T) {
	const user = `"user": {"name": "u", "password": "p", "domain": {"name": "Own"}}`
	password := func(inner, scope string) string {
		return `{"auth": {"identity": {"methods": ["password"], "password": {` + inner + `}}` + scope + `}}`
	}
	application := func(inner, scope string) string {
		return `{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {` + inner + `}}` + scope + `}}`
	}
	const with = `, "scope": {"project": {"id": "id-of-with"}}`
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"project by id":                       {password(user, with), 201},
		"project by name":                     {password(user, `, "scope": {"project": {"name": "with", "domain": {"id": "default"}}}`), 201},
		"no project":                          {password(user, ""), 201},
		"wrong password":                      {password(strings.Replace(user, `"p"`, `"q"`, 1), with), 401},
		"unknown user":                        {password(strings.Replace(user, `"u"`, `"x"`, 1), with), 401},
		"another domain":                      {password(strings.Replace(user, "Own", "Default", 1), with), 401},
		"no domain":                           {password(`"user": {"name": "u", "password": "p"}`, with), 400},
		"a domain by name and id":             {password(`"user": {"name": "u", "password": "p", "domain": {"name": "Own", "id": "id-of-Own"}}`, with), 400},
		"a project without a role":            {password(user, `, "scope": {"project": {"id": "id-of-foreign"}}`), 401},
		"a project by name without a domain":  {password(user, `, "scope": {"project": {"name": "with"}}`), 400},
		"an unknown member":                   {password(user, `, "scopes": {}`), 400},
		"no method":                           {`{"auth": {"identity": {"methods": []}}}`, 400},
		"application credential":              {application(`"id": "a", "secret": "s"`, ""), 201},
		"application credential by name":      {application(`"name": "app", "secret": "s", "user": {"name": "u", "domain": {"name": "Own"}}`, ""), 201},
		"application credential with a scope": {application(`"id": "a", "secret": "s"`, with), 401},
		"application credential, wrong":       {application(`"id": "a", "secret": "x"`, ""), 401},
		"application credential of nobody":    {application(`"name": "app", "secret": "s"`, ""), 400},
		"a token that never was":              {`{"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}}}`, 401},
	} {
		t.Run(name, func(t *testing.T) {
			answer := send(testKeystone(t), http.MethodPost, "/v3/auth/tokens", test.body, nil)
			if answer.Code != test.want || (answer.Header().Get("X-Subject-Token") != "") != (test.want == 201) {
				t.Errorf("answered %d, want %d: %s", answer.Code, test.want, answer.Body)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	k := testKeystone(t)
	body := `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "u", "password": "p", "domain": {"name": "Own"}}}},
		"scope": {"project": {"id": "id-of-PROJECT"}}}}`
	for project, services := range map[string]int{"with": 2, "bare": 1} {
		answer := send(k, http.MethodPost, "/v3/auth/tokens", strings.Replace(body, "PROJECT", project, 1), nil)
		var document struct {
			Token struct {
				Catalog []struct{ Type string }
			}
		}
		if err := json.NewDecoder(answer.Body).Decode(&document); err != nil || len(document.Token.Catalog) != services {
			t.Errorf("%v; catalogue of project %s: %+v, want %d services", err, project, document.Token.Catalog, services)
		}
		token := answer.Header().Get("X-Subject-Token")
		look := func() int {
			return send(k, http.MethodGet, "/v3/auth/tokens", "", map[string]string{"X-Auth-Token": token, "X-Subject-Token": token}).Code
		}
		if got := look(); got != 200 {
			t.Errorf("a good token: %d", got)
		}
		k.revoke()
		if got := look(); got != 401 {
			t.Errorf("a revoked token: %d", got)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, valid := range map[string]bool{
		`[{"status": 503, "retryAfter": 3}]`:                    true,
		`[{"delay": "1s", "match": {"service": "identity"}}]`:   true,
		`[{"blackhole": true}]`:                                 true,
		`[{"match": {"method": "GET"}}]`:                        false,
		`[{"status": 503, "blackhole": true}]`:                  false,
		`[{"status": 99}]`:                                      false,
		`[{"delay": "soon"}]`:                                   false,
		`[{"status": 503, "matches": {"service": "identity"}}]`: false,
	} {
		if _, err := faults.Read[Match](strings.NewReader(text)); (err == nil) != valid {
			t.Errorf("%s: %v, want valid %t", text, err, valid)
		}
	}
	f := frontOf(http.NotFoundHandler(), http.NotFoundHandler())
	ask := func(path string) *http.Response {
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Result()
	}
	f.faults.Replace([]Fault{{Match: Match{Service: "object-store"}, Status: 503, RetryAfter: 7, Message: "later", Times: 1}})
	if got := ask("/identity/v3").StatusCode; got != 404 {
		t.Errorf("a request to the other service: %d", got)
	}
	answer := ask("/v1/AUTH_x/c?limit=1")
	if content, _ := io.ReadAll(answer.Body); answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "7" || string(content) != "later" {
		t.Errorf("the fault answers %d %v %q", answer.StatusCode, answer.Header, content)
	}
	if got := ask("/v1/AUTH_x/c").StatusCode; got != 404 {
		t.Errorf("a fault that is used up: %d", got)
	}
	got := f.records.After(1)
	records := got.Requests
	if got.Last != 3 || len(records) != 2 || records[0].Status != 503 || records[0].Query[0] != "limit" || records[0].Service != "object-store" {
		t.Errorf("recorded %+v", records)
	}
}
