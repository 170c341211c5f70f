package apply

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// maxPaths bounds a log line.
const maxPaths = 20

// changedPaths names the fields in which two objects of one kind differ, and none of their values.
func changedPaths(before, after any) []string {
	left, leftErr := tree(before)
	right, rightErr := tree(after)
	if leftErr != nil || rightErr != nil {
		return []string{"unknown"}
	}
	var paths []string
	walk("", left, right, &paths)
	if len(paths) > maxPaths {
		paths = append(paths[:maxPaths], fmt.Sprintf("and %d more", len(paths)-maxPaths))
	}
	return paths
}

func tree(object any) (any, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var decoded any
	return decoded, json.Unmarshal(encoded, &decoded)
}

func walk(path string, before, after any, paths *[]string) {
	if reflect.DeepEqual(before, after) {
		return
	}
	left, leftIsMap := before.(map[string]any)
	right, rightIsMap := after.(map[string]any)
	if leftIsMap && rightIsMap {
		all := maps.Clone(left)
		maps.Copy(all, right)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			walk(path+"."+key, left[key], right[key], paths)
		}
		return
	}
	leftList, leftIsList := before.([]any)
	rightList, rightIsList := after.([]any)
	if leftIsList && rightIsList && len(leftList) == len(rightList) {
		for i := range leftList {
			walk(fmt.Sprintf("%s[%d]", path, i), leftList[i], rightList[i], paths)
		}
		return
	}
	*paths = append(*paths, path)
}
