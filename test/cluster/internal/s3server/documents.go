package s3server

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// errMalformed is what S3 says of a document that is not as its schema wants it, whatever the reason.
var errMalformed = apiError{
	http.StatusBadRequest, "MalformedXML",
	"The XML you provided was not well-formed or did not validate against our published schema",
}

// document is the configuration of one bucket setting.
type document interface {
	// check returns the error that S3 gives for a document that could be decoded.
	check() *apiError
}

// unknown gathers elements that are in no schema; encoding/xml would drop them silently.
type unknown []struct {
	XMLName xml.Name
}

type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicAcls       bool     `xml:"BlockPublicAcls"`
	IgnorePublicAcls      bool     `xml:"IgnorePublicAcls"`
	BlockPublicPolicy     bool     `xml:"BlockPublicPolicy"`
	RestrictPublicBuckets bool     `xml:"RestrictPublicBuckets"`
	Unknown               unknown  `xml:",any"`
}

func (d *publicAccessBlock) check() *apiError { return refuse(d.Unknown) }

type encryption struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Rules   []encryptionRule `xml:"Rule"`
	Unknown unknown          `xml:",any"`
}

type encryptionRule struct {
	Default          *encryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKeyEnabled bool               `xml:"BucketKeyEnabled"`
	Unknown          unknown            `xml:",any"`
}

type encryptionDefault struct {
	Algorithm string  `xml:"SSEAlgorithm"`
	KeyID     string  `xml:"KMSMasterKeyID,omitempty"`
	Unknown   unknown `xml:",any"`
}

func (d *encryption) check() *apiError {
	if len(d.Rules) != 1 || d.Rules[0].Default == nil {
		return &errMalformed
	}
	rule := d.Rules[0]
	if err := refuse(d.Unknown, rule.Unknown, rule.Default.Unknown); err != nil {
		return err
	}
	if !slices.Contains([]string{"AES256", "aws:kms", "aws:kms:dsse"}, rule.Default.Algorithm) {
		return &errMalformed
	}
	if rule.Default.Algorithm == "AES256" && rule.Default.KeyID != "" {
		return &apiError{
			http.StatusBadRequest, "InvalidArgument",
			"a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
		}
	}
	return nil
}

type lifecycle struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule `xml:"Rule"`
	Unknown unknown         `xml:",any"`
}

type lifecycleRule struct {
	ID         string               `xml:"ID,omitempty"`
	Status     string               `xml:"Status"`
	Filter     *lifecycleFilter     `xml:"Filter"`
	Prefix     *string              `xml:"Prefix"`
	Expiration *lifecycleExpiration `xml:"Expiration"`
	Abort      *lifecycleAbort      `xml:"AbortIncompleteMultipartUpload"`
	Unknown    unknown              `xml:",any"`
}

type lifecycleFilter struct {
	Prefix  *string `xml:"Prefix"`
	Unknown unknown `xml:",any"`
}

type lifecycleExpiration struct {
	Days    int     `xml:"Days"`
	Unknown unknown `xml:",any"`
}

type lifecycleAbort struct {
	DaysAfterInitiation int     `xml:"DaysAfterInitiation"`
	Unknown             unknown `xml:",any"`
}

func (d *lifecycle) check() *apiError {
	if len(d.Rules) == 0 || len(d.Rules) > 1000 || len(d.Unknown) > 0 {
		return &errMalformed
	}
	ids := map[string]bool{}
	for _, rule := range d.Rules {
		if err := rule.check(); err != nil {
			return err
		}
		if rule.ID != "" && ids[rule.ID] {
			return &apiError{http.StatusBadRequest, "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"}
		}
		ids[rule.ID] = true
	}
	return nil
}

func (r lifecycleRule) check() *apiError {
	found := slices.Clone(r.Unknown)
	if r.Filter != nil {
		found = append(found, r.Filter.Unknown...)
	}
	if r.Expiration != nil {
		found = append(found, r.Expiration.Unknown...)
	}
	if r.Abort != nil {
		found = append(found, r.Abort.Unknown...)
	}
	for _, element := range found {
		if slices.Contains(lifecycleUnsupported, element.XMLName.Local) {
			return &apiError{
				http.StatusNotImplemented, "NotImplemented",
				fmt.Sprintf("this test server does not implement %s in a lifecycle rule", element.XMLName.Local),
			}
		}
	}
	switch {
	case len(found) > 0,
		r.Status != "Enabled" && r.Status != "Disabled",
		(r.Filter == nil) == (r.Prefix == nil),
		len(r.ID) > 255,
		r.Expiration == nil && r.Abort == nil:
		return &errMalformed
	case r.Expiration != nil && r.Expiration.Days <= 0, r.Abort != nil && r.Abort.DaysAfterInitiation <= 0:
		return &apiError{http.StatusBadRequest, "InvalidArgument", "a number of days must be a positive integer"}
	}
	return nil
}

// lifecycleUnsupported are elements of S3's schema that nothing here needs; they are told apart from mistakes.
var lifecycleUnsupported = []string{
	"And", "Date", "ExpiredObjectDeleteMarker", "NoncurrentVersionExpiration", "NoncurrentVersionTransition",
	"ObjectSizeGreaterThan", "ObjectSizeLessThan", "Tag", "Transition",
}

func refuse(found ...unknown) *apiError {
	for _, elements := range found {
		if len(elements) > 0 {
			return &errMalformed
		}
	}
	return nil
}

// parse decodes and checks a document.
func parse(into document, body []byte) *apiError {
	if err := xml.Unmarshal(body, into); err != nil {
		return &errMalformed
	}
	return into.check()
}

// render writes a document as S3 answers it.
func render(d document) ([]byte, error) {
	switch d := d.(type) {
	case *publicAccessBlock:
		d.XMLName.Space = namespace
	case *encryption:
		d.XMLName.Space = namespace
	case *lifecycle:
		d.XMLName.Space = namespace
	}
	return xml.Marshal(d)
}
