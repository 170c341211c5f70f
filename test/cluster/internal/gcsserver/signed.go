package gcsserver

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// signed checks a signed URL (V2): what the registry sends clients to, instead of serving a blob itself.
func (f *front) signed(r *http.Request, t target) bool {
	query := r.URL.Query()
	account := f.account(query.Get("GoogleAccessId"))
	ends, err := strconv.ParseInt(query.Get("Expires"), 10, 64)
	signature, signatureErr := base64.StdEncoding.DecodeString(query.Get("Signature"))
	attributes, found := f.buckets.get(t.bucket)
	if account == nil || err != nil || signatureErr != nil || !found || attributes.Project != account.Project || time.Now().Unix() > ends {
		return false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n\n\n%d\n%s", r.Method, ends, r.URL.Path))
	return rsa.VerifyPKCS1v15(account.key, crypto.SHA256, sum[:], signature) == nil
}
