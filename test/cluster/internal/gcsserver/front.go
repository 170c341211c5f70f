package gcsserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// maxDocument is larger than any document that is not an object.
const maxDocument = 1 << 20

// front stands before fake-gcs-server: it records, injects faults, checks tokens and rights, and answers what is not there.
type front struct {
	accounts    Accounts
	fake        *fakestorage.Server
	fakeHandler http.Handler
	tokens      *tokens
	buckets     *buckets
	tags        *tags
	faults      *faults.Set[Match]
	records     *records.Log[Record]

	mu sync.Mutex
	// allowed are the permissions of the main account; nil for all.
	allowed []string
}

func newFront(accounts Accounts, fake *fakestorage.Server) *front {
	return &front{
		accounts: accounts, fake: fake, fakeHandler: fake.HTTPHandler(), tokens: newTokens(),
		buckets: &buckets{known: map[string]Attributes{}},
		tags:    &tags{bound: map[string][]string{}, operations: map[string]*operation{}},
		faults:  faults.NewSet[Match](), records: newRecords(),
	}
}

// ServeHTTP handles one request to any of Google's APIs.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	record := Record{
		Time: started, Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Query: slices.Sorted(maps.Keys(r.URL.Query())), UserAgent: r.UserAgent(),
	}
	answer := records.NewAnswer(w, func(status int, _ []byte) {
		record.Status, record.Millis = status, time.Since(started).Milliseconds()
		f.records.Add(record)
	})
	// Deferred, because a request that is broken off ends in a panic.
	defer answer.End()

	var body []byte
	if r.Header.Get("Content-Type") == "application/json" && !strings.HasPrefix(r.URL.Path, "/upload/") {
		var err error
		if body, err = readWhole(r, http.MaxBytesReader(w, r.Body, maxDocument)); err != nil {
			writeError(answer, http.StatusBadRequest, "invalid", err.Error())
			return
		}
		record.Body = string(body)
	}
	fault := f.faults.Take(func(m Match) bool { return m.matches(r) })
	if record.Fault = fault.Kind(); fault.Blackhole {
		// A test wants to see the request while it hangs.
		answer.Tell()
	}
	refuse := func(status int, code, message string) { refuseAs(answer, r, status, code, message) }
	fault.Apply(answer, r, refuse, func(w http.ResponseWriter) { f.serve(w, r, body, &record) })
}

// readWhole takes the body into memory, where it can be read again.
func readWhole(r *http.Request, from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, body []byte, record *Record) {
	const impersonation = "/v1/projects/-/serviceAccounts/"
	switch path := r.URL.Path; {
	case path == "/token" && r.Method == http.MethodPost:
		f.serveToken(w, r)
	case path == "/v1/token" && r.Method == http.MethodPost:
		f.serveExchange(w, r)
	case strings.HasPrefix(path, impersonation) && strings.HasSuffix(path, ":generateAccessToken"):
		f.serveImpersonation(w, r, strings.TrimSuffix(strings.TrimPrefix(path, impersonation), ":generateAccessToken"))
	case strings.HasPrefix(path, "/v3/"):
		record.Rights = tagRights(r)
		if account, ok := f.authorize(w, r, scopeCloud, record); ok {
			f.serveTags(w, r, account, body)
		}
	default:
		f.serveStorage(w, r, body, record)
	}
}

