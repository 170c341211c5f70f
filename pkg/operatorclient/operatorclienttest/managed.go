package operatorclienttest

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// managedPaths are the leaf paths each manager set by a patch, "/spec/storage/s3/bucket".
type managedPaths map[string]sets.Set[string]

// record notes that manager now owns what the change set; the last writer of a leaf owns it.
func (m managedPaths) record(manager string, change operatorclient.Change) {
	leaves := sets.New[string]()
	if change.Op != "remove" {
		var value any
		if err := json.Unmarshal([]byte(mustJSON(change.Value)), &value); err != nil {
			panic(err) // it was encoded a line above
		}
		collectLeaves(change.Path, value, leaves)
	}
	for name, paths := range m {
		for path := range paths {
			if path == change.Path || strings.HasPrefix(path, change.Path+"/") {
				m[name].Delete(path)
			}
		}
	}
	if m[manager] == nil {
		m[manager] = sets.New[string]()
	}
	m[manager] = m[manager].Union(leaves)
}

func collectLeaves(path string, value any, leaves sets.Set[string]) {
	members, ok := value.(map[string]any)
	if !ok || len(members) == 0 {
		leaves.Insert(path)
		return
	}
	for name, member := range members {
		collectLeaves(path+"/"+name, member, leaves)
	}
}

// entries returns managedFields with one Update entry per manager beside the given ones of other managers.
func (m managedPaths) entries(given []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	entries := []metav1.ManagedFieldsEntry{}
	for _, entry := range given {
		if _, ours := m[entry.Manager]; !ours || entry.Operation != metav1.ManagedFieldsOperationUpdate {
			entries = append(entries, entry)
		}
	}
	for manager, paths := range m {
		set := fieldpath.NewSet()
		for path := range paths {
			parts := []any{}
			for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
				parts = append(parts, part)
			}
			set.Insert(fieldpath.MakePathOrDie(parts...))
		}
		raw, err := set.ToJSON()
		if err != nil {
			panic(err) // paths made of field names always encode
		}
		entries = append(entries, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: raw},
		})
	}
	return entries
}
