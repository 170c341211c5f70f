package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// whole stands for an object that only one of the two clusters has.
const whole = "whole"

// variant is test.yaml of a case that says in what it differs from another one.
type variant struct {
	Description string `json:"description"`
	// Base is the case that this one is a variant of: it has the same objects, edits and controllers.
	Base string `json:"base"`
	alteration
	// StorageDone replaces that of the base.
	StorageDone map[string]string `json:"storageDone"`
	// Edits come after those of the base. What is compared is the end.
	Edits []edit `json:"edits"`
	// Wait is how long to look again after all is at rest, for what takes time.
	Wait metav1.Duration `json:"wait"`
	// Controllers of the base's Without that run here, because there is no cloud to be asked.
	With []string `json:"with"`
	// Differs are the fields that may differ from what the operator makes of the base, by object; each of them does. A
	// field stands for all below it.
	Differs map[string][]string `json:"differs"`
	// Because says why nothing differs.
	Because string `json:"because"`
}

// outcome is what a case ends in.
type outcome struct {
	// before and after are the objects by resource and name, without what differs from cluster to cluster.
	before, after map[string]map[string]any
	// written are those that the operator had a hand in.
	written map[string]bool
}

// bases are run once, by whichever variant comes first.
var bases sync.Map

type base struct {
	sync.Once
	outcome outcome
}

func outcomeOf(t *testing.T, name string) outcome {
	t.Helper()
	found, _ := bases.LoadOrStore(name, &base{})
	b := found.(*base)
	b.Do(func() { b.outcome = runVariant(t, variant{Base: name}) })
	return b.outcome
}

func TestGoldenVariants(t *testing.T) {
	dirs := directories(t, "variants/*")
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var about variant
			readYAML(t, filepath.Join(dir, "test.yaml"), &about)
			if about.Description == "" || about.Base == "" || (about.Because == "") != (len(about.Differs) > 0) {
				t.Fatal("a variant has a description and a base; it says what differs, or because of what nothing does")
			}
			difference := outcomeDifference(outcomeOf(t, about.Base), runVariant(t, about))
			for _, problem := range outside(difference, about.Differs) {
				t.Error(problem)
			}
			file := filepath.Join(dir, "difference.txt")
			if *update {
				writeFile(t, file, describe(difference))
				return
			}
			if diff := cmp.Diff(strings.Split(readTree(t, dir)["difference.txt"], "\n"), strings.Split(describe(difference), "\n")); diff != "" {
				t.Errorf("%s differs (-want +got; go test ./test/golden -update writes it anew):\n%s", file, diff)
			}
		})
	}
}

func runVariant(t *testing.T, about variant) outcome {
	t.Helper()
	base := readCase(t, about.Base)
	objects := about.apply(t, base.objects(t, about.Base))
	base.Without = slices.DeleteFunc(base.Without, func(name string) bool { return slices.Contains(about.With, name) })
	if about.StorageDone != nil {
		base.StorageDone = about.StorageDone
	}
	if len(about.With) > 0 {
		// The storage controller does itself what stood for it.
		base.StorageDone = nil
	}
	r := start(t, base, objects)
	before := r.cleaned()
	r.settle()
	for _, edit := range slices.Concat(base.Edits, about.Edits) {
		r.edit(edit)
		r.settle()
	}
	if about.Wait.Duration > 0 {
		r.clock.Step(about.Wait.Duration)
		r.settle()
	}
	result := outcome{before: before, after: r.cleaned(), written: map[string]bool{}}
	for k := range r.store.touched {
		result.written[k.String()] = true
	}
	return result
}

// cleaned are all objects without what is not rendered, and without times: the clock of a test says nothing.
func (r *run) cleaned() map[string]map[string]any {
	all := map[string]map[string]any{}
	for k, o := range r.store.all() {
		o = clean(k, o)
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for i := range conditions {
			delete(conditions[i].(map[string]any), "lastTransitionTime")
		}
		if len(conditions) > 0 {
			_ = unstructured.SetNestedSlice(o.Object, conditions, "status", "conditions")
		}
		// Numbers have one type afterwards.
		content, err := json.Marshal(o.Object)
		if err == nil {
			object := map[string]any{}
			all[k.String()] = object
			err = json.Unmarshal(content, &object)
		}
		if err != nil {
			r.t.Fatalf("%s: %v", k, err)
		}
	}
	return all
}

