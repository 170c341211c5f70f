package versionoperator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		existing, required, want string
		exact                    [][]string
	}{
		"a changed value is forced, a foreign one survives": {
			existing: `{spec: {a: changed, foreign: x}}`, required: `{spec: {a: right}}`, want: `{spec: {a: right, foreign: x}}`,
		},
		"a removed value comes back": {
			existing: `{spec: {}}`, required: `{spec: {a: right}}`, want: `{spec: {a: right}}`,
		},
		"labels and annotations are merged": {
			existing: `{metadata: {labels: {a: changed, b: foreign}, resourceVersion: "7"}}`, required: `{metadata: {labels: {a: right}, annotations: {e: ""}}}`,
			want: `{metadata: {labels: {a: right, b: foreign}, annotations: {e: ""}, resourceVersion: "7"}}`,
		},
		"the status is left alone": {
			existing: `{status: {a: x}}`, required: `{status: {a: y}}`, want: `{status: {a: x}}`,
		},
		"members of a list keep their defaults": {
			existing: `{ports: [{port: 1, protocol: TCP}]}`, required: `{ports: [{port: 1}]}`, want: `{ports: [{port: 1, protocol: TCP}]}`,
		},
		"a foreign member goes": {
			existing: `{env: [{name: a, value: x}, {name: b, value: y}]}`, required: `{env: [{name: a, value: x}]}`, want: `{env: [{name: a, value: x}]}`,
		},
		"members are found by name, in the manifest's order": {
			existing: `{c: [{name: b, d: 1}, {name: a, d: 2}]}`, required: `{c: [{name: a}, {name: b}]}`, want: `{c: [{name: a, d: 2}, {name: b, d: 1}]}`,
		},
		"a member that lacks something becomes the manifest's, whole": {
			existing: `{volumes: [{name: a, secret: {secretName: s}}]}`, required: `{volumes: [{name: a, emptyDir: {}}]}`, want: `{volumes: [{name: a, emptyDir: {}}]}`,
		},
		"a list of values is replaced": {
			existing: `{args: [x, y, z]}`, required: `{args: [x, z]}`, want: `{args: [x, z]}`,
		},
		"an empty list that the server dropped is no difference": {
			existing: `{spec: {}}`, required: `{spec: {args: []}}`, want: `{spec: {}}`,
		},
		"an empty list empties a full one": {
			existing: `{spec: {args: [x]}}`, required: `{spec: {args: []}}`, want: `{spec: {args: []}}`,
		},
		"an exact field loses foreign parts": {
			existing: `{rules: [{verbs: [get], resourceNames: [only]}]}`, required: `{rules: [{verbs: [get]}]}`, want: `{rules: [{verbs: [get]}]}`, exact: exactRole,
		},
		"an exact field keeps what the server fills in": {
			existing: `{spec: {ingress: [{ports: [{port: 1, protocol: TCP}]}]}}`, required: `{spec: {ingress: [{ports: [{port: 1}]}]}}`,
			want: `{spec: {ingress: [{ports: [{port: 1, protocol: TCP}]}]}}`, exact: exactSpec,
		},
		"an exact field loses a foreign key beside the manifest's": {
			existing: `{spec: {podSelector: {}, ingress: [{}]}}`, required: `{spec: {podSelector: {}}}`, want: `{spec: {podSelector: {}}}`, exact: exactSpec,
		},
		"an exact empty selector is really empty": {
			existing: `{spec: {podSelector: {matchLabels: {a: b}}}}`, required: `{spec: {podSelector: {}}}`, want: `{spec: {podSelector: {}}}`, exact: exactSpec,
		},
		"an exact field that the manifest lacks goes": {
			existing: `{subjects: [{name: a}]}`, required: `{}`, want: `{}`, exact: [][]string{{"subjects"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			existing, required := parseObject(t, c.existing), parseObject(t, c.required)
			before := existing.DeepCopy()
			got := merge(existing, required, c.exact)
			if diff := cmp.Diff(parseObject(t, c.want).Object, got.Object); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
			if diff := cmp.Diff(before.Object, existing.Object); diff != "" {
				t.Errorf("the object from the cache was changed:\n%s", diff)
			}
			again := merge(got, required, c.exact)
			if diff := cmp.Diff(got.Object, again.Object); diff != "" {
				t.Errorf("a second merge changes something:\n%s", diff)
			}
		})
	}
}

func parseObject(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}
