package gcsserver

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// tagPage is how many tags a listing gives at once: fewer than Google's, so that clients have to ask again.
const tagPage = 2

// tags are the bindings of buckets, and the operations that make them.
type tags struct {
	mu sync.Mutex
	// bound are by bucket; inherited are in effect on every bucket.
	bound     map[string][]string
	inherited []string
	// polls is how often an operation says that it has not ended.
	polls      int
	operations map[string]*operation
}

// operation binds a tag when it has been asked for often enough.
type operation struct {
	polls       int
	bucket, tag string
}

const bucketParent = "//storage.googleapis.com/projects/_/buckets/"

var namespaced = regexp.MustCompile(`^[a-z0-9-]+/[^/]+/[^/]+$`)

// serveTags are the calls of Resource Manager about tags.
func (f *front) serveTags(w http.ResponseWriter, r *http.Request, account *Account, body []byte) {
	path := strings.TrimPrefix(r.URL.Path, "/v3/")
	switch {
	case r.Method == http.MethodGet && path == "effectiveTags":
		f.listTags(w, r, account)
	case r.Method == http.MethodPost && path == "tagBindings":
		f.bindTag(w, account, body)
	case r.Method == http.MethodGet && strings.HasPrefix(path, "operations/"):
		f.getOperation(w, strings.TrimPrefix(path, "operations/"))
	default:
		unknown(w, r)
	}
}

// ownBucket is the bucket that a parent names, if it is of the account's project.
func (f *front) ownBucket(w http.ResponseWriter, account *Account, parent string) (string, bool) {
	name, ok := strings.CutPrefix(parent, bucketParent)
	attributes, found := f.buckets.get(name)
	if !ok || !found || attributes.Project != account.Project {
		writeError(w, http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have permission on "+parent)
		return "", false
	}
	return name, true
}

func (f *front) listTags(w http.ResponseWriter, r *http.Request, account *Account) {
	name, ok := f.ownBucket(w, account, r.URL.Query().Get("parent"))
	if !ok {
		return
	}
	f.tags.mu.Lock()
	defer f.tags.mu.Unlock()
	all := append(slices.Clone(f.tags.inherited), f.tags.bound[name]...)
	start, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	start = min(max(start, 0), len(all))
	end := min(start+tagPage, len(all))
	answer := map[string]any{}
	list := []map[string]any{}
	for i, tag := range all[start:end] {
		list = append(list, map[string]any{"namespacedTagValue": tag, "inherited": start+i < len(f.tags.inherited)})
	}
	if answer["effectiveTags"] = list; end < len(all) {
		answer["nextPageToken"] = strconv.Itoa(end)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (f *front) bindTag(w http.ResponseWriter, account *Account, body []byte) {
	var in struct {
		Parent string `json:"parent"`
		Tag    string `json:"tagValueNamespacedName"`
	}
	if err := readStrict(strings.NewReader(string(body)), &in); err != nil || !namespaced.MatchString(in.Tag) {
		writeError(w, http.StatusBadRequest, "INVALID_ARGUMENT", fmt.Sprintf("tag binding of %q: %v", in.Tag, err))
		return
	}
	name, ok := f.ownBucket(w, account, in.Parent)
	if !ok {
		return
	}
	f.tags.mu.Lock()
	defer f.tags.mu.Unlock()
	if slices.Contains(f.tags.bound[name], in.Tag) {
		writeError(w, http.StatusConflict, "ALREADY_EXISTS", "A binding already exists between the given resource and TagValue.")
		return
	}
	if f.tags.polls == 0 {
		f.tags.bound[name] = append(f.tags.bound[name], in.Tag)
		writeJSON(w, http.StatusOK, map[string]any{"done": true})
		return
	}
	id := fmt.Sprintf("rctb.%d", len(f.tags.operations))
	f.tags.operations[id] = &operation{polls: f.tags.polls, bucket: name, tag: in.Tag}
	writeJSON(w, http.StatusOK, map[string]any{"name": "operations/" + id})
}

func (f *front) getOperation(w http.ResponseWriter, id string) {
	f.tags.mu.Lock()
	defer f.tags.mu.Unlock()
	op, found := f.tags.operations[id]
	if !found {
		writeError(w, http.StatusNotFound, "NOT_FOUND", "operation "+id)
		return
	}
	answer := map[string]any{"name": "operations/" + id}
	if op.polls--; op.polls <= 0 {
		answer["done"] = true
		if !slices.Contains(f.tags.bound[op.bucket], op.tag) {
			f.tags.bound[op.bucket] = append(f.tags.bound[op.bucket], op.tag)
		}
	}
	writeJSON(w, http.StatusOK, answer)
}
