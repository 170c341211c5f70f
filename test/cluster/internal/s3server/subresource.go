package s3server

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"

	"k8s.io/klog/v2"
)

// serveSetting answers a request on one of the settings that versitygw lacks.
//
// S3 implements them; versitygw answers 501 NotImplemented, but only after it has verified the signature and found
// the bucket. So the request goes there first, and that 501 is the permission to go on; any other answer is the
// client's.
func (f *front) serveSetting(w http.ResponseWriter, r *http.Request, t target, name string) {
	body, err := readDocument(r)
	if err != nil {
		writeError(w, r, t, errMalformed)
		return
	}
	genuine, err := f.askGateway(w, r, body)
	if err != nil {
		f.gatewayFailed(w, r, err)
		return
	}
	if !genuine {
		return
	}
	owner, err := f.gateway.owner(r.Context(), t.bucket)
	if err != nil {
		f.gatewayFailed(w, r, err)
		return
	}
	if owner != f.gateway.tenants.account(accessKeyID(r)) {
		writeError(w, r, t, apiError{http.StatusForbidden, "AccessDenied", "Access Denied"})
		return
	}
	switch r.Method {
	case http.MethodGet:
		f.getSetting(w, r, t, name)
	case http.MethodPut:
		f.putSetting(w, r, t, name, body)
	case http.MethodDelete:
		f.storeSetting(w, r, t, name, nil)
	}
}

// askGateway returns true where versitygw finds nothing wrong with the request; otherwise it has answered it.
func (f *front) askGateway(w http.ResponseWriter, r *http.Request, body []byte) (bool, error) {
	question := r.Clone(r.Context())
	question.RequestURI = ""
	question.URL.Scheme, question.URL.Host = "http", r.Host
	question.Body = io.NopCloser(bytes.NewReader(body))
	response, err := f.gateway.transport.RoundTrip(question)
	if err != nil {
		return false, fmt.Errorf("asking about %s %s: %w", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return false, fmt.Errorf("asking about %s %s: %w", r.Method, r.URL.Path, err)
	}
	var document errorDocument
	if response.StatusCode == http.StatusNotImplemented &&
		xml.Unmarshal(answer, &document) == nil && document.Code == "NotImplemented" {
		return true, nil
	}
	response.Header.Del("Connection")
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, err = w.Write(answer)
	return false, err
}

func (f *front) getSetting(w http.ResponseWriter, r *http.Request, t target, name string) {
	document, err := f.settings.get(t.bucket, name)
	switch {
	case err != nil:
		f.gatewayFailed(w, r, err)
	case document == nil:
		writeError(w, r, t, settingsByQuery[name].absent)
	default:
		writeXML(w, http.StatusOK, document)
	}
}

func (f *front) putSetting(w http.ResponseWriter, r *http.Request, t target, name string, body []byte) {
	if problem := checkChecksum(r.Header, body); problem != nil {
		writeError(w, r, t, *problem)
		return
	}
	document := settingsByQuery[name].make()
	if problem := parse(document, body); problem != nil {
		klog.InfoS("refused a bucket setting", "setting", name, "bucket", t.bucket, "code", problem.code)
		writeError(w, r, t, *problem)
		return
	}
	rendered, err := render(document)
	if err != nil {
		f.gatewayFailed(w, r, err)
		return
	}
	f.storeSetting(w, r, t, name, rendered)
}

func (f *front) storeSetting(w http.ResponseWriter, r *http.Request, t target, name string, document []byte) {
	if err := f.settings.put(t.bucket, name, document); err != nil {
		f.gatewayFailed(w, r, err)
		return
	}
	if document == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(http.StatusOK)
}
