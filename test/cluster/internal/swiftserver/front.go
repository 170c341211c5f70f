package swiftserver

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// The services behind the front.
const (
	serviceIdentity = "identity"
	serviceStore    = "object-store"
)

// identityPrefix is where Keystone is, beside the root of the server: both are in use.
const identityPrefix = "/identity"

// Record is one request as the server saw it. It holds no header and no query value: those carry tokens.
type Record struct {
	// Seq counts requests from 1.
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	// Query holds the names of the query parameters, sorted.
	Query []string `json:"query,omitempty"`
	// Status is 0 for a request that was never answered.
	Status    int    `json:"status"`
	UserAgent string `json:"userAgent,omitempty"`
}

// front is what clients see: Keystone and Swift under one address. It records every request and injects faults.
type front struct {
	identity http.Handler
	store    http.Handler
	faults   *faults.Set[Match]
	records  *records.Log[Record]
}

func newFront(identity http.Handler, proxyPort int) *front {
	target := &url.URL{Scheme: "http", Host: fmt.Sprintf("%s:%d", loopback, proxyPort)}
	store := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// Swift's proxy closes connections that are idle, at times just when they are used again.
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	return frontOf(identity, store)
}

func frontOf(identity, store http.Handler) *front {
	return &front{
		identity: identity, store: store,
		faults: faults.NewSet[Match](), records: records.New(func(r *Record) *int64 { return &r.Seq }),
	}
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, handler := serviceIdentity, f.identity
	if strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/info" || r.URL.Path == "/healthcheck" {
		service, handler = serviceStore, f.store
	}
	if strings.HasPrefix(r.URL.Path, identityPrefix) {
		handler = http.StripPrefix(identityPrefix, f.identity)
	}
	answer := records.NewAnswer(w, func(status int, _ []byte) { f.records.Add(recordOf(service, r, status)) })
	defer answer.End()
	fault := f.faults.Take(func(m Match) bool { return m.matches(service, r) })
	refuse := func(status int, _, message string) {
		answer.WriteHeader(status)
		_, _ = io.WriteString(answer, message)
	}
	fault.Apply(answer, r, refuse, func(w http.ResponseWriter) { handler.ServeHTTP(w, r) })
}

func recordOf(service string, r *http.Request, status int) Record {
	return Record{
		Time: time.Now(), Service: service, Method: r.Method, Path: r.URL.Path, Query: slices.Sorted(maps.Keys(r.URL.Query())),
		Status: status, UserAgent: r.UserAgent(),
	}
}
