package integration

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const specHash = "operator.openshift.io/spec-hash"

// referenceRead is something that the reference reads when it starts on the cluster that our operator leaves.
type referenceRead struct {
	// what it reads and what it does with that, in the words of the specification.
	what string
	// check tells what is wrong with the object, given how the reference had left it.
	check func(live, fixture *unstructured.Unstructured) error
}

// gate is for objects that the reference leaves alone while their checksum is the one of what it wants: with its own
// checksum on other content it would never put the content right.
func gate(fields ...string) referenceRead {
	return referenceRead{"the checksum, before it compares anything else", func(live, fixture *unstructured.Unstructured) error {
		sum := live.GetAnnotations()[names.ChecksumAnnotation]
		if sum == "" || sum != fixture.GetAnnotations()[names.ChecksumAnnotation] {
			return nil
		}
		for _, field := range fields {
			if !reflect.DeepEqual(live.Object[field], fixture.Object[field]) {
				return fmt.Errorf("the checksum is the reference's and %s is not: it would stay as it is", field)
			}
		}
		return nil
	}}
}

// generation is for objects that the reference leaves alone while neither the hash of the spec nor the generation, as
// noted in status.generations, has moved.
func generation(config func() *unstructured.Unstructured) referenceRead {
	return referenceRead{"spec hash and noted generation, to see whether it has to write", func(live, fixture *unstructured.Unstructured) error {
		if live.GetAnnotations()[specHash] != fixture.GetAnnotations()[specHash] || reflect.DeepEqual(live.Object["spec"], fixture.Object["spec"]) {
			return nil
		}
		entries, _, _ := unstructured.NestedSlice(config().Object, "status", "generations")
		if slices.ContainsFunc(entries, func(e any) bool {
			entry := e.(map[string]any)
			return entry["name"] == live.GetName() && entry["lastGeneration"] == live.GetGeneration()
		}) {
			return fmt.Errorf("hash and generation are as the reference knows them, and the spec is not: it would stay as it is")
		}
		return nil
	}}
}

// same is a field that has to be as the reference left it.
func same(what string, path ...string) referenceRead {
	return referenceRead{what, func(live, fixture *unstructured.Unstructured) error {
		have, _, _ := unstructured.NestedFieldNoCopy(live.Object, path...)
		want, found, _ := unstructured.NestedFieldNoCopy(fixture.Object, path...)
		if !found {
			return fmt.Errorf("the fixture has no %v", path)
		}
		if !reflect.DeepEqual(have, want) {
			return fmt.Errorf("%v is %v, was %v", path, have, want)
		}
		return nil
	}}
}

// filled is a field that has to be there.
func filled(what string, path ...string) referenceRead {
	return referenceRead{what, func(live, _ *unstructured.Unstructured) error {
		if value, found, _ := unstructured.NestedFieldNoCopy(live.Object, path...); !found || fmt.Sprint(value) == "" {
			return fmt.Errorf("%v is missing", path)
		}
		return nil
	}}
}

