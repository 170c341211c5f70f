package ibmcos_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const keyPath = "/v2/resource_keys/"

// driftOfKey is drift for the conformance suite: the key is all that could drift. It is one that somebody gave: the key in its
// place has another name, and so another path.
func (s *server) driftOfKey() *storagetest.Drift {
	return &storagetest.Drift{
		Inputs: func(t *testing.T) storage.Inputs { t.Helper(); return s.inputs(t, "drifting-medium") },
		Spoil: map[string]func(*testing.T, storage.Inputs){
			"the key is removed": func(t *testing.T, in storage.Inputs) { t.Helper(); s.removeKey(t, in) },
		},
		Settings: func(t *testing.T, in storage.Inputs) string {
			t.Helper()
			return s.pair(t, in.Coordinates.IBMCOS.ResourceKeyCRN)
		},
		Calls: func(t *testing.T, during func()) int { t.Helper(); return s.calls(t, during) },
	}
}

// removeKey makes the Resource Controller not know a key until the test ends.
func (s *server) removeKey(t *testing.T, in storage.Inputs) {
	t.Helper()
	s.Inject(t, "admin", storagetest.Fault{
		Match: match{Service: "ResourceController", PathPrefix: keyPath + in.Coordinates.IBMCOS.ResourceKeyCRN}, Status: http.StatusNotFound, Code: "RC-ResourceKeyNotFound",
	})
}

// calls counts those to the services and to storage, without those for tokens.
func (s *server) calls(t *testing.T, during func()) (calls int) {
	t.Helper()
	ofStorage := storagetest.Recorded[storageRecord](t, s.Server, "s3admin", func() {
		for _, r := range s.requests(t, during) {
			if r.Service != "IAM" {
				calls++
			}
		}
	})
	return calls + len(ofStorage)
}

// pair is the HMAC pair of a key, asked for past the backend; empty where there is no such key.
func (s *server) pair(t *testing.T, key string) string {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	ask := func(request *http.Request, answer any) {
		t.Helper()
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusNotFound {
			err = json.Unmarshal(text, answer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	form := url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {mainKey}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.services+"/identity/token", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		Text string `json:"access_token"`
	}
	ask(request, &token)
	if request, err = http.NewRequestWithContext(t.Context(), http.MethodGet, s.services+keyPath+url.PathEscape(key), nil); err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.Text)
	var found struct {
		Credentials struct {
			Pair map[string]string `json:"cos_hmac_keys"`
		} `json:"credentials"`
	}
	ask(request, &found)
	return found.Credentials.Pair["access_key_id"]
}

// checked is a check of the bucket of a result.
func (s *server) checked(t *testing.T, in storage.Inputs, result storage.Result, look storage.Look) (storage.Plan, error) {
	t.Helper()
	in.Coordinates, in.Look = result.Coordinates, look
	b, err := driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b.Plan(t.Context())
}

// keyLook is the look of a result that names the key.
func keyLook(t *testing.T, result storage.Result) storage.Look {
	t.Helper()
	if len(result.Looks) != 2 || len(result.Looks[0]) != 0 || len(result.Looks[1]) != 2 {
		t.Fatalf("looks are %q", result.Looks)
	}
	return result.Looks[1]
}

// TestKeyIsReplaced: another key takes the place of one that is gone, and is found again if that was not recorded.
func TestKeyIsReplaced(t *testing.T) {
	s := startServer(t)
	in, before := s.settled(t, s.inputs(t, "with-a-lost-key"))
	s.removeKey(t, in)
	if plan, err := s.checked(t, in, before, keyLook(t, before)); err != nil || !plan.Exists || plan.Drifted == "" {
		t.Fatalf("the check of a key that is gone: %+v, %v", plan, err)
	}
	_, after := s.settled(t, in)
	if len(after.Notes) != 1 || !strings.Contains(after.Notes[0].Message, before.Coordinates.IBMCOS.ResourceKeyCRN+" is gone") {
		t.Errorf("notes are %+v", after.Notes)
	}
	if old, now := before.Coordinates.IBMCOS, after.Coordinates.IBMCOS; now.ResourceKeyCRN == old.ResourceKeyCRN || now.Bucket != old.Bucket {
		t.Errorf("coordinates are %+v, were %+v", now, old)
	}
	// The crash came before the new one was recorded.
	if _, again := s.settled(t, in); again.Coordinates.IBMCOS.ResourceKeyCRN != after.Coordinates.IBMCOS.ResourceKeyCRN {
		t.Errorf("a second key was made: %+v", again.Coordinates.IBMCOS)
	}
}

// TestKeyWithAnotherPair: somebody has replaced what the registry was given.
func TestKeyWithAnotherPair(t *testing.T) {
	s := startServer(t)
	in, result := s.settled(t, s.inputs(t, ""))
	look := keyLook(t, result)
	if plan, err := s.checked(t, in, result, look); err != nil || plan.Drifted != "" {
		t.Errorf("the check of a key that nobody touched: %+v, %v", plan, err)
	}
	if plan, err := s.checked(t, in, result, storage.Look{look[0], "of another pair"}); err != nil || !plan.Exists || plan.Drifted == "" {
		t.Errorf("the check of a key with another pair: %+v, %v", plan, err)
	}
}

// TestKeyThatCannotBeRead: the bucket is there, and what is the matter with the key is Ensure's to tell.
func TestKeyThatCannotBeRead(t *testing.T) {
	s := startServer(t)
	in, result := s.settled(t, s.inputs(t, ""))
	for name, c := range map[string]struct {
		status int
		unread bool
	}{"a right is missing": {http.StatusForbidden, true}, "a fault that passes": {http.StatusInternalServerError, false}} {
		t.Run(name, func(t *testing.T) {
			s.Inject(t, "admin", storagetest.Fault{Match: match{Service: "ResourceController", PathPrefix: keyPath}, Status: c.status, Code: "RC-Refused"})
			plan, err := s.checked(t, in, result, keyLook(t, result))
			if err != nil || !plan.Exists || plan.Drifted != "" || plan.Unread != c.unread || plan.Condition == nil || plan.Condition.Status != operatorv1.ConditionTrue {
				t.Errorf("plan is %+v, %v", plan, err)
			}
		})
	}
}
