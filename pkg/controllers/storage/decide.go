package storage

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// wanted are the coordinates that spec asks for: its own, or the platform's when it names none. What else spec.storage
// says (managementState, oss) stays.
func wanted(spec storage.Coordinates, infrastructure *configv1.Infrastructure) (storage.Coordinates, error) {
	c := *spec.DeepCopy()
	if len(storage.Configured(&c)) > 0 {
		return c, nil
	}
	platform, err := storage.DefaultFor(infrastructure)
	if err != nil {
		return c, err
	}
	c = platform.Storage
	c.OSS, c.ManagementState = spec.OSS, spec.ManagementState
	return c, nil
}

// decided tells whether spec.storage.managementState was decided for the location coordinates, by the annotation, or
// for objects without it by what is in use.
func decided(config *imageregistryv1.Config, coordinates storage.Coordinates) bool {
	if config.Spec.Storage.ManagementState == "" {
		return false
	}
	if _, found := config.Annotations[names.StorageDecidedAnnotation]; found {
		location, _ := decisionOf(config)
		return location == storage.LocationHash(coordinates)
	}
	return inUse(config, coordinates)
}

// inUse tells whether status.storage is at coordinates.
func inUse(config *imageregistryv1.Config, coordinates storage.Coordinates) bool {
	return len(storage.Configured(&config.Status.Storage)) > 0 &&
		storage.LocationHash(config.Status.Storage) == storage.LocationHash(coordinates)
}

// managementState decides what spec.storage.managementState has to be at the location of plan, and whether that is a
// decision of ours. The value is the administrator's once given; one of ours holds for the location it was made for.
func managementState(config *imageregistryv1.Config, plan storage.Plan) (state string, ours bool) {
	given := config.Spec.Storage.ManagementState
	switch {
	case given == "" && inUse(config, plan.Coordinates):
		// The value was taken away, or the object predates the field.
		if previous := config.Status.Storage.ManagementState; previous != "" {
			return previous, true
		}
		if config.Status.StorageManaged {
			return imageregistryv1.StorageManagementStateManaged, true
		}
		return plan.ManagementState, true
	case given == "":
		return plan.ManagementState, true
	case decided(config, plan.Coordinates), administratorSet(config):
		return given, false
	case len(storage.Configured(&config.Status.Storage)) == 0 && config.Annotations[names.StorageDecidedAnnotation] == "":
		// Never decided by us, nothing in use: it was there from the start.
		return given, false
	}
	return plan.ManagementState, true
}

// administratorSet tells whether somebody else set spec.storage.managementState last. The reference wrote the whole
// spec under the name of its binary.
func administratorSet(config *imageregistryv1.Config) bool {
	for _, entry := range config.ManagedFields {
		if entry.Manager == names.StorageController || entry.Manager == names.OperatorDeployment || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Spec struct {
				Storage map[string]any `json:"f:storage"`
			} `json:"f:spec"`
		}
		if err := json.Unmarshal(entry.FieldsV1.Raw, &fields); err != nil {
			continue
		}
		if _, found := fields.Spec.Storage["f:managementState"]; found {
			return true
		}
	}
	return false
}

// writeAhead is the patch that must be stored before anything is created: the completed coordinates, the management
// state with the location it was decided for, and the finalizer.
func writeAhead(config *imageregistryv1.Config, plan storage.Plan, state string, ours bool) []operatorclient.Change {
	coordinates := plan.Coordinates
	coordinates.ManagementState = state
	changes := storageChanges(config.Spec.Storage, coordinates)
	if value := decision(config, plan, state, ours); value != "" {
		changes = append(changes, annotate(config, names.StorageDecidedAnnotation, value)...)
	}
	if !slices.Contains(config.Finalizers, names.Finalizer) {
		changes = append(changes, operatorclient.Set("/metadata/finalizers", append(slices.Clone(config.Finalizers), names.Finalizer)))
	}
	return changes
}

func annotate(config *imageregistryv1.Config, key, value string) []operatorclient.Change {
	switch {
	case config.Annotations[key] == value:
		return nil
	case len(config.Annotations) == 0:
		return []operatorclient.Change{operatorclient.Set("/metadata/annotations", map[string]string{key: value})}
	}
	return []operatorclient.Change{operatorclient.Set("/metadata/annotations/"+pointer(key), value)}
}

// storageChanges sets in spec.storage the leaf fields in which want differs from have. It removes nothing: what want
// leaves out is the administrator's.
func storageChanges(have, want storage.Coordinates) []operatorclient.Change {
	if reflect.DeepEqual(have, want) {
		return nil
	}
	if reflect.ValueOf(have).IsZero() {
		// The stored object may have no spec.storage at all.
		return []operatorclient.Change{operatorclient.Set("/spec/storage", want)}
	}
	return leafChanges("/spec/storage", tree(have), tree(want))
}

func leafChanges(path string, have, want map[string]any) []operatorclient.Change {
	var changes []operatorclient.Change
	for _, name := range slices.Sorted(maps.Keys(want)) {
		field := path + "/" + pointer(name)
		old, found := have[name]
		oldMap, wasMap := old.(map[string]any)
		newMap, isMap := want[name].(map[string]any)
		switch {
		case found && wasMap && isMap:
			changes = append(changes, leafChanges(field, oldMap, newMap)...)
		case !found || !reflect.DeepEqual(old, want[name]):
			changes = append(changes, operatorclient.Set(field, want[name]))
		}
	}
	return changes
}

// forgotten removes from spec.storage the generated names that forget clears.
func forgotten(spec storage.Coordinates, forget func(*storage.Coordinates)) []operatorclient.Change {
	if forget == nil {
		return nil
	}
	cleared := *spec.DeepCopy()
	forget(&cleared)
	return leafRemovals("/spec/storage", tree(spec), tree(cleared))
}

func leafRemovals(path string, have, want map[string]any) []operatorclient.Change {
	var changes []operatorclient.Change
	for _, name := range slices.Sorted(maps.Keys(have)) {
		field := path + "/" + pointer(name)
		left, found := want[name]
		if !found {
			changes = append(changes, operatorclient.Remove(field))
			continue
		}
		oldMap, wasMap := have[name].(map[string]any)
		newMap, isMap := left.(map[string]any)
		if wasMap && isMap {
			changes = append(changes, leafRemovals(field, oldMap, newMap)...)
		}
	}
	return changes
}

// tree is the JSON form of coordinates.
func tree(c storage.Coordinates) map[string]any {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // an API type always encodes
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err) // it was encoded above
	}
	return fields
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// mayRemove tells whether spec and status agree that the storage is ours to remove, and at the same location.
func mayRemove(config *imageregistryv1.Config) bool {
	state := func(s string) string {
		if s == "" && config.Status.StorageManaged {
			return imageregistryv1.StorageManagementStateManaged
		}
		return s
	}
	return state(config.Spec.Storage.ManagementState) == imageregistryv1.StorageManagementStateManaged &&
		state(config.Status.Storage.ManagementState) == imageregistryv1.StorageManagementStateManaged &&
		storage.Agree(config.Spec.Storage, config.Status.Storage)
}
