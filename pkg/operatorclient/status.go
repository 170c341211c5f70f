package operatorclient

import (
	"bytes"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

// generationKey is the list-map key of status.generations.
type generationKey struct{ group, resource, namespace, name string }

// owned is what one field manager owns in status, as managedFields record it. The generated apply configurations of
// this API group carry no schema and return every manager's fields to everyone, so we read managedFields ourselves.
type owned struct {
	conditions         sets.Set[string]
	generations        sets.Set[generationKey]
	observedGeneration bool
	readyReplicas      bool
}

func ownedStatus(config *imageregistryv1.Config, manager string) (owned, error) {
	o := owned{conditions: sets.New[string](), generations: sets.New[generationKey]()}
	for _, entry := range config.ManagedFields {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "status" || entry.FieldsV1 == nil {
			continue
		}
		var fields fieldpath.Set
		if err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.Raw)); err != nil {
			return owned{}, fmt.Errorf("decoding managedFields of config %s for %s: %w", config.Name, manager, err)
		}
		o.conditions = keysOf(&fields, "conditions", func(key map[string]string) string { return key["type"] })
		o.generations = keysOf(&fields, "generations", func(key map[string]string) generationKey {
			return generationKey{key["group"], key["resource"], key["namespace"], key["name"]}
		})
		o.observedGeneration = fields.Has(fieldpath.MakePathOrDie("status", "observedGeneration"))
		o.readyReplicas = fields.Has(fieldpath.MakePathOrDie("status", "readyReplicas"))
	}
	return o, nil
}

// keysOf returns the list-map keys under status.<list>, made comparable by pick.
func keysOf[K comparable](fields *fieldpath.Set, list string, pick func(map[string]string) K) sets.Set[K] {
	keys := sets.New[K]()
	under := fields.WithPrefix(fieldpath.PathElement{FieldName: ptr.To("status")}).WithPrefix(fieldpath.PathElement{FieldName: &list})
	under.Iterate(func(path fieldpath.Path) {
		if len(path) == 0 || path[0].Key == nil {
			return
		}
		key := map[string]string{}
		for _, field := range *path[0].Key {
			if field.Value.IsString() {
				key[field.Name] = field.Value.AsString()
			}
		}
		keys.Insert(pick(key))
	})
	return keys
}

// covers tells whether config already says everything in status and the manager owns nothing beyond it.
func (o owned) covers(config *imageregistryv1.Config, status Status) bool {
	wantConditions, wantGenerations := sets.New[string](), sets.New[generationKey]()
	for _, condition := range status.Conditions {
		wantConditions.Insert(condition.Type)
		if !slices.ContainsFunc(config.Status.Conditions, func(live operatorv1.OperatorCondition) bool {
			return sameCondition(live, condition)
		}) {
			return false
		}
	}
	for _, generation := range status.Generations {
		wantGenerations.Insert(generationKey{generation.Group, generation.Resource, generation.Namespace, generation.Name})
		if !slices.Contains(config.Status.Generations, generation) {
			return false
		}
	}
	if status.ObservedGeneration != nil && *status.ObservedGeneration != config.Status.ObservedGeneration {
		return false
	}
	if status.ReadyReplicas != nil && *status.ReadyReplicas != config.Status.ReadyReplicas {
		return false
	}
	return o.conditions.Equal(wantConditions) && o.generations.Equal(wantGenerations) &&
		o.observedGeneration == (status.ObservedGeneration != nil) && o.readyReplicas == (status.ReadyReplicas != nil)
}

func sameCondition(a, b operatorv1.OperatorCondition) bool {
	return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
}

// withTransitionTimes returns conditions with LastTransitionTime filled in: that of the live condition while its
// status is the same, now otherwise. It is filled in before comparing, or every apply would differ from the last.
func withTransitionTimes(live, conditions []operatorv1.OperatorCondition, now metav1.Time) []operatorv1.OperatorCondition {
	filled := make([]operatorv1.OperatorCondition, 0, len(conditions))
	for _, condition := range conditions {
		condition.LastTransitionTime = now
		for _, old := range live {
			if old.Type == condition.Type && old.Status == condition.Status && !old.LastTransitionTime.IsZero() {
				condition.LastTransitionTime = old.LastTransitionTime
			}
		}
		filled = append(filled, condition)
	}
	return filled
}

// applyBody is the server-side apply document. Reason and message are sent even when empty: another manager may have
// left text behind in a condition we take over, and an omitted field would leave it there. The UID keeps an apply
// meant for a deleted Config from landing on its successor.
func applyBody(config *imageregistryv1.Config, status Status) map[string]any {
	conditions := make([]map[string]any, 0, len(status.Conditions))
	for _, condition := range status.Conditions {
		conditions = append(conditions, map[string]any{
			"type": condition.Type, "status": condition.Status, "reason": condition.Reason, "message": condition.Message,
			"lastTransitionTime": condition.LastTransitionTime,
		})
	}
	fields := map[string]any{}
	if len(conditions) > 0 {
		fields["conditions"] = conditions
	}
	if len(status.Generations) > 0 {
		fields["generations"] = status.Generations
	}
	if status.ObservedGeneration != nil {
		fields["observedGeneration"] = *status.ObservedGeneration
	}
	if status.ReadyReplicas != nil {
		fields["readyReplicas"] = *status.ReadyReplicas
	}
	return map[string]any{
		"apiVersion": imageregistryv1.GroupVersion.String(),
		"kind":       "Config",
		"metadata":   map[string]any{"name": config.Name, "uid": config.UID},
		"status":     fields,
	}
}
