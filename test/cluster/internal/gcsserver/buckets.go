package gcsserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Attributes are those that fake-gcs-server does not keep. They are kept and told, and have no effect on objects.
type Attributes struct {
	Project          string            `json:"-"`
	Location         string            `json:"location,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	Encryption       *Encryption       `json:"encryption,omitempty"`
	IAMConfiguration *IAMConfiguration `json:"iamConfiguration,omitempty"`
}

// Encryption is the default for new objects.
type Encryption struct {
	DefaultKMSKeyName string `json:"defaultKmsKeyName"`
}

// IAMConfiguration is who may be let in, and how.
type IAMConfiguration struct {
	PublicAccessPrevention   string         `json:"publicAccessPrevention,omitempty"`
	UniformBucketLevelAccess *UniformAccess `json:"uniformBucketLevelAccess,omitempty"`
}

// UniformAccess tells that there are no rights on single objects.
type UniformAccess struct {
	Enabled bool `json:"enabled"`
}

// buckets are the attributes by name of the bucket.
type buckets struct {
	mu    sync.Mutex
	known map[string]Attributes
}

func (b *buckets) get(name string) (Attributes, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	attributes, found := b.known[name]
	return attributes, found
}

func (b *buckets) set(name string, attributes Attributes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known[name] = attributes
}

func (b *buckets) remove(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.known, name)
}

func (b *buckets) all() map[string]Attributes {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.known)
}

var (
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	kmsKey     = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`)
)

// problem is why Google refuses the attributes, in its words; empty for good ones.
func (a Attributes) problem() string {
	for key, value := range a.Labels {
		if !labelKey.MatchString(key) || !labelValue.MatchString(value) {
			return fmt.Sprintf("Invalid label: %s=%s", key, value)
		}
	}
	if a.Encryption != nil && !kmsKey.MatchString(a.Encryption.DefaultKMSKeyName) {
		return "Malformed Cloud KMS crypto key: " + a.Encryption.DefaultKMSKeyName
	}
	if a.IAMConfiguration != nil {
		switch a.IAMConfiguration.PublicAccessPrevention {
		case "", "enforced", "inherited":
		default:
			return "Invalid argument: publicAccessPrevention " + a.IAMConfiguration.PublicAccessPrevention
		}
	}
	return ""
}

// insertBucket creates a bucket in the project of the account.
func (f *front) insertBucket(w http.ResponseWriter, r *http.Request, account *Account, body []byte) {
	var in struct {
		Name string `json:"name"`
		Attributes
	}
	if err := readStrict(bytes.NewReader(body), &in); err != nil {
		writeError(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	project := r.URL.Query().Get("project")
	in.Project = project
	switch _, taken := f.buckets.get(in.Name); {
	case project == "":
		writeError(w, http.StatusBadRequest, "required", "Required parameter: project")
	case project != account.Project:
		writeError(w, http.StatusForbidden, "forbidden",
			account.Email+" does not have storage.buckets.create access to the Google Cloud project.")
	case taken:
		writeError(w, http.StatusConflict, "conflict",
			"The requested bucket name is not available. Please select a different name and try again.")
	case in.Location == "":
		writeError(w, http.StatusBadRequest, "invalid", "a bucket without a location would be made in US; say so if it is meant")
	case in.problem() != "":
		writeError(w, http.StatusBadRequest, "invalid", in.problem())
	default:
		f.buckets.set(in.Name, in.Attributes)
		if !f.forward(w, r, map[string]any{"name": in.Name}, in.Name) {
			f.buckets.remove(in.Name)
		}
	}
}

// patchBucket changes what a merge patch names. Settings that fake-gcs-server keeps itself are not patched by the operator.
func (f *front) patchBucket(w http.ResponseWriter, name string, body []byte) {
	attributes, _ := f.buckets.get(name)
	var patch Attributes
	if err := readStrict(bytes.NewReader(body), &patch); err != nil {
		writeError(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	attributes.Labels = maps.Clone(attributes.Labels)
	if attributes.Labels == nil {
		attributes.Labels = map[string]string{}
	}
	maps.Copy(attributes.Labels, patch.Labels)
	if patch.Encryption != nil {
		attributes.Encryption = patch.Encryption
	}
	if patch.IAMConfiguration != nil {
		merged := IAMConfiguration{}
		if attributes.IAMConfiguration != nil {
			merged = *attributes.IAMConfiguration
		}
		if patch.IAMConfiguration.PublicAccessPrevention != "" {
			merged.PublicAccessPrevention = patch.IAMConfiguration.PublicAccessPrevention
		}
		if patch.IAMConfiguration.UniformBucketLevelAccess != nil {
			merged.UniformBucketLevelAccess = patch.IAMConfiguration.UniformBucketLevelAccess
		}
		attributes.IAMConfiguration = &merged
	}
	if problem := attributes.problem(); problem != "" {
		writeError(w, http.StatusBadRequest, "invalid", problem)
		return
	}
	f.buckets.set(name, attributes)
	f.answerBucket(w, name, map[string]any{"kind": "storage#bucket", "name": name})
}

// deleteBucket refuses a bucket that holds anything, older versions included, which fake-gcs-server would lose.
func (f *front) deleteBucket(w http.ResponseWriter, r *http.Request, name string) {
	found, err := f.fake.ListObjectsWithOptionsPaginated(name, fakestorage.ListOptions{Versions: true})
	if err == nil && len(found.Objects) > 0 {
		writeError(w, http.StatusConflict, "conflict", "The bucket you tried to delete is not empty.")
		return
	}
	f.buckets.remove(name)
	f.fakeHandler.ServeHTTP(w, r)
}

// forward asks fake-gcs-server and adds to its answer what it does not keep; false when it refuses.
func (f *front) forward(w http.ResponseWriter, r *http.Request, body map[string]any, name string) bool {
	if body != nil {
		text, _ := json.Marshal(body) // a map of text always encodes
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	recorder := httptest.NewRecorder()
	f.fakeHandler.ServeHTTP(recorder, r)
	answer := map[string]any{}
	if recorder.Code != http.StatusOK || json.Unmarshal(recorder.Body.Bytes(), &answer) != nil {
		writeError(w, recorder.Code, "unexpected", "fake-gcs-server: "+recorder.Body.String())
		return false
	}
	f.answerBucket(w, name, answer)
	return true
}

func (f *front) answerBucket(w http.ResponseWriter, name string, answer map[string]any) {
	attributes, _ := f.buckets.get(name)
	text, err := json.Marshal(attributes)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		writeError(w, http.StatusInternalServerError, "internalError", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, answer)
}
