package configdoc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const page = "../../docs/configuration.md"

// known are fields that need no entry of their own, with the reason; what is below them needs none either.
var known = map[string]map[string]string{
	"Config": {
		"spec.affinity.":                    "a type of Kubernetes, documented there",
		"spec.resources.":                   "a type of Kubernetes, documented there",
		"spec.tolerations[].":               "a type of Kubernetes, documented there",
		"spec.topologySpreadConstraints[].": "a type of Kubernetes, documented there",
		"spec.storage.oss.":                 "no release has ever had a backend for it but the one that was withdrawn; the whole has an entry",
	},
	"ImagePruner": {
		"spec.affinity.":      "a type of Kubernetes, documented there",
		"spec.resources.":     "a type of Kubernetes, documented there",
		"spec.tolerations[].": "a type of Kubernetes, documented there",
	},
}

// ungiven are entries without an example, with the reason.
var ungiven = map[string]string{
	"spec.observedConfig": "the operator's own: what an administrator writes there is overwritten",
	"spec.storage.oss":    "nothing follows from it",
}

type schema struct {
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
}

// fields lists the fields of the spec as the CRD has them.
func fields(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../manifests", file))
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					Root schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(path string, s schema)
	walk = func(path string, s schema) {
		for name, child := range s.Properties {
			found = append(found, path+"."+name)
			walk(path+"."+name, child)
		}
		if s.Items != nil {
			walk(path+"[]", *s.Items)
		}
	}
	walk("spec", crd.Spec.Versions[0].Schema.Root.Properties["spec"])
	if len(found) < 10 {
		t.Fatalf("found only %v in %s", found, file)
	}
	slices.Sort(found)
	return found
}

func load(t *testing.T) Document {
	t.Helper()
	document, err := Load(page)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestEveryFieldHasItsEntry(t *testing.T) {
	document := load(t)
	for kind, file := range map[string]string{"Config": "00_configs.crd.yaml", "ImagePruner": "01_imagepruners.crd.yaml"} {
		i := slices.IndexFunc(document.Chapters, func(c Chapter) bool { return c.Kind == kind })
		if i < 0 {
			t.Errorf("no chapter on %s", kind)
			continue
		}
		chapter, want := document.Chapters[i], fields(t, file)
		entries := map[string]bool{}
		for _, entry := range chapter.Entries {
			if entries[entry.Path] {
				t.Errorf("line %d: %s has an entry already", entry.Line, entry.Path)
			}
			entries[entry.Path] = true
			if !slices.Contains(want, entry.Path) {
				t.Errorf("line %d: %s has no field %s", entry.Line, kind, entry.Path)
			}
			if entry.Default == "" || entry.Bad == "" {
				t.Errorf("line %d: the entry of %s lacks its default or what a bad value gets", entry.Line, entry.Path)
			}
		}
		used := map[string]bool{}
		for _, field := range want {
			if !entries[field] && !exempt(kind, field, used) {
				t.Errorf("%s has no entry for %s", kind, field)
			}
		}
		for prefix := range known[kind] {
			if !used[prefix] {
				t.Errorf("the exception for %s of %s matches nothing", prefix, kind)
			}
		}
	}
}

func exempt(kind, field string, used map[string]bool) bool {
	for prefix := range known[kind] {
		if strings.HasPrefix(field, prefix) {
			used[prefix] = true
			return true
		}
	}
	return false
}

func TestEveryEntryHasAnExample(t *testing.T) {
	for _, chapter := range load(t).Chapters {
		given := map[string]bool{}
		for _, example := range chapter.Examples {
			if example.Refused != "" {
				continue
			}
			for path := range example.Paths {
				given[path] = true
			}
		}
		for _, entry := range chapter.Entries {
			if reason := ungiven[entry.Path]; reason == "" && !given[entry.Path] {
				t.Errorf("line %d: no example sets %s of %s", entry.Line, entry.Path, chapter.Kind)
			} else if reason != "" && given[entry.Path] {
				t.Errorf("line %d: %s has an example though it should not: %s", entry.Line, entry.Path, reason)
			}
		}
	}
}

// What the test of the whole page relies on: a page that is wrong in one of these ways is noticed.
func TestParseRefuses(t *testing.T) {
	block := func(lines ...string) string { return "## Config\n```yaml\n" + strings.Join(lines, "\n") + "\n```\n" }
	for name, tc := range map[string]struct{ text, want string }{
		"an example that says nothing":      {block("spec: {}"), "neither what it gives"},
		"an example that says both":         {block("# gives: config spec.replicas = 1", "# refused: x", "spec: {}"), "or both"},
		"a base that does not exist":        {block("# on: mars", "# refused: x", "spec: {}"), "mars"},
		"a consequence that cannot be read": {block("# gives: something good", "spec: {}"), "not of the form"},
		"what is no YAML":                   {block("# refused: x", "spec: ["), "begins at line 2"},
		"a block without an end":            {"## Config\n```yaml\nspec: {}\n", "does not end"},
		"a row that lacks a cell":           {"## Config\n| `spec.replicas` | effect | default |\n", "4 cells"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse() = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestParseReads(t *testing.T) {
	document, err := Parse("## Config\n### `spec.routes[].name`\n**Default:** none\n**Bad value:** x\n```yaml\n# on: s3\n" +
		"# gives: route/r spec.host = a = b\n# gives: deployment env X is set\nspec: {routes: [{name: r}]}\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	example := document.Chapters[0].Examples[0]
	want := []Effect{{Kind: "route", Name: "r", What: "spec.host", Want: "a = b"}, {Kind: "deployment", What: "env X", Set: true}}
	if !slices.Equal(example.Gives, want) || example.On != "s3" || !example.Paths["spec.routes[].name"] || string(example.Patch) != `{"spec":{"routes":[{"name":"r"}]}}` {
		t.Errorf("read %+v", example)
	}
}
