package s3server

import (
	"crypto/rand"
	"encoding/xml"
	"net/http"
	"strconv"
)

// apiError is an error as S3 tells it.
type apiError struct {
	status  int
	code    string
	message string
}

type errorDocument struct {
	XMLName    xml.Name `xml:"Error"`
	Code       string   `xml:"Code"`
	Message    string   `xml:"Message"`
	BucketName string   `xml:"BucketName,omitempty"`
	Key        string   `xml:"Key,omitempty"`
	RequestID  string   `xml:"RequestId"`
	HostID     string   `xml:"HostId"`
}

// writeError answers with an error document; as in S3, HEAD and 304 have none.
func writeError(w http.ResponseWriter, r *http.Request, t target, e apiError) {
	id := newRequestID()
	w.Header().Set("X-Amz-Request-Id", id)
	w.Header().Set("X-Amz-Id-2", id)
	if r.Method == http.MethodHead || e.status == http.StatusNotModified {
		w.WriteHeader(e.status)
		return
	}
	document, err := xml.Marshal(errorDocument{
		Code: e.code, Message: e.message, BucketName: t.bucket, Key: t.key, RequestID: id, HostID: id,
	})
	if err != nil {
		// Nothing in the document can fail to marshal; the status still tells.
		document = nil
	}
	writeXML(w, e.status, document)
}

func newRequestID() string { return rand.Text()[:16] }

func writeXML(w http.ResponseWriter, status int, document []byte) {
	body := append([]byte(xml.Header), document...)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
