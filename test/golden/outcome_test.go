package golden

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"
)

type informer = cache.SharedIndexInformer

func versionOf(item any) string {
	object, err := meta.Accessor(item)
	if err != nil {
		return err.Error()
	}
	return object.GetResourceVersion()
}

// outcome is what the operator did, as files: each object it wrote as it is at the end, the set of its write requests,
// the set of its events. Sets, because how often and in which order is not a promise.
func (r *run) outcome() map[string]string {
	files := map[string]string{"writes.txt": lines(r.store.logged()), "events.txt": lines(r.events())}
	for k, o := range r.store.all() {
		if r.store.touched[k] {
			files[fileOf(k)] = r.render(k, o)
		}
	}
	return files
}

func fileOf(k key) string {
	scope := k.namespace
	if scope == "" {
		scope = "cluster"
	}
	return "objects/" + scope + "/" + k.kind.resource + "-" + strings.ReplaceAll(k.name, ":", "-") + ".yaml"
}

// render writes an object.
func (r *run) render(k key, o *object) string {
	content, err := yaml.Marshal(clean(k, o).Object)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(content)
}

// withStatus are the resources whose status the operator writes.
var withStatus = []string{"configs", "clusteroperators", "images", "imagepruners"}

// clean leaves out what the API server adds, and the status that others write.
func clean(k key, o *object) *object {
	o = o.DeepCopy()
	added := []string{"managedFields", "uid", "resourceVersion", "creationTimestamp"}
	if k.kind.resource != "configs" && k.kind.resource != "deployments" {
		added = append(added, "generation")
	}
	for _, field := range added {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	if !slices.Contains(withStatus, k.kind.resource) {
		unstructured.RemoveNestedField(o.Object, "status")
	}
	unstructured.RemoveNestedField(o.Object, "spec", "template", "metadata", "creationTimestamp")
	inOrder(o, "type", "status", "conditions")
	inOrder(o, "name", "status", "generations")
	return o
}

// inOrder sorts a list whose order only tells who was first.
func inOrder(o *object, by string, path ...string) {
	list, found, err := unstructured.NestedSlice(o.Object, path...)
	if !found || err != nil {
		return
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(fmt.Sprint(a.(map[string]any)[by]), fmt.Sprint(b.(map[string]any)[by]))
	})
	_ = unstructured.SetNestedSlice(o.Object, list, path...)
}

func (r *run) events() []string {
	var all []string
	for _, event := range r.recorder.Events()[r.past:] {
		all = append(all, fmt.Sprintf("%s %s: %s", event.Type, event.Reason, strings.ReplaceAll(event.Message, "\n", " ")))
	}
	return all
}

func lines(all []string) string {
	slices.Sort(all)
	return strings.Join(append(slices.Compact(all), ""), "\n")
}
