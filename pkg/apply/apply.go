package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/openshift/library-go/pkg/operator/events"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Object is a pointer to a typed API object; nil means absent.
type Object interface {
	comparable
	metav1.Object
	runtime.Object
}

// Client is the part of a typed client that is needed to write objects of one kind.
type Client[T Object] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

// Kind says how objects of one kind are compared and written.
type Kind[T Object] struct {
	// Name is the kind as users know it.
	Name string
	// Merge returns live with every field we own set to what desired says, and whether that is a change. It modifies
	// neither of them.
	Merge func(live, desired T) (merged T, changed bool)
	// MustReplace tells that the difference is in a field that cannot be updated; the object is deleted and made
	// anew. Nil for kinds without such fields.
	MustReplace func(live, desired T) bool
	// Stamp adds to a copy of desired what is derived from it. Nil for nothing but the checksum annotation.
	Stamp func(desired T) error
	// Events makes writes visible as events.
	Events bool
}

// Outcome is what a call of Apply did.
type Outcome string

// The outcomes.
const (
	Unchanged Outcome = "unchanged"
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Replaced  Outcome = "replaced"
)

// Applier remembers what the API server made of our writes. Make one per controller.
type Applier struct {
	recorder events.Recorder
	clock    clock.PassiveClock
	mu       sync.Mutex
	settled  map[string]settlement
	// made is when we created what no cache has shown us since.
	made map[string]time.Time
	// seen are the objects that the cache has shown since we last deleted them ourselves.
	seen map[string]bool
}

// lag is how long a cache that lacks an object we made is taken to be behind, and not the object to be deleted.
const lag = time.Second

// settlement is a stored object that differs from what was asked for although nobody touched it since: admission or a
// newer API server fills in something. Without this memory every sync would write the same thing again.
type settlement struct {
	uid      types.UID
	version  string
	checksum string
}

// NewApplier makes an Applier; recorder gets the events of kinds that have them.
func NewApplier(recorder events.Recorder) *Applier {
	return &Applier{recorder: recorder, clock: clock.RealClock{}, settled: map[string]settlement{}, made: map[string]time.Time{}, seen: map[string]bool{}}
}

// Apply makes the object in the cluster what desired says. live is the cached object, nil if there is none; it is not
// modified, nor is desired. It returns the object as stored.
func Apply[T Object](ctx context.Context, a *Applier, client Client[T], kind Kind[T], live, desired T) (T, Outcome, error) {
	var absent T
	required, err := stamped(kind, desired)
	if err != nil {
		return absent, Unchanged, fmt.Errorf("preparing %s: %w", describe(kind.Name, desired), err)
	}
	if a.behind(describe(kind.Name, desired), live != absent) {
		// What the API server would answer.
		return absent, Unchanged, apierrors.NewAlreadyExists(schema.GroupResource{Resource: kind.Name}, desired.GetName())
	}
	lost := a.isLost(describe(kind.Name, desired), live != absent)
	if live == absent {
		stored, outcome, err := create(ctx, a, client, kind, required)
		if err == nil && lost {
			a.drift(kind.Name, required, "had been deleted and was made again")
		}
		return stored, outcome, err
	}
	if kind.MustReplace != nil && kind.MustReplace(live, required) {
		return replace(ctx, a, client, kind, live, required)
	}
	merged, changed := kind.Merge(live, required)
	if !changed || a.isSettled(kind.Name, live, required) {
		return live, Unchanged, nil
	}
	return update(ctx, a, client, kind, live, merged, required)
}

func create[T Object](ctx context.Context, a *Applier, client Client[T], kind Kind[T], required T) (T, Outcome, error) {
	stored, err := client.Create(ctx, required, metav1.CreateOptions{})
	if err != nil {
		a.event(kind.Events, kind.Name, required, Created, err)
		return stored, Unchanged, fmt.Errorf("creating %s: %w", describe(kind.Name, required), err)
	}
	a.mu.Lock()
	a.made[describe(kind.Name, required)] = a.clock.Now()
	a.mu.Unlock()
	klog.InfoS("object created", "kind", kind.Name, "object", klog.KObj(required))
	a.event(kind.Events, kind.Name, required, Created, nil)
	remember(a, kind, stored, required)
	return stored, Created, nil
}

