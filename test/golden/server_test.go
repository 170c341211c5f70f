package golden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// selection is what a list or a watch sees.
type selection struct {
	kind      *kind
	namespace string
	labels    labels.Selector
	fields    fields.Selector
	// metadataOnly leaves out all but the metadata.
	metadataOnly bool
}

func (s *selection) sees(k key, o *object) bool {
	kindOfSecret, _, _ := unstructured.NestedString(o.Object, "type")
	return k.kind == s.kind && (s.namespace == "" || s.namespace == k.namespace) && s.labels.Matches(labels.Set(o.GetLabels())) &&
		s.fields.Matches(fields.Set{"metadata.name": k.name, "metadata.namespace": k.namespace, "type": kindOfSecret})
}

// show is the object in the form asked for.
func (s *selection) show(o *object) map[string]any {
	if !s.metadataOnly {
		return o.Object
	}
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": o.Object["metadata"]}
}

// serve starts an HTTP server over the store.
func serve(t *testing.T, s *store) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.answer(w, r); err != nil {
			status := apierrors.NewInternalError(err).Status()
			if known := apierrors.APIStatus(nil); errors.As(err, &known) {
				status = known.Status()
			}
			status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			reply(w, int(status.Code), status)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// answer tells collections from objects and reads from writes.
func (s *store) answer(w http.ResponseWriter, r *http.Request) error {
	k, subresource, err := s.parse(r.URL.Path)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet && k.name == "" {
		return s.collection(w, r, k)
	}
	if r.Method == http.MethodGet {
		o := s.all()[k]
		if o == nil {
			return apierrors.NewNotFound(k.resource(), k.name)
		}
		reply(w, http.StatusOK, o.Object)
		return nil
	}
	wish, err := s.decode(r, k, subresource)
	if err != nil {
		return err
	}
	s.log(wish)
	stored, err := s.write(wish)
	if err != nil {
		return err
	}
	code := http.StatusOK
	if wish.verb == "create" {
		code = http.StatusCreated
	}
	reply(w, code, stored.Object)
	return nil
}

// parse reads PREFIX[/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]].
func (s *store) parse(path string) (key, string, error) {
	for _, k := range s.kinds {
		rest, found := strings.CutPrefix(path, k.path()+"/")
		if !found {
			continue
		}
		part := strings.Split(rest, "/")
		id := key{kind: k}
		if k.namespaced && part[0] == "namespaces" && len(part) > 2 {
			id.namespace, part = part[1], part[2:]
		}
		if part[0] != k.resource || len(part) > 3 {
			continue
		}
		part = append(part, "", "")
		id.name = part[1]
		return id, part[2], nil
	}
	return key{}, "", &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: path + " is not served"}}
}

// decode makes a request of an HTTP request that writes.
func (s *store) decode(r *http.Request, k key, subresource string) (request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, err
	}
	// Whoever gives no name is known by the first word of the user agent.
	agent, _, _ := strings.Cut(r.UserAgent(), "/")
	wish := request{key: k, subresource: subresource, manager: r.URL.Query().Get("fieldManager")}
	if wish.manager == "" {
		wish.manager = agent
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch r.Method {
	case http.MethodDelete:
		wish.verb = "delete"
		if len(body) == 0 {
			return wish, nil
		}
		var options metav1.DeleteOptions
		err := decodeInto(body, media, &options)
		wish.exact = options.Preconditions
		return wish, err
	case http.MethodPatch:
		return s.decodePatch(wish, types.PatchType(media), body)
	case http.MethodPost:
		wish.verb = "create"
	case http.MethodPut:
		wish.verb = "update"
	}
	if wish.object, err = decodeObject(body, media); err != nil {
		return wish, err
	}
	wish.object.SetGroupVersionKind(k.kind.GroupVersionKind)
	wish.key.name = wish.object.GetName()
	return wish, nil
}

