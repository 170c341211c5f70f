package golden

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestGoldenDifferenceOfFields(t *testing.T) {
	for name, tc := range map[string]struct {
		old, new string
		want     []string
	}{
		"the same":                         {"a: {b: [1, 2]}", "a: {b: [1, 2]}", nil},
		"a field more is shown whole":      {"a: {}", "a: {b: {c: 1}}", []string{`+ a.b: {"c":1}`}},
		"a field less":                     {"a: {b: 1}", "a: {}", []string{"- a.b"}},
		"another value":                    {"a: {b: 1}", "a: {b: two}", []string{`~ a.b: 1 -> "two"`}},
		"a name that looks like a path":    {"a: {}", "a: {x.y/z: 1}", []string{"+ a[x.y/z]: 1"}},
		"items are known by their name":    {"env: [{name: A, value: x}, {name: B}]", "env: [{name: A, value: z}, {name: B}]", []string{`~ env[A].value: "x" -> "z"`}},
		"an item more in the middle":       {"env: [{name: A}, {name: C}]", "env: [{name: A}, {name: B}, {name: C}]", []string{`+ env[B]: {"name":"B"}`}},
		"another order":                    {"env: [{name: A}, {name: B}]", "env: [{name: B}, {name: A}]", []string{"~ env[order]: [A],[B] -> [B],[A]"}},
		"mounts have the name of a volume": {"m: [{mountPath: /a, name: v}, {mountPath: /b, name: v}]", "m: [{mountPath: /a, name: v}]", []string{"- m[/b]"}},
		"two of one name: all or nothing":  {"l: [{name: A}, {name: A}]", "l: [{name: A}]", []string{`~ l: [{"name":"A"},{"name":"A"}] -> [{"name":"A"}]`}},
		"a list of texts: all or nothing":  {"l: [a]", "l: [a, b]", []string{`~ l: ["a"] -> ["a","b"]`}},
		"a list in a keyed list":           {"c: [{name: r, env: [{name: A}]}]", "c: [{name: r, env: []}]", []string{"- c[r].env[A]"}},
		"null is not absent":               {"a: null", "{}", []string{"- a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range fieldDifference(parsed(t, tc.old), parsed(t, tc.new), "") {
				got = append(got, l.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGoldenOnlyTheNamedFieldsMayDiffer(t *testing.T) {
	env := change{sign: "~", lines: []line{{"+", "spec.env[A]", "", "1"}, {"~", "spec.env[B].value", "1", "2"}}}
	for name, tc := range map[string]struct {
		difference map[string]change
		allowed    map[string][]string
		want       []string
	}{
		"named one by one":              {map[string]change{"d": env}, map[string][]string{"d": {"spec.env[A]", "spec.env[B].value"}}, nil},
		"named by what they are in":     {map[string]change{"d": env}, map[string][]string{"d": {"spec.env"}}, nil},
		"one is not named":              {map[string]change{"d": env}, map[string][]string{"d": {"spec.env[A]"}}, []string{"d: spec.env[B].value differs"}},
		"the beginning of a name":       {map[string]change{"d": env}, map[string][]string{"d": {"spec.en"}}, []string{"spec.env[A] differs", "spec.env[B].value differs", "spec.en does not differ"}},
		"named for another object":      {map[string]change{"d": env}, map[string][]string{"e": {"spec.env"}}, []string{"spec.env[A] differs", "spec.env[B].value differs", "e: spec.env does not differ"}},
		"named and does not differ":     {nil, map[string][]string{"d": {"spec.env"}}, []string{"spec.env does not differ"}},
		"an object more":                {map[string]change{"d": {sign: "+"}}, map[string][]string{"d": {whole}}, nil},
		"an object less is no field":    {map[string]change{"d": {sign: "-"}}, map[string][]string{"d": {"spec"}}, []string{"d: whole differs", "d: spec does not differ"}},
		"a field is not an object more": {map[string]change{"d": env}, map[string][]string{"d": {whole}}, []string{"spec.env[A] differs", "spec.env[B].value differs", "d: whole does not differ"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := outside(tc.difference, tc.allowed)
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tc.want[i]) {
					t.Errorf("got %q, want %q", got[i], tc.want[i])
				}
			}
		})
	}
}

func TestGoldenDifferenceOfOutcomes(t *testing.T) {
	with := func(objects map[string]string) outcome {
		o := outcome{before: map[string]map[string]any{}, after: map[string]map[string]any{}, written: map[string]bool{}}
		for name, text := range objects {
			where, name, found := strings.Cut(name, ": ")
			if !found {
				t.Fatalf("%s: before or after?", where)
			}
			if where == "before" {
				o.before[name] = parsed(t, text)
				continue
			}
			o.written[name] = true
			if text != "gone" {
				o.after[name] = parsed(t, text)
			}
		}
		return o
	}
	for name, tc := range map[string]struct {
		base, other map[string]string
		want        string
	}{
		"what the administrator wrote is no difference": {
			map[string]string{"before: configs c": "spec: {}", "after: configs c": "spec: {}"},
			map[string]string{"before: configs c": "spec: {a: 1}", "after: configs c": "spec: {a: 1}"},
			"",
		},
		"what the administrator wrote and is lost is one": {
			map[string]string{"before: configs c": "spec: {}", "after: configs c": "spec: {}"},
			map[string]string{"before: configs c": "spec: {a: 1}", "after: configs c": "spec: {}"},
			"~ configs c\n    ! spec.a:  -> 1\n",
		},
		"an object of somebody else that is deleted": {
			nil, map[string]string{"before: routes r": "spec: {}", "after: routes r": "gone"}, "- routes r\n",
		},
		"the checksum follows the rest": {
			map[string]string{"after: d": "{metadata: {annotations: {imageregistry.operator.openshift.io/checksum: a}}, spec: 1}"},
			map[string]string{"after: d": "{metadata: {annotations: {imageregistry.operator.openshift.io/checksum: b}}, spec: 2}"},
			"~ d\n    ~ spec: 1 -> 2\n",
		},
		"the checksum alone is a difference": {
			map[string]string{"after: d": "metadata: {annotations: {imageregistry.operator.openshift.io/checksum: a}}"},
			map[string]string{"after: d": "metadata: {annotations: {imageregistry.operator.openshift.io/checksum: b}}"},
			"~ d\n    ~ metadata.annotations[imageregistry.operator.openshift.io/checksum]: \"a\" -> \"b\"\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, describe(outcomeDifference(with(tc.base), with(tc.other)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