func update[T Object](ctx context.Context, a *Applier, client Client[T], kind Kind[T], live, merged, required T) (T, Outcome, error) {
	stored, err := client.Update(ctx, merged, metav1.UpdateOptions{})
	if err != nil {
		a.event(kind.Events && !apierrors.IsConflict(err), kind.Name, required, Updated, err)
		return stored, Unchanged, fmt.Errorf("updating %s: %w", describe(kind.Name, required), err)
	}
	if version := stored.GetResourceVersion(); version != "" && version == live.GetResourceVersion() {
		// The API server, or a webhook, has taken our change back, as it did before this process remembered it.
		remember(a, kind, stored, required)
		return stored, Unchanged, nil
	}
	// Not before the write, which somebody waits for.
	fields := changedPaths(live, merged)
	klog.InfoS("object updated", "kind", kind.Name, "object", klog.KObj(required), "fields", fields)
	a.event(kind.Events, kind.Name, required, Updated, nil)
	if sameRequest(live, required) {
		a.drift(kind.Name, required, "had been changed and was set back: "+strings.Join(fields, ", "))
	}
	remember(a, kind, stored, required)
	return stored, Updated, nil
}

func replace[T Object](ctx context.Context, a *Applier, client Client[T], kind Kind[T], live, required T) (T, Outcome, error) {
	uid := live.GetUID()
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	if err := client.Delete(ctx, live.GetName(), options); err != nil && !apierrors.IsNotFound(err) {
		return live, Unchanged, fmt.Errorf("deleting %s to replace it: %w", describe(kind.Name, required), err)
	}
	// Should it not be made below, it is nobody else who deleted it.
	a.forget(describe(kind.Name, required))
	klog.InfoS("object deleted, an immutable field differs", "kind", kind.Name, "object", klog.KObj(required))
	stored, _, err := create(ctx, a, client, kind, required)
	return stored, Replaced, err
}

// stamped is desired with the annotations that are derived from it.
func stamped[T Object](kind Kind[T], desired T) (T, error) {
	required := desired.DeepCopyObject().(T)
	encoded, err := json.Marshal(required)
	if err != nil {
		return required, err
	}
	sum := sha256.Sum256(encoded)
	setAnnotation(required, names.ChecksumAnnotation, "sha256:"+hex.EncodeToString(sum[:]))
	if kind.Stamp != nil {
		err = kind.Stamp(required)
	}
	return required, err
}

// remember notes when the object came back different from what was asked for.
func remember[T Object](a *Applier, kind Kind[T], stored, required T) {
	key := describe(kind.Name, required)
	merged, differs := kind.Merge(stored, required)
	a.mu.Lock()
	defer a.mu.Unlock()
	settled := settlementOf(stored, required)
	if !differs || settled.version == "" {
		delete(a.settled, key)
		return
	}
	klog.InfoS("the API server stores something else than asked for", "object", key, "fields", changedPaths(stored, merged))
	a.settled[key] = settled
}

func (a *Applier) isSettled(kind string, live, required metav1.Object) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, found := a.settled[describe(kind, required)]
	return found && known == settlementOf(live, required)
}

// settlementOf uses the generation where there is one: the resourceVersion also moves with the status.
func settlementOf(stored, required metav1.Object) settlement {
	version := stored.GetResourceVersion()
	if stored.GetGeneration() > 0 {
		version = fmt.Sprint("generation ", stored.GetGeneration())
	}
	return settlement{uid: stored.GetUID(), version: version, checksum: required.GetAnnotations()[names.ChecksumAnnotation]}
}

// behind tells that the cache lacks an object because it does not show our creation yet.
func (a *Applier) behind(object string, cached bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, found := a.made[object]
	if cached || a.clock.Since(at) >= lag {
		delete(a.made, object)
		return false
	}
	return found
}

func (a *Applier) event(wanted bool, kind string, object metav1.Object, outcome Outcome, err error) {
	if !wanted {
		return
	}
	verb := map[Outcome]string{Created: "Create", Updated: "Update"}[outcome]
	if err != nil {
		a.recorder.Warningf(kind+verb+"Failed", "%s of %s: %v", verb, describe(kind, object), err)
		return
	}
	a.recorder.Eventf(kind+verb+"d", "%sd %s", verb, describe(kind, object))
}

func describe(kind string, object metav1.Object) string {
	if object.GetNamespace() == "" {
		return kind + " " + object.GetName()
	}
	return kind + " " + object.GetNamespace() + "/" + object.GetName()
}
