package operator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// asked is what an informer asks the API server for.
type asked struct {
	group, resource, namespace, selector string
}

// name is the single object that a selector allows; RBAC sees it as the name in the request.
func (a asked) name() string {
	if name, ok := strings.CutPrefix(a.selector, "metadata.name="); ok {
		return name
	}
	return ""
}

// fakeServer refuses everything, and remembers what it was asked for.
func fakeServer(t *testing.T) (*rest.Config, func() []asked) {
	t.Helper()
	var mu sync.Mutex
	var all []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		var a asked
		if parts[0] == "apis" {
			a.group = parts[1]
			parts = parts[3:]
		} else {
			parts = parts[2:]
		}
		if parts[0] == "namespaces" && len(parts) == 3 {
			a.namespace = parts[1]
			parts = parts[2:]
		}
		a.resource = parts[0]
		a.selector = r.URL.Query().Get("fieldSelector") + r.URL.Query().Get("labelSelector")
		mu.Lock()
		all = append(all, a)
		mu.Unlock()
		http.Error(w, "no", http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, QPS: -1}, func() []asked {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// startedInformers are the informers of the process, each of which has asked for something.
func startedInformers(t *testing.T) (*informerSet, []asked) {
	t.Helper()
	config, requests := fakeServer(t)
	c, err := newClients(config)
	if err != nil {
		t.Fatal(err)
	}
	i := newInformers(c)
	ctx, cancel := context.WithCancel(t.Context())
	wait := i.start(ctx)
	t.Cleanup(func() { cancel(); wait() })
	distinct := func() []asked {
		all := requests()
		slices.SortFunc(all, func(a, b asked) int {
			return strings.Compare(a.group+"/"+a.resource+"/"+a.namespace+"/"+a.selector, b.group+"/"+b.resource+"/"+b.namespace+"/"+b.selector)
		})
		return slices.Compact(all)
	}
	await(t, "every informer to ask", func() bool { return len(distinct()) >= len(i.table) })
	return i, distinct()
}

func TestTheTableSaysWhatIsWatched(t *testing.T) {
	i, got := startedInformers(t)
	var want, have []string
	for _, row := range i.table {
		want = append(want, strings.Join([]string{row.kind, row.scope, row.selector}, " | "))
		if !strings.HasPrefix(row.selector, "metadata.name=") && row.wide == "" {
			t.Errorf("%s in %q is wider than a name, and the table does not say why", row.kind, row.scope)
		}
		if row.users == "" {
			t.Errorf("%s in %q is needed by nobody", row.kind, row.scope)
		}
	}
	for _, a := range got {
		kind := a.resource
		if strings.HasSuffix(a.group, "openshift.io") {
			kind += "." + a.group
		}
		have = append(have, strings.Join([]string{kind, a.namespace, a.selector}, " | "))
	}
	slices.Sort(want)
	slices.Sort(have)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the table (-) and what the informers ask for (+) differ\n%s", diff)
	}
}

// The operator may read everything that it watches, and a Secret outside its namespace only by name.
func TestManifestsAllowWhatIsWatched(t *testing.T) {
	_, got := startedInformers(t)
	granted := operatorRules(t)
	for _, a := range got {
		for _, verb := range []string{"list", "watch"} {
			if !allows(granted, verb, a) {
				t.Errorf("manifests do not allow %s %+v", verb, a)
			}
		}
	}
	for _, namespace := range []string{"", "default", names.UserConfigNamespace, names.ManagedConfigNamespace} {
		for _, verb := range []string{"get", "list", "watch"} {
			if allows(granted, verb, asked{resource: "secrets", namespace: namespace, selector: "metadata.name=any"}) {
				t.Errorf("manifests allow to %s any Secret in %q", verb, namespace)
			}
		}
	}
}

// operatorRules are the rules bound to the operator's ServiceAccount, by the namespace they hold in.
func operatorRules(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	files, err := filepath.Glob("../../manifests/02-rbac-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no RBAC manifests: %v", err)
	}
	rules := map[string][]rbacv1.PolicyRule{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(content), "\n---\n") {
			var role rbacv1.Role // a ClusterRole is a Role without a namespace
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if role.Kind == "Role" || role.Kind == "ClusterRole" {
				rules[role.Namespace] = append(rules[role.Namespace], role.Rules...)
			}
		}
	}
	return rules
}

func allows(granted map[string][]rbacv1.PolicyRule, verb string, a asked) bool {
	for _, rule := range slices.Concat(granted[""], granted[a.namespace]) {
		if slices.Contains(rule.Verbs, verb) && slices.Contains(rule.APIGroups, a.group) && slices.Contains(rule.Resources, a.resource) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.name())) {
			return true
		}
	}
	return false
}
