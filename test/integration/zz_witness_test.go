package integration

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestNothingWasDenied looks at the whole run: the rules in manifests/ suffice.
func TestNothingWasDenied(t *testing.T) {
	events, err := cluster.Audit(library.OperatorUser, started)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 {
		t.Fatal("the audit log has no request of the operator: this test would see nothing")
	}
	for _, event := range events {
		if event.ResponseStatus.Code == http.StatusForbidden || event.ResponseStatus.Code == http.StatusUnauthorized {
			t.Error("denied: ", fmt.Sprint(event))
		}
	}
}
