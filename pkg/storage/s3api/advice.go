package s3api

import "fmt"

// Places are where an administrator corrects what a server of S3 refuses.
type Places struct {
	// Spec is the member of the configuration, spec.storage.s3 for instance.
	Spec string
	// Secret holds the credentials, and Page says which rights they need.
	Secret, Page string
	// Server is whom to ask about its own faults.
	Server string
}

// Advice says what to do about an answer that says only what is wrong.
func (p Places) Advice(err error) string {
	switch code := Code(err); {
	case MayPass(err):
		return fmt.Sprintf("it is tried again; if this lasts, ask those who run %s", p.Server)
	case code == "AccessDenied" || code == CodeForbidden || code == "AllAccessDisabled":
		return fmt.Sprintf("give the credentials of secret %s this right: %s lists all that are needed", p.Secret, p.Page)
	case code == "TooManyBuckets":
		return fmt.Sprintf("raise the quota of buckets or delete some, or name one that exists in %s.bucket", p.Spec)
	case code == "InvalidBucketName":
		return fmt.Sprintf("choose another in %s.bucket", p.Spec)
	case code == "NotImplemented" || code == "MethodNotAllowed" || code == "MalformedXML":
		return fmt.Sprintf("the server does not know this request: check that %s names the right one, or set up there what this was for", p.Spec)
	}
	return fmt.Sprintf("check %s, and the rights of the credentials of secret %s", p.Spec, p.Secret)
}

// Answer is what a server said, and what to do about it.
func (p Places) Answer(err error, message string) string {
	text := Code(err)
	if message != "" && message != text {
		text += ": " + message
	}
	return text + "; " + p.Advice(err)
}
