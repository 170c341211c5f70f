package azureserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNamesOfThePublicCloud(t *testing.T) {
	for _, c := range []struct {
		host          string
		public        bool
		kind, account string
	}{
		{"login.azure.test", false, hostLogin, ""},
		{"account.blob.azure.test", true, hostBlob, "account"},
		{"login.microsoftonline.com", true, hostLogin, ""},
		{"management.azure.com:443", true, hostManagement, ""},
		{"account.blob.core.windows.net", true, hostBlob, "account"},
		{"login.microsoftonline.com", false, "", ""},
		{"account.blob.core.windows.net", false, "", ""},
		{"graph.microsoft.com", true, "", ""},
	} {
		f := newFront(Options{Domain: "azure.test", PublicCloud: c.public}, nil)
		r := httptest.NewRequest(http.MethodGet, "https://"+c.host+"/", nil)
		if kind, account := f.place(hostName(r)); kind != c.kind || account != c.account {
			t.Errorf("%s, public %t: is %q of account %q, want %q of %q", c.host, c.public, kind, account, c.kind, c.account)
		}
	}
}

// TestInstanceDiscovery: clients of the public cloud ask for the names of its directory; those of another never do.
func TestInstanceDiscovery(t *testing.T) {
	i := newIssuer(Identity{Tenant: "tenant"})
	for host, want := range map[string]int{publicLogin: http.StatusOK, "login.azure.test": http.StatusBadRequest} {
		answer := httptest.NewRecorder()
		i.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://"+host+"/common/discovery/instance?api-version=1.1", nil))
		if answer.Code != want {
			t.Errorf("%s answers %d, want %d", host, answer.Code, want)
		}
		if aliases := strings.Contains(answer.Body.String(), `"aliases":["`+publicLogin+`"`); aliases != (want == http.StatusOK) {
			t.Errorf("%s answers %s", host, answer.Body)
		}
	}
}
