package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

type object = unstructured.Unstructured

// key names one object.
type key struct {
	kind            *kind
	namespace, name string
}

func (k key) String() string {
	if k.namespace == "" {
		return k.kind.resource + " " + k.name
	}
	return k.kind.resource + " " + k.namespace + "/" + k.name
}

func (k key) resource() schema.GroupResource {
	return schema.GroupResource{Group: k.kind.Group, Resource: k.kind.resource}
}

// event is one entry of the history that watches follow.
type event struct {
	key  key
	kind watch.EventType
	// object is never modified once it is here.
	object *object
}

// store keeps objects the way an API server does as far as the operator can tell: resource versions and conflicts,
// generations, the status subresource, finalizers, owners of fields and server-side apply. It validates nothing.
type store struct {
	kinds []*kind

	mu       sync.Mutex
	moved    *sync.Cond
	revision int
	objects  map[key]*object
	history  []event
	watching map[*selection]bool
	// requests are all writes that were asked for, touched is what they are about.
	requests []string
	touched  map[key]bool
}

func newStore(t *testing.T) *store {
	t.Helper()
	served, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	s := &store{kinds: served, objects: map[key]*object{}, watching: map[*selection]bool{}, touched: map[key]bool{}}
	s.moved = sync.NewCond(&s.mu)
	return s
}

// request is one that writes.
type request struct {
	key         key
	subresource string
	manager     string
	verb        string
	// object is what is created, updated or applied; steps are those of a JSON patch.
	object *object
	steps  []byte
	// exact restricts a deletion.
	exact *metav1.Preconditions
}

// describe makes the line that a golden file has for the request.
func (r request) describe() string {
	resource, rest, _ := strings.Cut(r.key.String(), " ")
	if r.subresource != "" {
		resource += "/" + r.subresource
	}
	line := r.verb + " " + resource + " " + rest
	if r.manager != "" && r.manager != userAgent {
		line += " by " + r.manager
	}
	var steps []struct{ Op, Path string }
	if json.Unmarshal(r.steps, &steps) != nil {
		return line
	}
	for _, step := range steps {
		if step.Path != "/metadata/resourceVersion" {
			line += " " + step.Op + ":" + step.Path
		}
	}
	return line
}

// write carries a request out and answers with the object as it is then.
func (s *store) write(r request) (*object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.objects[r.key]
	switch {
	case live == nil && r.verb != "create":
		return nil, apierrors.NewNotFound(r.key.resource(), r.key.name)
	case live != nil && r.verb == "create":
		return nil, apierrors.NewAlreadyExists(r.key.resource(), r.key.name)
	}
	if r.verb == "delete" {
		return s.remove(r, live)
	}
	wanted, err := s.wanted(r, live)
	if err != nil {
		return nil, err
	}
	if live == nil {
		wanted.SetUID(types.UID(r.key.String()))
		wanted.SetCreationTimestamp(metav1.NewTime(epoch))
		wanted.SetGeneration(1)
		s.put(r.key, watch.Added, wanted)
		return wanted, nil
	}
	if !equality.Semantic.DeepEqual(desire(live), desire(wanted)) {
		wanted.SetGeneration(live.GetGeneration() + 1)
	}
	switch {
	case same(live, wanted):
		return live, nil
	case live.GetDeletionTimestamp() != nil && len(wanted.GetFinalizers()) == 0:
		s.put(r.key, watch.Deleted, wanted)
	default:
		s.put(r.key, watch.Modified, wanted)
	}
	return wanted, nil
}

func (s *store) remove(r request, live *object) (*object, error) {
	if p := r.exact; p != nil {
		if p.UID != nil && *p.UID != live.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != live.GetResourceVersion() {
			return nil, apierrors.NewConflict(r.key.resource(), r.key.name, fmt.Errorf("the preconditions do not hold"))
		}
	}
	gone := live.DeepCopy()
	if len(gone.GetFinalizers()) == 0 {
		s.put(r.key, watch.Deleted, gone)
		return gone, nil
	}
	if gone.GetDeletionTimestamp() == nil {
		now := metav1.NewTime(epoch)
		gone.SetDeletionTimestamp(&now)
		s.put(r.key, watch.Modified, gone)
	}
	return gone, nil
}

// put stores, under the lock.
func (s *store) put(k key, kind watch.EventType, o *object) {
	s.revision++
	o.SetResourceVersion(strconv.Itoa(s.revision))
	if kind == watch.Deleted {
		delete(s.objects, k)
	} else {
		s.objects[k] = o
	}
	s.history = append(s.history, event{k, kind, o})
	s.moved.Broadcast()
}

// load puts an object of a case's input, with status, owners and all.
func (s *store) load(o *object) error {
	for _, k := range s.kinds {
		if k.GroupVersionKind != o.GroupVersionKind() {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		id := key{k, o.GetNamespace(), o.GetName()}
		if (id.namespace != "") != k.namespaced || id.name == "" || s.objects[id] != nil {
			return fmt.Errorf("%s: no name, a wrong scope, or there twice", id)
		}
		if o.GetUID() == "" {
			o.SetUID(types.UID(id.String()))
		}
		o.SetGeneration(max(o.GetGeneration(), 1))
		if k.schema != nil {
			setDefaults(o.Object, k.schema)
		}
		owned, err := own(k, o)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		s.put(id, watch.Added, owned)
		return nil
	}
	return fmt.Errorf("the stand-in does not serve %s", o.GroupVersionKind())
}

// find looks an object up by the name that test.yaml has for it.
func (s *store) find(name string) (key, *object) {
	for k, o := range s.all() {
		if named(o) == name {
			return k, o
		}
	}
	return key{}, nil
}

// edit merges a change into an object as somebody at a keyboard does.
func (s *store) edit(name string, change map[string]any) error {
	k, o := s.find(name)
	if o == nil {
		return fmt.Errorf("there is no %s to edit", name)
	}
	before, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return err
	}
	wanted := &object{}
	if err := wanted.UnmarshalJSON(after); err != nil {
		return err
	}
	_, err = s.write(request{key: k, verb: "update", manager: somebody, object: wanted})
	return err
}

// delete does what somebody does who deletes an object.
func (s *store) delete(name string) error {
	k, o := s.find(name)
	if o == nil {
		return fmt.Errorf("there is no %s to delete", name)
	}
	_, err := s.write(request{key: k, verb: "delete", manager: somebody})
	return err
}

// forget drops what has been recorded so far.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.touched = nil, map[key]bool{}
}

// modify is the cluster's own hand: other controllers than ours.
func (s *store) modify(k key, change func(*object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.objects[k].DeepCopy()
	change(changed)
	s.put(k, watch.Modified, changed)
}

// all lists what is stored, by name.
func (s *store) all() map[key]*object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects)
}

// log notes a request that writes.
func (s *store) log(r request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.describe())
	s.touched[r.key] = true
}

// latest is the revision of the latest change.
func (s *store) latest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision
}

func (s *store) logged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// desire is what counts for the generation.
func desire(o *object) map[string]any {
	content := maps.Clone(o.Object)
	delete(content, "metadata")
	delete(content, "status")
	return content
}

// same ignores when fields were written.
func same(a, b *object) bool {
	timeless := func(o *object) *object {
		o = o.DeepCopy()
		owners := o.GetManagedFields()
		for i := range owners {
			owners[i].Time = nil
		}
		o.SetManagedFields(owners)
		o.SetResourceVersion("")
		return o
	}
	return equality.Semantic.DeepEqual(timeless(a).Object, timeless(b).Object)
}