func (f *front) serveStorage(w http.ResponseWriter, r *http.Request, body []byte, record *Record) {
	t := parseTarget(r)
	if !t.known {
		unknown(w, r)
		return
	}
	// fake-gcs-server answers an upload when it has read the last boundary, and not the end behind it. Over HTTP/2 that breaks
	// off the request, which Google's client takes for a failure now and then.
	if _, err := readWhole(r, r.Body); err != nil {
		writeError(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	record.Rights = t.rights(r, body, t.upload && f.has(t))
	if r.Header.Get("Authorization") == "" && r.URL.Query().Has("Signature") {
		f.serveSigned(w, r, t)
		return
	}
	account, ok := f.authorize(w, r, scopeFull, record)
	switch {
	case !ok:
	case t.bucket == "" && !t.objects:
		f.serveProject(w, r, account, body)
	case !f.mayEnter(w, t, account, record.Rights):
	case t.objects:
		f.fakeHandler.ServeHTTP(w, r)
	default:
		f.serveBucket(w, r, t.bucket, body)
	}
}

// serveProject creates buckets; a project does nothing else here.
func (f *front) serveProject(w http.ResponseWriter, r *http.Request, account *Account, body []byte) {
	if r.Method != http.MethodPost {
		unknown(w, r)
		return
	}
	f.insertBucket(w, r, account, body)
}

func (f *front) serveSigned(w http.ResponseWriter, r *http.Request, t target) {
	if !f.signed(r, t) {
		writeError(w, http.StatusForbidden, "SignatureDoesNotMatch", "the signature of the URL does not hold")
		return
	}
	f.fakeHandler.ServeHTTP(w, r)
}

// mayEnter tells whether the bucket of a request exists and is of the account's project. Sessions of uploads name no bucket.
func (f *front) mayEnter(w http.ResponseWriter, t target, account *Account, rights []string) bool {
	if t.bucket == "" {
		return true
	}
	attributes, found := f.buckets.get(t.bucket)
	switch {
	case !found:
		writeError(w, http.StatusNotFound, "notFound", "The specified bucket does not exist.")
	case attributes.Project != account.Project:
		writeError(w, http.StatusForbidden, "forbidden", fmt.Sprintf("%s does not have %s access to the Google Cloud Storage bucket.",
			account.Email, strings.Join(rights, ", ")))
	default:
		return true
	}
	return false
}

func (f *front) serveBucket(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	switch r.Method {
	case http.MethodGet:
		f.forward(w, r, nil, name)
	case http.MethodPatch:
		f.patchBucket(w, name, body)
	case http.MethodDelete:
		f.deleteBucket(w, r, name)
	default:
		unknown(w, r)
	}
}

// has tells whether an upload would replace an object, which needs a right of its own.
func (f *front) has(t target) bool {
	object, err := f.fake.GetObject(t.bucket, t.object)
	return t.object != "" && err == nil && object.Name != ""
}

// authorize finds the account of the request's token and checks what it may.
func (f *front) authorize(w http.ResponseWriter, r *http.Request, scope string, record *Record) (*Account, bool) {
	g, found := f.tokens.of(r)
	if !found {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
		writeError(w, http.StatusUnauthorized, "authError", "Invalid Credentials")
		return nil, false
	}
	if !g.may(scope) {
		writeError(w, http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
		return nil, false
	}
	record.Account = g.account.Email
	f.mu.Lock()
	allowed := f.allowed
	f.mu.Unlock()
	for _, right := range record.Rights {
		if allowed != nil && g.account == &f.accounts.Main && !slices.Contains(allowed, right) {
			writeError(w, http.StatusForbidden, "forbidden", g.account.Email+" does not have "+right+" access.")
			return nil, false
		}
	}
	return g.account, true
}

// unknown fails loudly: a request that nobody thought of must not pass for one that works.
func unknown(w http.ResponseWriter, r *http.Request) {
	klog.ErrorS(nil, "a request that this stand-in does not know", "method", r.Method, "host", r.Host, "path", r.URL.Path)
	writeError(w, http.StatusNotImplemented, "notImplemented", "this stand-in does not know "+r.Method+" "+r.URL.Path)
}

// refuseAs writes an error the way the API of the request does.
func refuseAs(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if r.URL.Path == "/token" || r.URL.Path == "/v1/token" {
		refuseToken(w, status, code, message)
		return
	}
	writeError(w, status, code, message)
}

func writeError(w http.ResponseWriter, status int, reason, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message, "status": reason,
		"errors": []map[string]string{{"domain": "global", "reason": reason, "message": message}},
	}})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// readStrict refuses fields that are not known: they would be taken for ones that have an effect.
func readStrict(in io.Reader, out any) error {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	return decoder.Decode(out)
}
