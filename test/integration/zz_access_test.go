package integration

import (
	"flag"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// elsewhere are the rules that no test of this suite needs, with the place that does. A row whose rule is gone, or is used
// here after all, fails the test.
var elsewhere = map[string]string{
	"create config.openshift.io/clusteroperators of */*":                                        library.Sometimes + "the version operator mostly makes it first",
	"get storage.k8s.io/storageclasses of */standard-csi":                                       "OpenStack without object storage, which takes a cloud to find out",
	"list coordination.k8s.io/leases of openshift-image-registry/openshift-master-controllers":  "a second process that waits for the lease, and this suite has one",
	"watch coordination.k8s.io/leases of openshift-image-registry/openshift-master-controllers": "a second process that waits for the lease, and this suite has one",
	"create route.openshift.io/routes/custom-host of openshift-image-registry/*":                "the route API asks for it when a route names a host; it is no request of ours",
	"update route.openshift.io/routes/custom-host of openshift-image-registry/*":                "the route API asks for it when a route changes its host; it is no request of ours",
}

// TestEveryRuleIsNeeded looks at the whole run: the rules in manifests/ are no wider than what the operator asks for.
// Together with TestNothingWasDenied it holds them to be exact.
func TestEveryRuleIsNeeded(t *testing.T) {
	for _, name := range []string{"test.run", "test.skip"} {
		if value := flag.Lookup(name).Value.String(); value != "" {
			t.Skipf("-%s=%s: only the whole suite needs every rule", name, value)
		}
	}
	events, err := cluster.Audit(library.OperatorUser, started)
	if err != nil {
		t.Fatal(err)
	}
	library.RequireEveryGrantUsed(t, "../..", events, elsewhere)
}
