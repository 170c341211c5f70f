package library

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const roleFile = `apiVersion: v1
kind: ConfigMap
metadata: {name: roles, namespace: here}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator, namespace: here}
rules:
- {apiGroups: ["apps"], resources: [deployments], resourceNames: [a, b], verbs: [update]}
- {apiGroups: [""], resources: [secrets], verbs: [create, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: of-somebody-else, namespace: here}
rules:
- {apiGroups: [""], resources: [nodes], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: x, namespace: here}
roleRef: {kind: Role, name: operator}
subjects: [{kind: ServiceAccount, name: cluster-image-registry-operator, namespace: here}]
`

func request(verb, group, resource, namespace, name string, code int) AuditEvent {
	e := AuditEvent{Verb: verb}
	e.ObjectRef.APIGroup, e.ObjectRef.Resource, e.ObjectRef.Namespace, e.ObjectRef.Name = group, resource, namespace, name
	e.ResponseStatus.Code = code
	return e
}

func TestUnusedGrants(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "roles.yaml"), []byte(roleFile), 0o600); err != nil {
		t.Fatal(err)
	}
	grants, err := OperatorGrants(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := func(grants []Grant) []string {
		var all []string
		for _, g := range grants {
			all = append(all, g.String())
		}
		return all
	}
	updateA, updateB := "update apps/deployments of here/a", "update apps/deployments of here/b"
	create, list := "create core/secrets of here/*", "list core/secrets of here/*"
	if diff := cmp.Diff([]string{updateA, updateB, create, list}, names(grants)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	everything := []AuditEvent{
		request("update", "apps", "deployments", "here", "a", http.StatusOK), request("update", "apps", "deployments", "here", "b", http.StatusConflict),
		request("create", "", "secrets", "here", "", http.StatusCreated), request("list", "", "secrets", "here", "one", http.StatusOK),
	}
	status := request("update", "apps", "deployments", "here", "a", http.StatusOK)
	status.ObjectRef.Subresource = "status"
	for name, test := range map[string]struct {
		events   []AuditEvent
		passedOn []Grant
		want     []string
	}{
		"all are used, even by a request that met a conflict": {events: everything},
		"nothing is":                                           {want: []string{updateA, updateB, create, list}},
		"one is not":                                           {events: everything[1:], want: []string{updateA}},
		"a denied request needed no rule":                      {events: append(everything[1:4:4], request("update", "apps", "deployments", "here", "a", http.StatusForbidden)), want: []string{updateA}},
		"another namespace does not count":                     {events: append(everything[1:4:4], request("update", "apps", "deployments", "there", "a", http.StatusOK)), want: []string{updateA}},
		"a subresource is another resource":                    {events: append(everything[1:4:4], status), want: []string{updateA}},
		"a watch does not excuse a list that is granted alone": {events: append(everything[:3:3], request("watch", "", "secrets", "here", "", http.StatusOK)), want: []string{list}},
		"what is passed on need not be used":                   {events: everything[:3], passedOn: []Grant{{Verb: "list", Resource: "secrets", Namespace: "here"}}},
		"what is passed on everywhere is wider":                {events: everything[:3], passedOn: []Grant{{Verb: "list", Resource: "secrets"}}, want: []string{list}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, names(Unused(grants, test.passedOn, test.events))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAListComesWithTheWatch(t *testing.T) {
	list, watch := Grant{Verb: "list", Resource: "nodes"}, Grant{Verb: "watch", Resource: "nodes"}
	events := []AuditEvent{request("watch", "", "nodes", "", "", http.StatusOK)}
	if got := Unused([]Grant{list, watch}, nil, events); len(got) > 0 {
		t.Errorf("unused: %v", got)
	}
	if got := Unused([]Grant{list, watch}, nil, nil); len(got) != 2 {
		t.Errorf("nothing is used, and unused are only %v", got)
	}
}
