package pruner

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// decode is the transform of the informer for ImagePruners. The schema admits values that the Go types do not, such as a
// duration of "1d", and a typed informer that meets one never syncs, which would end the whole operator. So the
// informer takes the object as it comes, and decode leaves out of it the fields that cannot be understood and says so in
// an annotation, for the object in the cache only.
func decode(obj any) (any, error) {
	raw, isRaw := obj.(*unstructured.Unstructured)
	if !isRaw {
		return obj, nil
	}
	content := maps.Clone(raw.Object)
	spec, _ := content["spec"].(map[string]any)
	understood, problems := understandable(spec)
	content["spec"] = understood
	encoded, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encoding imagepruner %s: %w", raw.GetName(), err)
	}
	pruner := &imageregistryv1.ImagePruner{}
	if err := json.Unmarshal(encoded, pruner); err != nil {
		// The status is only ours; nothing else of the object has a free form.
		return nil, fmt.Errorf("decoding imagepruner %s: %w", raw.GetName(), err)
	}
	delete(pruner.Annotations, names.PrunerUndecodableAnnotation)
	if len(problems) == 0 {
		return pruner, nil
	}
	if pruner.Annotations == nil {
		pruner.Annotations = map[string]string{}
	}
	text, err := json.Marshal(problems)
	pruner.Annotations[names.PrunerUndecodableAnnotation] = string(text)
	return pruner, err
}

// understandable splits a spec into the fields that Go's types can hold and what is wrong with the others.
func understandable(spec map[string]any) (map[string]any, map[string]string) {
	understood, problems := map[string]any{}, map[string]string{}
	for field, value := range spec {
		encoded, err := json.Marshal(map[string]any{field: value})
		if err == nil {
			err = json.Unmarshal(encoded, &imageregistryv1.ImagePrunerSpec{})
		}
		if err != nil {
			problems[field] = plainly(err)
			continue
		}
		understood[field] = value
	}
	return understood, problems
}

// plainly leaves out of a decoding error what only Go programmers understand.
func plainly(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("a %s cannot be used here", mismatch.Value)
	}
	return err.Error()
}

// undecodable is what decode noted.
func undecodable(pruner *imageregistryv1.ImagePruner) map[string]string {
	problems := map[string]string{}
	if text := pruner.Annotations[names.PrunerUndecodableAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &problems); err != nil {
			problems["spec"] = err.Error()
		}
	}
	return problems
}
