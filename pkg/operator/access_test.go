package operator

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// unwatched are reads of collections that belong to no informer of the table.
var unwatched = map[string]string{
	"list /events":                     "a process that begins must know what the one before it has said",
	"list coordination.k8s.io/leases":  "a waiting process follows the lease",
	"watch coordination.k8s.io/leases": "a waiting process follows the lease",
}

// The other direction of TestManifestsAllowWhatIsWatched. That no rule is too wide for what is written can only be seen in a
// running operator: test/integration looks at its requests.
func TestManifestsAllowToListAndWatchNothingElse(t *testing.T) {
	_, watched := startedInformers(t)
	passedOn := grantedRoles(t)
	unused := map[string]bool{}
	for row := range unwatched {
		unused[row] = true
	}
	for namespace, rules := range operatorRules(t) {
		for _, rule := range rules {
			for _, single := range singles(rule) {
				verb, group, resource := single.Verbs[0], single.APIGroups[0], single.Resources[0]
				if verb != "list" && verb != "watch" {
					continue
				}
				reads := func(a asked) bool {
					return a.group == group && a.resource == resource && (namespace == "" || a.namespace == namespace) &&
						(len(single.ResourceNames) == 0 || single.ResourceNames[0] == a.name())
				}
				key := verb + " " + group + "/" + resource
				delete(unused, key)
				if !slices.ContainsFunc(watched, reads) && unwatched[key] == "" && !covers(passedOn, single) {
					t.Errorf("manifests allow in %q to %s %s %v, which no informer does", namespace, verb, strings.Trim(resource+"."+group, "."), single.ResourceNames)
				}
			}
		}
	}
	for row := range unused {
		t.Errorf("%q is not granted, and excused", row)
	}
}

// singles takes a rule apart into rules of one verb, one group, one resource and one name at most.
func singles(rule rbacv1.PolicyRule) []rbacv1.PolicyRule {
	limits := [][]string{nil}
	if len(rule.ResourceNames) > 0 {
		limits = nil
		for _, name := range rule.ResourceNames {
			limits = append(limits, []string{name})
		}
	}
	var all []rbacv1.PolicyRule
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				for _, limit := range limits {
					all = append(all, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{verb}, ResourceNames: limit})
				}
			}
		}
	}
	return all
}

func covers(rules []rbacv1.PolicyRule, single rbacv1.PolicyRule) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.APIGroups, single.APIGroups[0]) && slices.Contains(r.Resources, single.Resources[0]) && slices.Contains(r.Verbs, single.Verbs[0]) &&
			len(r.ResourceNames) == 0 && len(single.ResourceNames) == 0
	})
}

// grantedRoles are the rules of the cluster roles that the operator makes for others. It has to have them all, to be
// allowed to.
func grantedRoles(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	files, err := filepath.Glob("../../bindata/*/clusterrole.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cluster roles: %v", err)
	}
	var rules []rbacv1.PolicyRule
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(content, &role); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		rules = append(rules, role.Rules...)
	}
	return rules
}

// Everything that a role for others says, the operator's cluster role has to say without a limit to names.
func TestManifestsHoldWhatIsPassedOn(t *testing.T) {
	operator := operatorRules(t)[""]
	for _, rule := range grantedRoles(t) {
		for _, single := range singles(rule) {
			if !covers(operator, single) {
				t.Errorf("the cluster role of %s lacks %s %s.%s, and could not pass it on", names.OperatorDeployment, single.Verbs[0], single.Resources[0], single.APIGroups[0])
			}
		}
	}
}
