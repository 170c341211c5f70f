package azureserver

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

const (
	testGroup   = "/subscriptions/sub/resourceGroups/rg/providers/"
	testAccount = testGroup + "Microsoft.Storage/storageAccounts/one"
	version     = "?api-version=2023-01-01"
	goodAccount = `{"kind":"StorageV2","location":"here","sku":{"name":"Standard_LRS"},"properties":{"allowSharedKeyAccess":false}}`
)

// testFront is a front without Azurite: what is tested here asks for no blobs.
func testFront(t *testing.T) *front {
	t.Helper()
	blobs := &azurite{file: filepath.Join(t.TempDir(), "accounts"), accounts: map[string]string{}}
	return newFront(Options{Domain: "azure.test", Identity: Identity{
		Tenant: "ten", Client: "cli", Secret: "sec", Assertion: "token", Subscription: "sub", Groups: []string{"rg"},
	}}, blobs)
}

func (f *front) ask(method, host, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://"+host+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if host == "login.azure.test" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestResourceManagerIsStrict(t *testing.T) {
	f := testFront(t)
	token := f.issuer.sign("https://management.azure.test")
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		code                            string
	}{
		{"no token", "GET", testAccount + version, "", "", 401, "InvalidAuthenticationToken"},
		{"a token for blobs", "GET", testAccount + version, f.issuer.sign(storageAudience), "", 401, "InvalidAuthenticationToken"},
		{"a forged token", "GET", testAccount + version, token + "x", "", 401, "InvalidAuthenticationToken"},
		{"no api-version", "GET", testAccount, token, "", 400, "MissingApiVersionParameter"},
		{"another subscription", "GET", strings.Replace(testAccount, "/sub/", "/other/", 1) + version, token, "", 404, "SubscriptionNotFound"},
		{"another group", "GET", strings.Replace(testAccount, "/rg/", "/other/", 1) + version, token, "", 404, "ResourceGroupNotFound"},
		{"an unknown kind", "GET", testGroup + "Microsoft.Compute/virtualMachines/one" + version, token, "", 404, "InvalidResourceType"},
		{"nothing there", "GET", testAccount + version, token, "", 404, "ResourceNotFound"},
		{"an unknown field", "PUT", testAccount + version, token, strings.Replace(goodAccount, "allowSharedKeyAccess", "allowSharedKey", 1), 400, "InvalidRequestContent"},
		{"no location", "PUT", testAccount + version, token, strings.Replace(goodAccount, "here", "", 1), 400, "InvalidRequest"},
		{"a record without its zone", "PUT", testGroup + "Microsoft.Network/privateDnsZones/z/A/one" + version, token, `{"properties":{"ttl":10,"aRecords":[{"ipv4Address":"10.0.0.1"}]}}`, 404, "ParentResourceNotFound"},
		{"an account", "PUT", testAccount + version, token, goodAccount, 200, ""},
		{"its deletion", "DELETE", testAccount + version, token, "", 200, ""},
		{"its second deletion", "DELETE", testAccount + version, token, "", 204, ""},
	} {
		w := f.ask(c.method, "management.azure.test", c.path, c.token, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, w.Body, c.status, c.code)
		}
	}
}

func TestRoleAndOperations(t *testing.T) {
	f := testFront(t)
	token := f.issuer.sign("https://management.azure.test")
	f.model.settings = Settings{Looks: 1, Role: []string{"Microsoft.Storage/storageAccounts/write"}}
	created := f.ask("PUT", "management.azure.test", testAccount+version, token, goodAccount)
	if created.Code != http.StatusAccepted || created.Header().Get("Location") == "" {
		t.Fatalf("creation: %d %v", created.Code, created.Header())
	}
	if w := f.ask("GET", "management.azure.test", testAccount+version, token, ""); w.Code != http.StatusForbidden {
		t.Errorf("reading without the right: %d", w.Code)
	}
	for i, want := range []int{http.StatusAccepted, http.StatusOK} {
		if w := f.ask("GET", "management.azure.test", strings.TrimPrefix(created.Header().Get("Location"), "https://management.azure.test"), token, ""); w.Code != want {
			t.Errorf("look %d at the operation: %d", i, w.Code)
		}
	}
	last := f.records.After(0).Requests[1]
	if len(last.Actions) != 1 || last.Actions[0] != "Microsoft.Storage/storageAccounts/read" || last.Status != http.StatusForbidden {
		t.Errorf("record is %+v", last)
	}
}

func TestTokens(t *testing.T) {
	f := testFront(t)
	const scope = "&scope=https%3A%2F%2Fmanagement.azure.test%2F.default"
	for form, want := range map[string]int{
		"grant_type=client_credentials&client_id=cli&client_secret=sec" + scope:                             200,
		"grant_type=client_credentials&client_id=cli&client_secret=wrong" + scope:                           401,
		"grant_type=client_credentials&client_id=cli&client_assertion=token" + scope:                        200,
		"grant_type=client_credentials&client_id=cli&client_assertion=a.b.c" + scope:                        401,
		"grant_type=client_credentials&client_id=other&client_secret=sec" + scope:                           400,
		"grant_type=client_credentials&client_id=cli&client_secret=sec&scope=https%3A%2F%2Fm%2F%2F.default": 400,
	} {
		if w := f.ask("POST", "login.azure.test", "/ten/oauth2/v2.0/token", "", form); w.Code != want {
			t.Errorf("%s: %d %s, want %d", form, w.Code, w.Body, want)
		}
	}
}
