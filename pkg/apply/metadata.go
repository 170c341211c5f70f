package apply

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// referenceManager is the field manager under which the operator of earlier releases wrote its objects. Annotations
// and labels that it owned and we do not want are removed on take-over. A later rule of ours need not care: it lists
// what it must be able to remove in names.ManagedAnnotationsAnnotation.
const referenceManager = "cluster-image-registry-operator"

// mergeMetadata sets the labels and annotations of desired on live and removes those that we set earlier and do not
// want any more. Everything else in the metadata belongs to others.
func mergeMetadata(live, desired metav1.Object) bool {
	stale := staleKeys(live)
	labels, labelsChanged := mergeMap(live.GetLabels(), desired.GetLabels(), stale.labels)
	if labelsChanged {
		live.SetLabels(labels)
	}
	annotations, annotationsChanged := mergeMap(live.GetAnnotations(), desired.GetAnnotations(), stale.annotations)
	if annotationsChanged {
		live.SetAnnotations(annotations)
	}
	return labelsChanged || annotationsChanged
}

// mergeMap returns live with all of desired set and with the stale keys gone that desired does not have.
func mergeMap(live, desired map[string]string, stale []string) (map[string]string, bool) {
	merged := map[string]string{}
	for key, value := range live {
		merged[key] = value
	}
	changed := false
	for _, key := range stale {
		_, wanted := desired[key]
		if _, present := merged[key]; present && !wanted {
			delete(merged, key)
			changed = true
		}
	}
	for key, value := range desired {
		if got, present := merged[key]; !present || got != value {
			merged[key] = value
			changed = true
		}
	}
	return merged, changed
}

type keys struct{ labels, annotations []string }

// staleKeys are the keys that an operator, this one or an earlier one, has set on the object.
func staleKeys(live metav1.Object) keys {
	found := keys{}
	if listed := live.GetAnnotations()[names.ManagedAnnotationsAnnotation]; listed != "" {
		found.annotations = append(strings.Split(listed, ","), names.ManagedAnnotationsAnnotation)
	}
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != referenceManager || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Labels      map[string]json.RawMessage `json:"f:labels"`
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if err := json.Unmarshal(entry.FieldsV1.Raw, &fields); err != nil {
			continue
		}
		found.labels = append(found.labels, fieldNames(fields.Metadata.Labels)...)
		found.annotations = append(found.annotations, fieldNames(fields.Metadata.Annotations)...)
	}
	return found
}

func fieldNames(fields map[string]json.RawMessage) []string {
	var found []string
	for field := range fields {
		if name, isField := strings.CutPrefix(field, "f:"); isField {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

func setAnnotation(object metav1.Object, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}
