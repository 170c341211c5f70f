package golden

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// somebody is who wrote what the input of a case says.
const somebody = "somebody"

func empty(k *kind) *object {
	return &object{Object: map[string]any{"apiVersion": k.GroupVersion().String(), "kind": k.Kind}}
}

// wanted is the object that a request asks for, with its owners recorded.
func (s *store) wanted(r request, live *object) (*object, error) {
	k := r.key.kind
	manager, err := k.manager(r.subresource)
	if err != nil {
		return nil, err
	}
	old := live
	if old == nil {
		old = empty(k)
	}
	if r.verb == "apply" {
		applied, err := manager.Apply(old, r.object, r.manager, true)
		if err != nil {
			return nil, err
		}
		return applied.(*object), nil
	}
	wanted := r.object.DeepCopy()
	if live != nil && wanted.GetResourceVersion() != "" && wanted.GetResourceVersion() != live.GetResourceVersion() {
		return nil, apierrors.NewConflict(r.key.resource(), r.key.name, fmt.Errorf("version %s is not %s", wanted.GetResourceVersion(), live.GetResourceVersion()))
	}
	wanted = split(wanted, live, k, r.subresource)
	if k.schema != nil {
		setDefaults(wanted.Object, k.schema)
	}
	owned, err := manager.Update(old.DeepCopy(), wanted, r.manager)
	if err != nil {
		return nil, err
	}
	return owned.(*object), nil
}

// split keeps what the endpoint of a request does not write: the status, or all but the status.
func split(wanted, live *object, k *kind, subresource string) *object {
	if live == nil {
		if k.status {
			delete(wanted.Object, "status")
		}
		return wanted
	}
	from, into := live, wanted
	if subresource != "" {
		from, into = wanted, live.DeepCopy()
	}
	if k.status {
		if status, found := from.Object["status"]; found {
			into.Object["status"] = runtime.DeepCopyJSONValue(status)
		} else {
			delete(into.Object, "status")
		}
	}
	into.SetUID(live.GetUID())
	into.SetCreationTimestamp(live.GetCreationTimestamp())
	into.SetDeletionTimestamp(live.GetDeletionTimestamp())
	into.SetGeneration(live.GetGeneration())
	return into
}

// own records somebody as the owner of all fields, where the input does not say whose they are.
func own(k *kind, o *object) (*object, error) {
	if len(o.GetManagedFields()) > 0 {
		return o, nil
	}
	nothing, bare := empty(k), o.DeepCopy()
	if k.status {
		delete(bare.Object, "status")
	}
	manager, err := k.manager("")
	if err != nil {
		return nil, err
	}
	owned, err := manager.Update(nothing, bare, somebody)
	if err != nil || !k.status || o.Object["status"] == nil {
		return owned.(*object), err
	}
	if manager, err = k.manager("status"); err != nil {
		return nil, err
	}
	owned, err = manager.Update(owned, o, somebody)
	return owned.(*object), err
}

// asIs is the machinery of conversion and defaulting for objects that have one version and defaults already.
type asIs struct{}

func (asIs) Convert(any, any, any) error { return fmt.Errorf("not converting") }

func (asIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

func (asIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

func (asIs) Default(runtime.Object) {}

func (asIs) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	o := &object{}
	o.SetGroupVersionKind(kind)
	return o, nil
}
