package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestSteadyStateIsSilent: over three minutes, counted from 60 s after the last transition, the operator sends nothing
// but watches and the lease.
func TestSteadyStateIsSilent(t *testing.T) {
	managed(t, onS3)
	cluster.RequireSilence(t, time.Minute, 3*time.Minute)
}

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
			t.Errorf("denied: %s", event)
		}
	}
}
