package lenient

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// object is a pointer to a Go type of the API.
type object[T any] interface {
	*T
	metav1.Object
}

// Decode makes the typed object of raw. Values of the spec that the type cannot hold are left out; Problems tells them.
// An error means that something else than the spec cannot be held.
func Decode[T any, P object[T]](raw *unstructured.Unstructured) (P, error) {
	decoded, problems := P(new(T)), map[string]string{}
	if convert(raw.Object, decoded) != nil {
		content := maps.Clone(raw.Object)
		content["spec"], _ = walk[T]{problems}.keep(raw.Object["spec"], "", func(value any) any { return map[string]any{"spec": value} })
		decoded = new(T)
		if err := convert(content, decoded); err != nil {
			return nil, fmt.Errorf("decoding %s %s: %w", raw.GetKind(), raw.GetName(), err)
		}
	}
	return decoded, note(decoded, problems)
}

// Problems are the values that Decode has left out: their paths below spec, and what is wrong with them.
func Problems(o metav1.Object) map[string]string {
	problems := map[string]string{}
	if text := o.GetAnnotations()[names.UndecodableAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &problems); err != nil {
			problems[""] = err.Error()
		}
	}
	return problems
}

// note replaces the annotation, which somebody may have written in the cluster as well.
func note(o metav1.Object, problems map[string]string) error {
	annotations := maps.Clone(o.GetAnnotations())
	delete(annotations, names.UndecodableAnnotation)
	if len(problems) > 0 {
		text, err := json.Marshal(problems)
		if err != nil {
			return fmt.Errorf("encoding the problems of %s: %w", o.GetName(), err)
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[names.UndecodableAnnotation] = string(text)
	}
	o.SetAnnotations(annotations)
	return nil
}

// walk goes over a spec that could not be decoded whole, leaf by leaf.
type walk[T any] struct{ problems map[string]string }

// keep returns the value without the leaves that T cannot hold, and whether anything is left of it. wrap makes the object
// that has nothing but a value at this place.
func (w walk[T]) keep(value any, path string, wrap func(any) any) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, item := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			if k, ok := w.keep(item, at, func(leaf any) any { return wrap(map[string]any{name: leaf}) }); ok {
				kept[name] = k
			}
		}
		return kept, true
	case []any:
		kept := make([]any, 0, len(v))
		for i, item := range v {
			if k, ok := w.keep(item, fmt.Sprintf("%s[%d]", path, i), func(leaf any) any { return wrap([]any{leaf}) }); ok {
				kept = append(kept, k)
			}
		}
		return kept, true
	}
	if err := convert(wrap(value), new(T)); err != nil {
		w.problems[path] = plainly(err)
		return nil, false
	}
	return value, true
}

func convert(from, into any) error {
	encoded, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}

// plainly leaves out of a decoding error what only Go programmers understand.
func plainly(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("a %s cannot be used here", mismatch.Value)
	}
	return err.Error()
}
