package golden

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// line is one field that differs between two objects.
type line struct {
	// sign is + for a field that only the second has, - for one that only the first has, ~ for one with two values, and !
	// for one that the input asked for and the outcome does not have.
	sign     string
	path     string
	old, new string
}

func (l line) String() string {
	switch l.sign {
	case "+":
		return "+ " + l.path + ": " + l.new
	case "-":
		return "- " + l.path
	}
	return l.sign + " " + l.path + ": " + l.old + " -> " + l.new
}

// fieldDifference lists the fields that differ, the topmost that one of the two does not have at all. Items of lists are
// known by their key where they have one.
func fieldDifference(before, after any, path string) []line {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	switch oldValue := before.(type) {
	case map[string]any:
		if newValue, both := after.(map[string]any); both {
			return mapDifference(oldValue, newValue, path)
		}
	case []any:
		if newValue, both := after.([]any); both {
			return listDifference(oldValue, newValue, path)
		}
	}
	return []line{{"~", path, show(before), show(after)}}
}

func mapDifference(before, after map[string]any, path string) []line {
	var all []line
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		at := below(path, name)
		oldValue, inOld := before[name]
		newValue, inNew := after[name]
		switch {
		case !inOld:
			all = append(all, line{sign: "+", path: at, new: show(newValue)})
		case !inNew:
			all = append(all, line{sign: "-", path: at, old: show(oldValue)})
		default:
			all = append(all, fieldDifference(oldValue, newValue, at)...)
		}
	}
	return all
}

// listDifference of lists without keys is all or nothing. With keys the order is one more thing that can differ: that
// of the items that both have.
func listDifference(before, after []any, path string) []line {
	oldKeys, oldItems := keyed(before)
	newKeys, newItems := keyed(after)
	if oldItems == nil || newItems == nil {
		return []line{{"~", path, show(before), show(after)}}
	}
	all := mapDifference(oldItems, newItems, path)
	for i := range all {
		all[i].path = strings.Replace(all[i].path, path+".", path, 1)
	}
	oldKeys = slices.DeleteFunc(oldKeys, func(k string) bool { return newItems[k] == nil })
	newKeys = slices.DeleteFunc(newKeys, func(k string) bool { return oldItems[k] == nil })
	if !slices.Equal(oldKeys, newKeys) {
		all = append(all, line{"~", path + "[order]", strings.Join(oldKeys, ","), strings.Join(newKeys, ",")})
	}
	return all
}

// itemKeys are fields that tell the items of a list apart, the strongest first.
var itemKeys = [][]string{{"mountPath"}, {"topologyKey"}, {"resource", "name"}, {"name"}, {"type"}, {"key"}, {"containerPort"}}

// keyed returns the items by key, in brackets, and the keys in order; no items if there is no key.
func keyed(list []any) ([]string, map[string]any) {
	for _, fields := range itemKeys {
		keys, items := []string{}, map[string]any{}
		for _, item := range list {
			key := keyOf(item, fields)
			if key != "" && items[key] == nil {
				keys = append(keys, key)
				items[key] = item
			}
		}
		if len(items) == len(list) {
			return keys, items
		}
	}
	return nil, nil
}

func keyOf(item any, fields []string) string {
	object, _ := item.(map[string]any)
	var parts []string
	for _, field := range fields {
		value, found := object[field]
		if !found {
			return ""
		}
		parts = append(parts, fmt.Sprint(value))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// below is the path of a field; names that would be read as paths are in brackets.
func below(path, name string) string {
	switch {
	case strings.HasPrefix(name, "["):
		return path + "." + name
	case strings.ContainsAny(name, "./: "):
		return path + "[" + name + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

// Longer values and texts are cut: what is not there any more is in the base.
const (
	longText  = 240
	longValue = 1200
	shown     = 40
)

// show writes a value in one line that a reader can take in.
func show(value any) string {
	content, err := json.Marshal(shortened(value))
	if err != nil {
		return err.Error()
	}
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(content))
	if len(text) > longValue {
		return cut(text, 5*shown)
	}
	return text
}

// shortened is the value with texts that a reader can take in.
func shortened(value any) any {
	switch value := value.(type) {
	case string:
		if len(value) > longText && strings.Contains(value, "\n") || len(value) > longValue {
			return cut(value, shown)
		}
	case map[string]any:
		short := map[string]any{}
		for name, item := range value {
			short[name] = shortened(item)
		}
		return short
	case []any:
		short := []any{}
		for _, item := range value {
			short = append(short, shortened(item))
		}
		return short
	}
	return value
}

func cut(text string, start int) string {
	return fmt.Sprintf("%s… (%d bytes, sha256 %.12x)", text[:start], len(text), sha256.Sum256([]byte(text)))
}

// covers tells whether a field is the one that is allowed, or part of it.
func covers(allowed, path string) bool {
	return allowed == whole || path == allowed || strings.HasPrefix(path, allowed+".") || strings.HasPrefix(path, allowed+"[")
}
