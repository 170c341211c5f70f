package s3server

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

const (
	// maxDocument is larger than any document that configures a bucket.
	maxDocument = 1 << 20
	// maxRecordedBody bounds what a record keeps of it.
	maxRecordedBody = 64 << 10
)

// front stands before versitygw: it records, injects faults, and answers what versitygw lacks. Whether a request
// is genuine only versitygw decides, so what the front forwards is byte for byte what was signed.
type front struct {
	domain   string
	gateway  *gateway
	sts      *tokenService
	settings *settingsStore
	faults   *faults.Set[Match]
	records  *records.Log[Record]
	proxy    *httputil.ReverseProxy
}

func newFront(domain string, gateway *gateway, sts *tokenService, settings *settingsStore) *front {
	f := &front{
		domain: domain, gateway: gateway, sts: sts, settings: settings, faults: faults.NewSet[Match](), records: newRecords(),
	}
	f.proxy = &httputil.ReverseProxy{
		Transport:      gateway.transport,
		Rewrite:        rewrite,
		ModifyResponse: f.forgetSettings,
		ErrorHandler:   f.gatewayFailed,
		// Listings and objects of any size go through as they come.
		FlushInterval: -1,
	}
	return f
}

// rewrite points a request at the gateway and changes nothing that a signature covers: neither the Host header
// nor the query, which ReverseProxy would otherwise tidy.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = r.In.Host
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
}

// ServeHTTP handles one request, to S3 or STS.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	t, ours := parseTarget(r, f.domain)
	forSTS := f.sts.asked(r, t, ours)
	record := Record{
		Time: started, Method: r.Method, Host: r.Host, Bucket: t.bucket, Key: t.key,
		Query: slices.Sorted(maps.Keys(r.URL.Query())), AccessKeyID: accessKeyID(r), UserAgent: r.UserAgent(),
		Role: f.gateway.tenants.roles.of(accessKeyID(r)),
	}
	answer := records.NewAnswer(w, func(status int, document []byte) {
		record.Status, record.Code, record.Millis = status, errorCode(document), time.Since(started).Milliseconds()
		f.records.Add(record)
	})
	// Deferred, because a request that is broken off ends in a panic.
	defer answer.End()

	if !ours && !forSTS {
		writeError(answer, r, t, apiError{
			http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("%s is no host name of this server", r.Host),
		})
		return
	}
	if forSTS {
		form := readForm(r)
		record.Action, record.Role = form.Get("Action"), form.Get("RoleArn")
		f.answer(answer, r, target{}, &record, writeSTSError, f.sts.serve)
		return
	}
	if r.Method == http.MethodPut && t.key == "" {
		body, err := readDocument(r)
		if err != nil {
			writeError(answer, r, t, errMalformed)
			return
		}
		record.Body = string(body[:min(len(body), maxRecordedBody)])
	}
	refuse := func(w http.ResponseWriter, e apiError) { writeError(w, r, t, e) }
	f.answer(answer, r, t, &record, refuse, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, t) })
}

// answer lets serve answer, unless a fault has something else to say, which refuse then says in the words of the service.
func (f *front) answer(answer *records.Answer, r *http.Request, t target, record *Record,
	refuse func(http.ResponseWriter, apiError), serve http.HandlerFunc,
) {
	fault := f.faults.Take(func(m Match) bool { return m.matches(r, t) })
	if record.Fault = fault.Kind(); fault.Blackhole {
		// A test wants to see the request while it hangs.
		answer.Tell()
	}
	fault.Apply(answer, r,
		func(status int, code, message string) { refuse(answer, apiError{status, code, message}) },
		func(w http.ResponseWriter) { serve(w, r) })
}

// readDocument takes the body into memory, where it can be read again.
func readDocument(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxDocument))
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, t target) {
	if t.key == "" && slices.Contains([]string{http.MethodGet, http.MethodPut, http.MethodDelete}, r.Method) {
		for name := range settingsByQuery {
			if r.URL.Query().Has(name) {
				f.serveSetting(w, r, t, name)
				return
			}
		}
	}
	f.proxy.ServeHTTP(w, r)
}

// forgetSettings drops the settings of a bucket that is gone, before its client hears of that.
func (f *front) forgetSettings(response *http.Response) error {
	r := response.Request
	t, _ := parseTarget(r, f.domain)
	onBucket := t.bucket != "" && t.key == ""
	// x-id only repeats the name of the operation.
	plain := !slices.ContainsFunc(slices.Sorted(maps.Keys(r.URL.Query())), func(name string) bool { return name != "x-id" })
	deleted := r.Method == http.MethodDelete && response.StatusCode == http.StatusNoContent
	created := r.Method == http.MethodPut && response.StatusCode == http.StatusOK
	if onBucket && plain && (deleted || created) {
		return f.settings.drop(t.bucket)
	}
	return nil
}

func (f *front) gatewayFailed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		// The client has gone; there is nobody to answer.
		panic(http.ErrAbortHandler)
	}
	klog.ErrorS(err, "asking versitygw", "method", r.Method, "host", r.Host, "path", r.URL.Path)
	t, _ := parseTarget(r, f.domain)
	writeError(w, r, t, apiError{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."})
}

func errorCode(document []byte) string {
	var ofS3 errorDocument
	var ofSTS stsErrorDocument
	switch {
	case xml.Unmarshal(document, &ofS3) == nil:
		return ofS3.Code
	case xml.Unmarshal(document, &ofSTS) == nil:
		return ofSTS.Code
	}
	return ""
}
