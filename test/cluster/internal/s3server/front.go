package s3server

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"time"

	"k8s.io/klog/v2"
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
	settings *settingsStore
	faults   *faults
	records  *records
	proxy    *httputil.ReverseProxy
}

func newFront(domain string, gateway *gateway, settings *settingsStore) *front {
	f := &front{
		domain: domain, gateway: gateway, settings: settings, faults: newFaults(), records: &records{},
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

// ServeHTTP handles one S3 request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	t, ours := parseTarget(r, f.domain)
	record := Record{
		Time: started, Method: r.Method, Host: r.Host, Bucket: t.bucket, Key: t.key,
		Query: queryNames(r.URL.Query()), AccessKeyID: accessKeyID(r), UserAgent: r.UserAgent(),
	}
	answer := &capture{ResponseWriter: w}
	recorded := false
	finish := func() {
		if !recorded {
			record.Status, record.Code = answer.status, answer.code()
			record.Millis = time.Since(started).Milliseconds()
			f.records.add(record)
			recorded = true
		}
	}
	// Deferred, because a request that is broken off ends in a panic.
	defer finish()

	if !ours {
		writeError(answer, r, t, apiError{
			http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("%s is no host name of this server", r.Host),
		})
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
	if fault, replaced, found := f.faults.take(r, t); found {
		record.Fault = fault.kind()
		if fault.Blackhole {
			// A test wants to see the request while it hangs.
			finish()
		}
		if fault.apply(answer, r, t, replaced) {
			return
		}
	}
	f.serve(answer, r, t)
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
	plain := !slices.ContainsFunc(queryNames(r.URL.Query()), func(name string) bool { return name != "x-id" })
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

// capture notes the status of an answer and the beginning of an error's document.
type capture struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (c *capture) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write notes what may hold an error code.
func (c *capture) Write(data []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if room := 4096 - c.body.Len(); c.status >= 300 && room > 0 {
		c.body.Write(data[:min(len(data), room)])
	}
	return c.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController flush.
func (c *capture) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *capture) code() string {
	var document errorDocument
	if xml.Unmarshal(c.body.Bytes(), &document) != nil {
		return ""
	}
	return document.Code
}
