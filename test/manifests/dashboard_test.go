package manifests

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
	"github.com/openshift/cluster-image-registry-operator/pkg/queue"
)

const dashboards = "../../docs/dashboards"

// panel is one of a dashboard; a row has panels of its own.
type panel struct {
	ID          int                      `json:"id"`
	Type        string                   `json:"type"`
	Title       string                   `json:"title"`
	Description string                   `json:"description"`
	Position    struct{ H, W, X, Y int } `json:"gridPos"`
	Targets     []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
	Panels []panel `json:"panels"`
}

func panels(t *testing.T, file string) []panel {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string  `json:"title"`
		UID    string  `json:"uid"`
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if dashboard.Title == "" || dashboard.UID == "" || len(dashboard.Panels) == 0 {
		t.Fatalf("%s has no title, no uid or no panels", file)
	}
	var all []panel
	for _, p := range dashboard.Panels {
		all = append(all, p)
		all = append(all, p.Panels...)
	}
	return all
}

func dashboardFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dashboards, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	return files
}

func TestDashboardsAreWellFormed(t *testing.T) {
	for _, file := range dashboardFiles(t) {
		ids := map[int]string{}
		for _, p := range panels(t, file) {
			if other, taken := ids[p.ID]; taken || p.ID == 0 {
				t.Errorf("%s: %q has the id %d of %q", file, p.Title, p.ID, other)
			}
			ids[p.ID] = p.Title
			if p.Position.W == 0 || p.Position.X+p.Position.W > 24 {
				t.Errorf("%s: %q is out of the grid: %+v", file, p.Title, p.Position)
			}
			if p.Type != "row" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0) {
				t.Errorf("%s: panel %d has no title, no description or no query", file, p.ID)
			}
		}
	}
}

// promtool is the parser: each query becomes a rule.
func TestQueriesParse(t *testing.T) {
	var groups ruleGroups
	for _, file := range dashboardFiles(t) {
		group := groups.Groups
		groups.Groups = append(group, struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		}{Name: filepath.Base(file)})
		for _, p := range panels(t, file) {
			for i, target := range p.Targets {
				rules := &groups.Groups[len(groups.Groups)-1].Rules
				*rules = append(*rules, rule{Record: fmt.Sprintf("panel:%d:%d", p.ID, i), Expr: plain(target.Expr)})
			}
		}
	}
	dir := t.TempDir()
	writeYAML(t, filepath.Join(dir, "queries.yaml"), groups)
	promtool(t, dir, "check", "rules", "--lint=none", "queries.yaml")
}

// plain puts values for the variables of the dashboard.
func plain(expression string) string {
	return strings.ReplaceAll(expression, "$__rate_interval", "5m")
}

func TestMetricsThatAreAskedForExist(t *testing.T) {
	ours, others := exported(t), documented(t)
	recorded := map[string]bool{}
	for _, r := range rulesOf(t) {
		if r.Record != "" {
			recorded[r.Record] = true
		}
	}
	asked := map[string]string{}
	for _, r := range rulesOf(t) {
		for _, name := range metricNames(r.Expr) {
			asked[name] = "rule " + r.Alert + r.Record
		}
	}
	for _, file := range dashboardFiles(t) {
		for _, p := range panels(t, file) {
			for _, target := range p.Targets {
				names := metricNames(plain(target.Expr))
				if len(names) == 0 {
					t.Errorf("%q asks for no metric: %s", p.Title, target.Expr)
				}
				for _, name := range names {
					asked[name] = fmt.Sprintf("panel %q", p.Title)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if !ours[name] && !others[name] && !recorded[name] {
			t.Errorf("%s asks for %s, which nobody exports", asked[name], name)
		}
		if ours[name] && others[name] {
			t.Errorf("testdata/metrics.yaml says of our own %s that others export it", name)
		}
	}
	for name := range others {
		if _, used := asked[name]; !used {
			t.Errorf("testdata/metrics.yaml lists %s, which nothing asks for", name)
		}
	}
	// What only the operator has should be seen somewhere.
	for name := range ours {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "image_registry_") && asked[name] == "" && asked[base+"_bucket"] == "" {
			t.Errorf("no alert and no panel shows %s", name)
		}
	}
}

// documented are the names that others export.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("testdata/metrics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sources []struct {
		From  string   `json:"from"`
		Names []string `json:"names"`
	}
	if err := yaml.UnmarshalStrict(content, &sources); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, source := range sources {
		for _, name := range source.Names {
			names[name] = true
		}
	}
	return names
}

