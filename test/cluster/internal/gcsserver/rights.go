package gcsserver

import (
	"net/http"
	"net/url"
	"strings"
)

// target is what a request addresses.
type target struct {
	bucket, object string
	// objects tells that it is about objects rather than about the bucket.
	objects bool
	upload  bool
	// copies tells that another object is made of it.
	copies bool
	known  bool
}

// parseTarget understands the paths that the operator and the registry use. Any other is not known: what a stand-in does not
// know must not look as if it worked.
func parseTarget(r *http.Request) target {
	path := r.URL.EscapedPath()
	if rest, found := strings.CutPrefix(path, "/upload/storage/v1/b/"); found {
		bucket, below, _ := strings.Cut(rest, "/")
		return target{bucket: bucket, object: r.URL.Query().Get("name"), objects: true, upload: true, known: below == "o"}
	}
	if strings.HasPrefix(path, "/upload/resumable/") {
		return target{objects: true, upload: true, known: true}
	}
	if path == "/storage/v1/b" {
		return target{known: true}
	}
	rest, found := strings.CutPrefix(path, "/storage/v1/b/")
	if !found {
		// The XML API, by which objects are read: /BUCKET/OBJECT.
		bucket, object, deep := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		reading := r.Method == http.MethodGet || r.Method == http.MethodHead
		return target{bucket: bucket, object: unescape(object), objects: true, known: deep && object != "" && reading}
	}
	bucket, below, deep := strings.Cut(rest, "/")
	if !deep {
		return target{bucket: bucket, known: true}
	}
	object, isObject := strings.CutPrefix(below, "o/")
	if !isObject {
		return target{bucket: bucket, objects: true, known: below == "o"}
	}
	source, _, copies := strings.Cut(object, "/rewriteTo/")
	return target{bucket: bucket, object: unescape(source), objects: true, copies: copies, known: true}
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// rights are the permissions that Google's table of methods demands for a storage request.
func (t target) rights(r *http.Request, body []byte, overwrites bool) []string {
	if !t.objects {
		switch r.Method {
		case http.MethodPost:
			return []string{"storage.buckets.create"}
		case http.MethodGet:
			return []string{"storage.buckets.get"}
		case http.MethodDelete:
			return []string{"storage.buckets.delete"}
		}
		if strings.Contains(string(body), "publicAccessPrevention") {
			return []string{"storage.buckets.update", "storage.buckets.setIamPolicy"}
		}
		return []string{"storage.buckets.update"}
	}
	switch {
	case t.upload && overwrites:
		return []string{"storage.objects.create", "storage.objects.delete"}
	case t.upload:
		return []string{"storage.objects.create"}
	case t.copies:
		return []string{"storage.objects.create", "storage.objects.delete", "storage.objects.get"}
	case r.Method == http.MethodDelete:
		return []string{"storage.objects.delete"}
	case t.object == "":
		return []string{"storage.objects.list"}
	}
	return []string{"storage.objects.get"}
}

// tagRights are those for the calls of Resource Manager. A tag that is given by name has to be looked up, and one that is
// told by name to be read.
func tagRights(r *http.Request) []string {
	switch {
	case r.Method == http.MethodPost:
		return []string{"storage.buckets.createTagBinding", "resourcemanager.tagValueBindings.create", "resourcemanager.tagValues.get"}
	case strings.HasSuffix(r.URL.Path, "/effectiveTags"):
		return []string{"storage.buckets.listEffectiveTags", "resourcemanager.tagValues.list"}
	}
	return nil
}
