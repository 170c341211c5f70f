package gcsserver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// Requests is the answer to GET /requests.
type Requests = records.Requests[Record]

// Bucket is one of GET /buckets.
type Bucket struct {
	Name    string   `json:"name"`
	Project string   `json:"project"`
	Tags    []string `json:"tags,omitempty"`
	Attributes
}

// Object is one of GET /buckets/NAME/objects.
type Object struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
}

// Objects is the answer to GET /buckets/NAME/objects: all generations.
type Objects struct {
	Count   int      `json:"count"`
	Objects []Object `json:"objects"`
}

// World is what PUT /world sets: what a cloud may be like beside its buckets.
type World struct {
	// Rights are the only permissions of the main account; null for all.
	Rights []string `json:"rights"`
	// Revoked tells that the main account is gone.
	Revoked bool `json:"revoked"`
	// InheritedTags are in effect on every bucket.
	InheritedTags []string `json:"inheritedTags"`
	// OperationPolls is how often a binding has to be asked for before it has ended.
	OperationPolls int `json:"operationPolls"`
}

func (f *front) admin() http.Handler {
	mux := http.NewServeMux()
	done := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	f.records.Register(mux)
	f.faults.Register(mux)
	mux.HandleFunc("DELETE /tokens", func(w http.ResponseWriter, _ *http.Request) { f.tokens.expire(); done(w) })
	mux.HandleFunc("PUT /world", f.putWorld)
	mux.HandleFunc("GET /buckets", f.getBuckets)
	mux.HandleFunc("PUT /buckets/{name}", f.putBucket)
	mux.HandleFunc("PUT /buckets/{name}/versioning", f.putVersioning)
	mux.HandleFunc("GET /buckets/{name}/objects", f.getObjects)
	mux.HandleFunc("PUT /buckets/{name}/objects", f.putObjects)
	return mux
}

func (f *front) putWorld(w http.ResponseWriter, r *http.Request) {
	var world World
	if err := readStrict(r.Body, &world); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.allowed = world.Rights
	f.mu.Unlock()
	f.tokens.revoke(f.accounts.Main.Email, world.Revoked)
	f.tags.mu.Lock()
	f.tags.inherited, f.tags.polls = world.InheritedTags, world.OperationPolls
	f.tags.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (f *front) getBuckets(w http.ResponseWriter, _ *http.Request) {
	f.tags.mu.Lock()
	defer f.tags.mu.Unlock()
	list := []Bucket{}
	for name, attributes := range f.buckets.all() {
		list = append(list, Bucket{Name: name, Project: attributes.Project, Tags: f.tags.bound[name], Attributes: attributes})
	}
	writeJSON(w, http.StatusOK, list)
}

// putVersioning makes a bucket keep older generations. fake-gcs-server has that setting itself.
func (f *front) putVersioning(w http.ResponseWriter, r *http.Request) {
	patch, err := http.NewRequestWithContext(r.Context(), http.MethodPatch, "/storage/v1/b/"+r.PathValue("name"),
		strings.NewReader(`{"versioning":{"enabled":true}}`))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.fakeHandler.ServeHTTP(w, patch)
}

// putBucket makes a bucket of an account (?account=main or other), or replaces the attributes of one. It is
// neither recorded nor subject to faults.
func (f *front) putBucket(w http.ResponseWriter, r *http.Request) {
	account := &f.accounts.Main
	switch name := r.URL.Query().Get("account"); name {
	case "main":
	case "other":
		account = &f.accounts.Other
	default:
		http.Error(w, fmt.Sprintf("account must be main or other, not %q", name), http.StatusBadRequest)
		return
	}
	var attributes Attributes
	if err := readStrict(r.Body, &attributes); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	attributes.Project = account.Project
	name := r.PathValue("name")
	if _, found := f.buckets.get(name); !found {
		f.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	}
	f.buckets.set(name, attributes)
	w.WriteHeader(http.StatusCreated)
}

func (f *front) getObjects(w http.ResponseWriter, r *http.Request) {
	found, err := f.fake.ListObjectsWithOptionsPaginated(r.PathValue("name"), fakestorage.ListOptions{Versions: true})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	answer := Objects{Count: len(found.Objects)}
	for _, object := range found.Objects {
		answer.Objects = append(answer.Objects, Object{Key: object.Name, Size: object.Size})
	}
	writeJSON(w, http.StatusOK, answer)
}

// putObjects puts ?count objects of one byte into a bucket, each ?generations times.
func (f *front) putObjects(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.URL.Query().Get("count"))
	generations, generationsErr := strconv.Atoi(r.URL.Query().Get("generations"))
	if err != nil || generationsErr != nil || count < 1 || generations < 1 {
		http.Error(w, "count and generations must be numbers from 1", http.StatusBadRequest)
		return
	}
	for i := range count {
		for range generations {
			f.fake.CreateObject(fakestorage.Object{
				ObjectAttrs: fakestorage.ObjectAttrs{BucketName: r.PathValue("name"), Name: fmt.Sprintf("docker/registry/v2/blobs/%d", i)},
				Content:     []byte("x"),
			})
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