// exported are the names that the operator's endpoint has, from the registries behind it. Series with labels appear with
// their first use, so each library is used once.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	m := metrics.New("test", "S3")
	m.ImageStreams(func() ([]metrics.Tags, bool) { return []metrics.Tags{{Source: "pushed", Location: "other"}}, true })
	m.State(func() []metrics.Condition { return []metrics.Condition{{Resource: "configs"}} },
		func() []metrics.Certificate { return []metrics.Certificate{{Secret: "s"}} })
	syncCtx := factory.NewSyncContext("Test", events.NewInMemoryRecorder("test", clock.RealClock{}))
	syncCtx.Queue().Add("key")
	if err := queue.Observed("Test", func(context.Context, factory.SyncContext) error { return nil })(t.Context(), syncCtx); err != nil {
		t.Fatal(err)
	}
	syncCtx.Queue().ShutDown()
	sendOne(t)
	beCandidate(t)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, family := range families {
		name := family.GetName()
		if len(family.GetMetric()) > 0 && family.GetMetric()[0].GetHistogram() != nil {
			names[name+"_bucket"], names[name+"_sum"], names[name+"_count"] = true, true, true
			continue
		}
		names[name] = true
	}
	return names
}

// sendOne sends a request with the client library.
func sendOne(t *testing.T) {
	t.Helper()
	asked := make(chan struct{}, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NotFound(w, r)
		asked <- struct{}{}
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Secrets("default").Get(t.Context(), "any", metav1.GetOptions{}); err == nil || len(asked) != 1 {
		t.Fatalf("%d requests, %v", len(asked), err)
	}
}

// beCandidate makes an elector, which says from then on whether it leads.
func beCandidate(t *testing.T) {
	t.Helper()
	_, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: "test", Lock: &resourcelock.LeaseLock{LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}},
		LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: time.Second,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	quoted    = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")
	matchers  = regexp.MustCompile(`\{[^{}]*\}`)
	ranges    = regexp.MustCompile(`\[[^\[\]]*\]`)
	groupings = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)`)
	words     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	numbers   = regexp.MustCompile(`\b[0-9][0-9.eEx+]*[a-z]*\b`)
	operators = []string{"and", "or", "unless", "bool", "offset", "group_left", "group_right", "inf", "nan"}
)

// metricNames are the metrics in an expression that is known to parse: what is left when strings, matchers, ranges, lists
// of labels and numbers are gone, and is neither called nor an operator.
func metricNames(expression string) []string {
	for _, gone := range []*regexp.Regexp{quoted, matchers, ranges, groupings, numbers} {
		expression = gone.ReplaceAllString(expression, " ")
	}
	var names []string
	for _, word := range words.FindAllString(expression, -1) {
		if !strings.HasSuffix(word, "(") && !slices.Contains(operators, strings.ToLower(strings.TrimSpace(word))) {
			names = append(names, strings.TrimSpace(word))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestMetricNames(t *testing.T) {
	for expression, want := range map[string]string{
		`sum by (code) (rate(a_total{b="c{d}", e=~"x y"}[5m]))`:                  "a_total",
		`max(a) by (b) / on (c) group_left (d) sum without (e) (f:g:h)`:          "a f:g:h",
		`a - time() < 7 * 24 * 3600 unless b == 1e6`:                             "a b",
		`histogram_quantile(0.99, sum by (le) (rate(a_bucket[1h] offset 5m)))`:   "a_bucket",
		`label_replace(a, "operation", "get", "operation", "(.+)") or vector(0)`: "a",
	} {
		if got := strings.Join(metricNames(expression), " "); got != want {
			t.Errorf("%s: got %q, want %q", expression, got, want)
		}
	}
}