// reads are what the specification says of each object; object by object as the fixture has them.
func reads(config func() *unstructured.Unstructured) map[string][]referenceRead {
	route := []referenceRead{
		same("the mark of routes of its own, to delete those that are not wanted", "metadata", "annotations", names.OwnedAnnotation),
		same("the host, for the list of external hostnames", "spec", "host"),
		gate("spec"),
	}
	return map[string][]referenceRead{
		"configs/cluster": {
			same("the finalizer: without it a deleted Config would be gone before its storage", "metadata", "finalizers"),
			same("the HTTP secret: another one breaks uploads", "spec", "httpSecret"),
			same("where the storage is", "spec", "storage", "s3", "bucket"),
			same("whether the storage is its own to delete", "spec", "storage", "managementState"),
			same("what to remove: the storage as last created", "status", "storage", "s3", "bucket"),
			same("where that is", "status", "storage", "s3", "regionEndpoint"),
			same("whether it may", "status", "storage", "managementState"),
			same("the deprecated form of that", "status", "storageManaged"),
			same("the TLS settings", "spec", "observedConfig"),
			same("the state", "spec", "managementState"),
			filled("the generation that was dealt with", "status", "observedGeneration"),
			filled("conditions, which it updates by type", "status", "conditions"),
		},
		"deployments/image-registry": {
			same("the selector, which cannot be changed any more", "spec", "selector"),
			same("the label by which it is selected", "metadata", "labels", names.RegistryLabel),
			filled("the version that is reported", "metadata", "annotations", names.VersionAnnotation),
			generation(config),
		},
		"daemonsets/node-ca":    {same("the selector, which cannot be changed any more", "spec", "selector"), generation(config)},
		"cronjobs/image-pruner": {gate("spec"), same("the label of the jobs", "spec", "jobTemplate", "metadata", "labels", names.PrunerJobLabel)},
		"services/image-registry": {
			gate("spec"), same("the port, for hostnames and CA keys", "spec", "ports"),
			same("the certificate that the pods mount", "metadata", "annotations", "service.alpha.openshift.io/serving-cert-secret-name"),
		},
		"secrets/image-registry-private-configuration": {gate("data"), filled("the credentials that its pods mount", "data", "credentials")},
		"secrets/installation-pull-secrets":            {gate("data"), same("its type, which cannot be changed any more", "type"), filled("the key that its pods mount", "data", ".dockerconfigjson")},
		"configmaps/image-registry-certificates": {
			gate("data"), filled("the CA for clients of the registry", "data", "image-registry.openshift-image-registry.svc..5000"),
			filled("the CA of the administrator", "data", "registry.example.com..5000"),
		},
		"configmaps/image-registry-ca":                        {gate("data"), filled("the CA for the machine configuration", "data", "image-registry.openshift-image-registry.svc..5000")},
		"configmaps/serviceca":                                {same("who fills in the CA", "metadata", "annotations", "service.beta.openshift.io/inject-cabundle"), filled("the CA", "data", names.ServiceCAKey)},
		"clusterrolebindings/registry-registry-role":          {gate("subjects"), same("the role, which cannot be changed any more", "roleRef")},
		"clusterrolebindings/openshift-image-registry-pruner": {gate("subjects"), same("the role, which cannot be changed any more", "roleRef")},
		"clusterroles/system:registry":                        {gate("rules")},
		"clusterroles/system:image-pruner":                    {gate("rules")},
		"serviceaccounts/registry":                            {filled("its name, for pods and tokens", "metadata", "name")},
		"serviceaccounts/pruner":                              {filled("its name, for pods and tokens", "metadata", "name")},
		"poddisruptionbudgets/image-registry":                 {gate("spec")},
		"networkpolicies/image-registry-networkpolicy":        {same("the pods it is about", "spec", "podSelector")},
		"networkpolicies/image-pruner-networkpolicy":          {same("the pods it is about", "spec", "podSelector")},
		"routes/default-route":                                route,
		"routes/public":                                       append(slices.Clone(route), filled("the certificate", "spec", "tls", "certificate")),
		"imagepruners/cluster":                                {same("all of the spec, which it never fills in again", "spec"), filled("conditions", "status", "conditions")},
		"images/cluster":                                      {same("the hostname that the pruner prunes", "status", "internalRegistryHostname"), same("the additional CAs", "spec", "additionalTrustedCA")},
		"clusteroperators/image-registry":                     {filled("versions, which it replaces", "status", "versions"), filled("conditions, by type", "status", "conditions")},
	}
}

// canGoBack checks all that the reference reads.
func canGoBack(t *testing.T, objects []*taken) {
	t.Helper()
	live := map[string]*unstructured.Unstructured{}
	for _, o := range objects {
		found, err := o.client().Get(t.Context(), o.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		live[o.String()] = found
	}
	table := reads(func() *unstructured.Unstructured { return live[theConfig.String()] })
	for _, o := range objects {
		if len(table[o.String()]) == 0 {
			t.Errorf("%s: nothing is said about what the reference reads of it", o)
		}
		for _, read := range table[o.String()] {
			if err := read.check(live[o.String()], o.before); err != nil {
				t.Errorf("%s, of which the reference reads %s: %v", o, read.what, err)
			}
		}
		delete(table, o.String())
	}
	for name := range table {
		t.Errorf("%s is in the table and not in the fixture", name)
	}
}