// change is how one object differs; whole is what it is if only one cluster has it.
type change struct {
	sign  string
	lines []line
	whole map[string]any
}

// outcomeDifference compares what the operator has written for one of the two clusters.
func outcomeDifference(base, other outcome) map[string]change {
	all := map[string]change{}
	written := maps.Clone(base.written)
	maps.Copy(written, other.written)
	for name := range written {
		former, latter := base.after[name], other.after[name]
		switch {
		case former == nil && latter == nil:
			// Only an object that was there before can be missed.
			if other.before[name] != nil && base.before[name] == nil {
				all[name] = change{sign: "-"}
			}
		case former == nil:
			all[name] = change{sign: "+", whole: latter}
		case latter == nil:
			all[name] = change{sign: "-"}
		default:
			lines := fieldDifference(former, latter, "")
			if strings.HasPrefix(name, "configs ") {
				lines = againstInput(lines, fieldDifference(orEmpty(base.before[name]), orEmpty(other.before[name]), ""))
			}
			if lines = withoutDerived(lines); len(lines) > 0 {
				all[name] = change{sign: "~", lines: lines}
			}
		}
	}
	return all
}

func orEmpty(o map[string]any) any {
	if o == nil {
		return map[string]any{}
	}
	return o
}

// againstInput leaves out of the difference of Config what the administrators of the two clusters have written
// differently, and adds what was lost of that.
func againstInput(outcome, input []line) []line {
	left := slices.DeleteFunc(slices.Clone(outcome), func(l line) bool { return slices.Contains(input, l) })
	for _, l := range input {
		kept := func(o line) bool { return o.path == l.path && o.new == l.new }
		if strings.HasPrefix(l.path, "spec") && !slices.ContainsFunc(outcome, kept) {
			left = append(left, line{"!", l.path, l.old, l.new})
		}
	}
	return left
}

// derived are annotations that follow from the rest of the object. They count only if nothing else differs.
var derived = []string{
	"metadata.annotations[" + names.ChecksumAnnotation + "]",
	"metadata.annotations[operator.openshift.io/spec-hash]",
	"metadata.generation",
}

func withoutDerived(lines []line) []line {
	rest := slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return slices.Contains(derived, l.path) })
	if len(rest) == 0 {
		return lines
	}
	return rest
}

// outside lists the fields that differ and may not, and those that may and do not.
func outside(difference map[string]change, allowed map[string][]string) []string {
	var problems []string
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(difference)) {
		c := difference[name]
		paths := []string{whole}
		if c.sign == "~" {
			paths = nil
			for _, l := range c.lines {
				paths = append(paths, l.path)
			}
		}
		for _, path := range paths {
			i := slices.IndexFunc(allowed[name], func(a string) bool { return (a == whole) == (path == whole) && covers(a, path) })
			if i < 0 {
				problems = append(problems, fmt.Sprintf("%s: %s differs from the base, and test.yaml does not say so", name, path))
				continue
			}
			used[name+" "+allowed[name][i]] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		for _, path := range allowed[name] {
			if !used[name+" "+path] {
				problems = append(problems, fmt.Sprintf("%s: %s does not differ from the base, and test.yaml says that it does", name, path))
			}
		}
	}
	return problems
}

// describe writes a difference for readers.
func describe(difference map[string]change) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(difference)) {
		c := difference[name]
		fmt.Fprintf(&text, "%s %s\n", c.sign, name)
		for _, l := range c.lines {
			fmt.Fprintf(&text, "    %s\n", l)
		}
		if c.whole == nil {
			continue
		}
		object := c.whole
		unstructured.RemoveNestedField(object, "metadata", "annotations", names.ChecksumAnnotation)
		content, err := yaml.Marshal(object)
		if err != nil {
			content = []byte(err.Error())
		}
		for l := range strings.Lines(string(content)) {
			text.WriteString("    " + l)
		}
	}
	return text.String()
}
