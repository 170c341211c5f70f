package library

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Grant is one thing that the operator may do: a rule of a role taken apart.
type Grant struct {
	// Namespace is empty for a grant that holds everywhere, Name for one that is not limited to an object.
	Verb, Group, Resource, Namespace, Name string
}

// String is how grants are written in tables and messages: "update apps/deployments of openshift-image-registry/x".
func (g Grant) String() string {
	group, namespace, name := g.Group, g.Namespace, g.Name
	if group == "" {
		group = "core"
	}
	if namespace == "" {
		namespace = "*"
	}
	if name == "" {
		name = "*"
	}
	return fmt.Sprintf("%s %s/%s of %s/%s", g.Verb, group, g.Resource, namespace, name)
}

// usedBy tells whether the API server needed the grant to allow the request.
func (g Grant) usedBy(e *AuditEvent) bool {
	resource := e.ObjectRef.Resource
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	return g.Verb == e.Verb && g.Group == e.ObjectRef.APIGroup && g.Resource == resource &&
		(g.Namespace == "" || g.Namespace == e.ObjectRef.Namespace) && (g.Name == "" || g.Name == e.ObjectRef.Name) &&
		e.ResponseStatus.Code != http.StatusForbidden
}

// roleObject is a role, or a binding of one.
type roleObject struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Rules    []rbacv1.PolicyRule `json:"rules"`
	RoleRef  rbacv1.RoleRef      `json:"roleRef"`
	Subjects []rbacv1.Subject    `json:"subjects"`
}

// roleObjects reads every role and binding in the YAML files below dir.
func roleObjects(dir string) ([]roleObject, error) {
	var all []roleObject
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range strings.Split(string(content), "\n---\n") {
			var head, object roleObject
			// Other kinds have fields of the same names and other shapes.
			if err := yaml.Unmarshal([]byte(document), &struct {
				Kind *string `json:"kind"`
			}{&head.Kind}); err != nil {
				return fmt.Errorf("parsing %s: %w", path, err)
			}
			if !strings.HasPrefix(head.Kind, "Role") && !strings.HasPrefix(head.Kind, "ClusterRole") {
				continue
			}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				return fmt.Errorf("parsing %s: %w", path, err)
			}
			all = append(all, object)
		}
		return nil
	})
	return all, err
}

// OperatorGrants are what the roles in manifests allow to the operator's ServiceAccount.
func OperatorGrants(manifests string) ([]Grant, error) {
	objects, err := roleObjects(manifests)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for _, binding := range objects {
		if !slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool { return s.Name == names.OperatorDeployment }) {
			continue
		}
		for _, role := range objects {
			if role.Kind == binding.RoleRef.Kind && role.Metadata.Name == binding.RoleRef.Name && (role.Kind == "ClusterRole" || role.Metadata.Namespace == binding.Metadata.Namespace) {
				grants = append(grants, apart(role.Rules, binding.Metadata.Namespace)...)
			}
		}
	}
	return grants, nil
}

// PassedOn are what the roles that the operator makes allow to others. The API server lets nobody grant what he has not,
// so the operator has these grants whether it uses them or not.
func PassedOn(bindata string) ([]Grant, error) {
	objects, err := roleObjects(bindata)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for _, object := range objects {
		grants = append(grants, apart(object.Rules, object.Metadata.Namespace)...)
	}
	return grants, nil
}

func apart(rules []rbacv1.PolicyRule, namespace string) []Grant {
	var grants []Grant
	for _, rule := range rules {
		limits := rule.ResourceNames
		if len(limits) == 0 {
			limits = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range limits {
					for _, verb := range rule.Verbs {
						grants = append(grants, Grant{Verb: verb, Group: group, Resource: resource, Namespace: namespace, Name: name})
					}
				}
			}
		}
	}
	return grants
}

// Unused are the grants that no request needed and that are not passed on, in the order of the files. A list comes with the
// watch: API servers that know how send it through the watch, and the client library asks the others for it.
func Unused(grants, passedOn []Grant, events []AuditEvent) []Grant {
	used := func(grant Grant) bool {
		return slices.Contains(passedOn, grant) || slices.ContainsFunc(events, func(e AuditEvent) bool { return grant.usedBy(&e) })
	}
	var unused []Grant
	for _, grant := range grants {
		watch := grant
		watch.Verb = "watch"
		needed := used(grant) || grant.Verb == "list" && slices.Contains(grants, watch) && used(watch)
		if !needed && !slices.Contains(unused, grant) {
			unused = append(unused, grant)
		}
	}
	return unused
}

// Sometimes begins the reason of a grant that a suite may or may not use, as the race with others goes.
const Sometimes = "sometimes: "

// RequireEveryGrantUsed fails the test for each rule in manifests that no request since the start of the suite needed. The
// table elsewhere excuses grants, by Grant.String, with the place that needs them; it fails the test as well when a row has no
// grant any more, or one that this suite has used, so that it cannot rot. root is the folder of the repository.
func RequireEveryGrantUsed(t *testing.T, root string, events []AuditEvent, elsewhere map[string]string) {
	t.Helper()
	grants, err := OperatorGrants(filepath.Join(root, "manifests"))
	if err != nil || len(grants) == 0 {
		t.Fatalf("%d grants: %v", len(grants), err)
	}
	passedOn, err := PassedOn(filepath.Join(root, "bindata"))
	if err != nil || len(passedOn) == 0 {
		t.Fatalf("%d grants are passed on: %v", len(passedOn), err)
	}
	excused := map[string]bool{}
	for _, grant := range Unused(grants, passedOn, events) {
		excused[grant.String()] = true
		if elsewhere[grant.String()] == "" {
			t.Errorf("nothing needed the rule in manifests/ that lets the operator %s: remove it, or have a test need it", grant)
		}
	}
	granted := func(row string) bool {
		return slices.ContainsFunc(grants, func(g Grant) bool { return g.String() == row })
	}
	for row, where := range elsewhere {
		if !excused[row] && (!strings.HasPrefix(where, Sometimes) || !granted(row)) {
			t.Errorf("%q is excused by %q, and is used here or granted no more: remove the row", row, where)
		}
	}
}