func (s *store) decodePatch(wish request, kind types.PatchType, body []byte) (request, error) {
	switch kind {
	case types.ApplyPatchType:
		wish.verb, wish.object = "apply", &object{}
		return wish, yaml.Unmarshal(body, &wish.object.Object)
	case types.JSONPatchType:
		wish.verb, wish.steps = "patch", body
	default:
		return wish, fmt.Errorf("the stand-in knows no %s", kind)
	}
	live := s.all()[wish.key]
	if live == nil {
		return wish, apierrors.NewNotFound(wish.key.resource(), wish.key.name)
	}
	before, err := live.MarshalJSON()
	if err != nil {
		return wish, err
	}
	steps, err := jsonpatch.DecodePatch(body)
	if err != nil {
		return wish, err
	}
	after, err := steps.Apply(before)
	if err != nil {
		return wish, apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", wish.key.resource(), wish.key.name, err.Error(), 0, true)
	}
	wish.object = &object{}
	return wish, wish.object.UnmarshalJSON(after)
}

// decodeInto reads either of the forms that the clients send.
func decodeInto(body []byte, media string, into runtime.Object) error {
	if media != runtime.ContentTypeProtobuf {
		return json.Unmarshal(body, into)
	}
	_, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, into)
	return err
}

func decodeObject(body []byte, media string) (*object, error) {
	o := &object{}
	if media != runtime.ContentTypeProtobuf {
		return o, json.Unmarshal(body, &o.Object)
	}
	typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, err
	}
	o.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	return o, err
}

// collection answers lists and watches.
func (s *store) collection(w http.ResponseWriter, r *http.Request, k key) error {
	query := r.URL.Query()
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return err
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return err
	}
	see := &selection{
		kind: k.kind, namespace: k.namespace, labels: byLabel, fields: byField,
		metadataOnly: strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata"),
	}
	if query.Get("watch") != "" {
		return s.watch(r.Context(), w, see, query.Get("sendInitialEvents") == "true", query.Get("resourceVersion"))
	}
	s.mu.Lock()
	items, revision := s.seen(see), s.revision
	s.mu.Unlock()
	list := map[string]any{"apiVersion": k.kind.GroupVersion().String(), "kind": k.kind.Kind + "List"}
	if see.metadataOnly {
		list["apiVersion"], list["kind"] = "meta.k8s.io/v1", "PartialObjectMetadataList"
	}
	shown := []map[string]any{}
	for _, item := range items {
		shown = append(shown, see.show(item))
	}
	list["metadata"], list["items"] = map[string]any{"resourceVersion": strconv.Itoa(revision)}, shown
	reply(w, http.StatusOK, list)
	return nil
}

// seen lists under the lock.
func (s *store) seen(see *selection) []*object {
	var all []*object
	for k, o := range s.objects {
		if see.sees(k, o) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all
}

// watch follows the history until the client leaves.
func (s *store) watch(ctx context.Context, w http.ResponseWriter, see *selection, initial bool, since string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching[see] = true
	defer delete(s.watching, see)
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.moved.Broadcast()
	})()

	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	send := func(kind watch.EventType, o map[string]any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"type": kind, "object": o})
	}
	// Revisions count from one, and each is one entry of the history.
	next, _ := strconv.Atoi(since)
	if initial {
		for _, o := range s.seen(see) {
			send(watch.Added, see.show(o))
		}
		end := &object{}
		end.SetGroupVersionKind(see.kind.GroupVersionKind)
		end.SetResourceVersion(strconv.Itoa(s.revision))
		end.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
		send(watch.Bookmark, see.show(end))
		next = len(s.history)
	}
	for ctx.Err() == nil {
		for ; next < len(s.history); next++ {
			if e := s.history[next]; see.sees(e.key, e.object) {
				send(e.kind, see.show(e.object))
			}
		}
		w.(http.Flusher).Flush()
		s.moved.Wait()
	}
	return nil
}

// versions are those of all objects that all watches should be seeing now, sorted.
func (s *store) versions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for see := range s.watching {
		for _, o := range s.seen(see) {
			all = append(all, o.GetResourceVersion())
		}
	}
	slices.Sort(all)
	return all
}
