package versionoperator

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// merge forces what the manifest requires onto the object in the cluster and keeps the rest: defaults, and what others added.
//
//   - A field of an object is merged, a single value is forced.
//   - A list is as long as the manifest's. Its members are matched by name, or else by position. One that has everything the
//     manifest requires stays as it is; one that does not becomes the manifest's, whole, because its members may exclude
//     each other (the sources of a volume, value and valueFrom of a variable).
//   - The kind's exact fields are the manifest's and nothing else.
//
// The status is not the version operator's and is left alone.
func merge(existing, required *unstructured.Unstructured, exact [][]string) *unstructured.Unstructured {
	out := existing.DeepCopy()
	for field, value := range required.Object {
		switch field {
		case "apiVersion", "kind", "status":
		case "metadata":
			mergeMetadata(out, required)
		default:
			out.Object[field] = mergeValue(out.Object[field], value)
		}
	}
	for _, path := range exact {
		force(out, required, path)
	}
	return out
}

func mergeMetadata(out, required *unstructured.Unstructured) {
	out.SetLabels(mergeStrings(out.GetLabels(), required.GetLabels()))
	out.SetAnnotations(mergeStrings(out.GetAnnotations(), required.GetAnnotations()))
}

func mergeStrings(existing, required map[string]string) map[string]string {
	if len(required) == 0 {
		return existing
	}
	if existing == nil {
		existing = map[string]string{}
	}
	for key, value := range required {
		existing[key] = value
	}
	return existing
}

func mergeValue(existing, required any) any {
	switch r := required.(type) {
	case nil:
		return existing
	case map[string]any:
		e, ok := existing.(map[string]any)
		if !ok {
			return r
		}
		for key, value := range r {
			if merged := mergeValue(e[key], value); merged != nil {
				e[key] = merged
			}
		}
		return e
	case []any:
		e, _ := existing.([]any)
		if len(r) == 0 && len(e) == 0 {
			return existing
		}
		return mergeList(e, r)
	default:
		return r
	}
}

func mergeList(existing, required []any) []any {
	out := make([]any, len(required))
	for i, r := range required {
		if e := counterpart(existing, r, i); e != nil && covers(e, r) {
			out[i] = e
		} else {
			out[i] = r
		}
	}
	return out
}

// counterpart finds the member of the existing list that stands for a required one.
func counterpart(existing []any, required any, index int) any {
	if r, ok := required.(map[string]any); ok && r["name"] != nil {
		for _, e := range existing {
			if m, ok := e.(map[string]any); ok && m["name"] == r["name"] {
				return e
			}
		}
		return nil
	}
	if index < len(existing) {
		return existing[index]
	}
	return nil
}

// covers tells whether a value has everything that is required.
func covers(existing, required any) bool {
	switch r := required.(type) {
	case nil:
		return true
	case map[string]any:
		e, ok := existing.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range r {
			if !covers(e[key], value) {
				return false
			}
		}
		return true
	case []any:
		e, _ := existing.([]any)
		if len(e) != len(r) {
			return false
		}
		for i := range r {
			if !covers(e[i], r[i]) {
				return false
			}
		}
		return true
	default:
		return equality.Semantic.DeepEqual(existing, required)
	}
}

// force makes a field the manifest's alone, unless the two differ only in what the API server fills in by itself.
func force(out, required *unstructured.Unstructured, path []string) {
	want, found, err := unstructured.NestedFieldCopy(required.Object, path...)
	if err != nil || !found || want == nil {
		unstructured.RemoveNestedField(out.Object, path...)
		return
	}
	have, _, err := unstructured.NestedFieldNoCopy(out.Object, path...)
	if err == nil && same(have, want) {
		return
	}
	// The path's parents are in the required object, so the merge before has made them.
	_ = unstructured.SetNestedField(out.Object, want, path...)
}

// serverDefaults are the values the API server fills into the exact fields of the kinds in the table: the protocol of a
// NetworkPolicy's port, the API group of an RBAC subject.
var serverDefaults = map[string]any{"protocol": "TCP", "apiGroup": rbacGroup}

// same compares exactly, but for empty values that the API server drops and defaults that it adds.
func same(have, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		return ok && sameFields(h, w)
	case []any:
		h, _ := have.([]any)
		if len(h) != len(w) {
			return false
		}
		for i := range w {
			if !same(h[i], w[i]) {
				return false
			}
		}
		return true
	default:
		return empty(have) && empty(want) || equality.Semantic.DeepEqual(have, want)
	}
}

func sameFields(have, want map[string]any) bool {
	for key, value := range want {
		if !same(have[key], value) {
			return false
		}
	}
	for key, value := range have {
		if _, wanted := want[key]; !wanted && !empty(value) && value != serverDefaults[key] {
			return false
		}
	}
	return true
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}
