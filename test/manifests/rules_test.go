package manifests

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	// platformRunbooks has the pages of the alerts that clusters have always had, localRunbooks those of ours.
	platformRunbooks = "https://github.com/openshift/runbooks/blob/master/alerts/cluster-image-registry-operator/"
	localRunbooks    = "https://github.com/openshift/cluster-image-registry-operator/blob/master/docs/runbooks/"
	runbooks         = "../../docs/runbooks"
	ruleTests        = "rules"
)

// rule is an alert or a recorded series.
type rule struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ruleGroups is what a file of rules for Prometheus holds, and the spec of a PrometheusRule.
type ruleGroups struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

// prometheusRules are the rules in manifests/ by the name of the object that holds them.
func prometheusRules(t *testing.T) map[string]ruleGroups {
	t.Helper()
	all := map[string]ruleGroups{}
	for _, m := range load(t) {
		if m.Kind != "PrometheusRule" {
			continue
		}
		var object struct {
			manifestHead
			Spec ruleGroups `json:"spec"`
		}
		m.decode(t, &object)
		all[m.Metadata.Name] = object.Spec
	}
	if len(all) == 0 {
		t.Fatal("no PrometheusRule in manifests/")
	}
	return all
}

// rulesOf flattens the groups.
func rulesOf(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, object := range prometheusRules(t) {
		for _, group := range object.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

func alerts(t *testing.T) map[string]rule {
	t.Helper()
	found := map[string]rule{}
	for _, r := range rulesOf(t) {
		if r.Alert == "" {
			continue
		}
		if _, twice := found[r.Alert]; twice {
			t.Errorf("%s is defined twice", r.Alert)
		}
		found[r.Alert] = r
	}
	return found
}

// promtool runs Prometheus' own tool. It is the judge of expressions here, so a machine without it cannot pass. PROMTOOL
// says where it is when that is not the PATH.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	path := os.Getenv("PROMTOOL")
	if path == "" {
		found, err := exec.LookPath("promtool")
		if err != nil {
			t.Fatalf("promtool, which checks rules and queries, is not installed: run make install (%v)", err)
		}
		path = found
	}
	command := exec.CommandContext(t.Context(), path, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func writeYAML(t *testing.T, path string, value any) {
	t.Helper()
	content, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The rules are those in manifests/, taken out of their objects; the tests are the files in rules/.
func TestRulesPassPromtool(t *testing.T) {
	dir := t.TempDir()
	check := []string{"check", "rules", "--lint=none"}
	for name, groups := range prometheusRules(t) {
		writeYAML(t, filepath.Join(dir, name+".yaml"), groups)
		check = append(check, name+".yaml")
	}
	tests := []string{"test", "rules"}
	for _, file := range ruleTestFiles(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
			t.Fatal(err)
		}
		tests = append(tests, filepath.Base(file))
	}
	promtool(t, dir, check...)
	promtool(t, dir, tests...)
}

func ruleTestFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(ruleTests, "*_test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	return files
}

// tested is what the files in rules/ expect of an alert.
type tested struct{ fires, stays bool }

func testedAlerts(t *testing.T) (found map[string]tested, recorded string) {
	t.Helper()
	found = map[string]tested{}
	var expressions []string
	for _, file := range ruleTestFiles(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tests struct {
			Tests []struct {
				Alerts []struct {
					Name     string `json:"alertname"`
					Expected []any  `json:"exp_alerts"`
				} `json:"alert_rule_test"`
				Expressions []struct {
					Expr string `json:"expr"`
				} `json:"promql_expr_test"`
			} `json:"tests"`
		}
		if err := yaml.Unmarshal(content, &tests); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, test := range tests.Tests {
			for _, alert := range test.Alerts {
				seen := found[alert.Name]
				found[alert.Name] = tested{fires: seen.fires || len(alert.Expected) > 0, stays: seen.stays || len(alert.Expected) == 0}
			}
			for _, expression := range test.Expressions {
				expressions = append(expressions, expression.Expr)
			}
		}
	}
	return found, strings.Join(expressions, "\n")
}

func TestEveryRuleIsTested(t *testing.T) {
	found, recorded := testedAlerts(t)
	known := alerts(t)
	for name := range known {
		if seen := found[name]; !seen.fires || !seen.stays {
			t.Errorf("%s needs a case in %s in which it fires (there is one: %t) and one in which it does not (%t)", name, ruleTests, seen.fires, seen.stays)
		}
	}
	for name := range found {
		if _, exists := known[name]; !exists {
			t.Errorf("%s is tested and is no alert", name)
		}
	}
	for _, r := range rulesOf(t) {
		if r.Record != "" && !strings.Contains(recorded, r.Record) {
			t.Errorf("the recorded series %s is in no test", r.Record)
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	for name, r := range alerts(t) {
		for _, annotation := range []string{"summary", "description"} {
			if r.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", name, annotation)
			}
		}
		if message, has := r.Annotations["message"]; has && message != r.Annotations["summary"] {
			t.Errorf("%s has a message that is not its summary", name)
		}
		if severity := r.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s has severity %q", name, severity)
		}
		if r.Labels["kubernetes_operator_part_of"] != "image-registry" {
			t.Errorf("%s has labels %v", name, r.Labels)
		}
		if r.For == "" {
			t.Errorf("%s fires at the first sight of trouble", name)
		}
		if url := r.Annotations["runbook_url"]; url != localRunbooks+name+".md" && url != platformRunbooks+name+".md" {
			t.Errorf("%s has the runbook %q", name, url)
		}
	}
}

func TestEveryAlertHasARunbook(t *testing.T) {
	known := alerts(t)
	files, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimSuffix(filepath.Base(file), ".md")] = string(content)
	}
	index := pages["README"]
	delete(pages, "README")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		page := pages[name]
		last := 0
		for _, heading := range []string{"# " + name + "\n", "\n## Cause\n", "\n## Check\n", "\n## Cure\n"} {
			at := strings.Index(page[last:], heading)
			if at < 0 {
				t.Errorf("%s/%s.md has no %q, or not in order", runbooks, name, strings.TrimSpace(heading))
				break
			}
			last += at
		}
		if !strings.Contains(index, "("+name+".md)") {
			t.Errorf("%s/README.md does not list %s", runbooks, name)
		}
	}
	for name := range pages {
		if _, exists := known[name]; !exists {
			t.Errorf("%s/%s.md is about no alert", runbooks, name)
		}
	}
}
