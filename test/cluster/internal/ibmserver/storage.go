package ibmserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

const (
	instanceHeader = "Ibm-Service-Instance-Id"
	unsigned       = "UNSIGNED-PAYLOAD"
)

// storageFront is object storage: requests with an IAM token are checked and signed anew for the account's HMAC pair;
// those that are signed already go through as they are.
type storageFront struct {
	cloud  *cloud
	signer *v4.Signer
	proxy  *httputil.ReverseProxy
}

// newStorageFront trusts roots for the S3 server, which has the certificate of this one.
func newStorageFront(c *cloud, server string, roots *x509.CertPool) *storageFront {
	f := &storageFront{cloud: c, signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
	f.proxy = &httputil.ReverseProxy{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableCompression: true},
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "https", server
			r.Out.Host, r.Out.URL.RawQuery = r.In.Host, r.In.URL.RawQuery
		},
	}
	return f
}

// ServeHTTP handles one request of object storage.
func (f *storageFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	create := r.Method == http.MethodPut && key == "" && len(queryWithoutID(r)) == 0
	switch {
	case !f.cloud.hidden(bucket):
	case create:
		// As long as the instance could be taken back, nobody gets the name.
		s3Error(w, http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available.")
		return
	default:
		s3Error(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		f.proxy.ServeHTTP(w, r)
		return
	}
	f.serveToken(w, r, bucket, create)
}

// serveToken handles a request with an IAM token.
func (f *storageFront) serveToken(w http.ResponseWriter, r *http.Request, bucket string, create bool) {
	account := f.cloud.identify(r)
	if account == nil {
		s3Error(w, http.StatusForbidden, "InvalidToken", "The token is malformed, unknown or has expired.")
		return
	}
	if !f.cloud.mayUse(account, r.Header.Get(instanceHeader)) {
		s3Error(w, http.StatusForbidden, "AccessDenied", "The service instance is not one of the account.")
		return
	}
	if create && !f.constrained(w, r) {
		return
	}
	instance := r.Header.Get(instanceHeader)
	if err := f.sign(r, account); err != nil {
		s3Error(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	answer := records.NewAnswer(w, func(status int, _ []byte) {
		if create && status == http.StatusOK {
			f.cloud.place(bucket, instance)
		}
	})
	defer answer.End()
	f.proxy.ServeHTTP(answer, r)
}

func queryWithoutID(r *http.Request) map[string][]string {
	query := r.URL.Query()
	query.Del("x-id")
	return query
}

// constrained checks where a new bucket is to be, and takes that away: the server behind knows no storage classes.
func (f *storageFront) constrained(w http.ResponseWriter, r *http.Request) bool {
	var document struct {
		Constraint string `xml:"LocationConstraint"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = xml.Unmarshal(body, &document)
	}
	if err != nil || document.Constraint != f.cloud.options.Location+"-smart" {
		s3Error(w, http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid")
		return false
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(nil)), 0
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-checksum") || lower == "content-md5" || lower == "content-type" {
			r.Header.Del(name)
		}
	}
	return true
}

func (f *storageFront) sign(r *http.Request, account *Account) error {
	for _, name := range []string{"Authorization", instanceHeader, "Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"} {
		r.Header.Del(name)
	}
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	pair := aws.Credentials{AccessKeyID: account.HMAC.AccessKeyID, SecretAccessKey: account.HMAC.SecretAccessKey}
	return f.signer.SignHTTP(context.WithoutCancel(r.Context()), pair, r, unsigned, "s3", f.cloud.options.Location, time.Now())
}

func s3Error(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

// hidden tells that a bucket went with its instance.
func (c *cloud) hidden(bucket string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.instances {
		if i.CRN == c.buckets[bucket] {
			return i.State == "removed" || i.State == "pending_reclamation"
		}
	}
	return false
}

// mayUse tells whether an instance is usable by an account.
func (c *cloud) mayUse(account *Account, crn string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.instance(account, crn)
	return i != nil && i.State == "active"
}

func (c *cloud) place(bucket, instance string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets[bucket] = instance
}
