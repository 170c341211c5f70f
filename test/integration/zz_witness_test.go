package integration

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestSteadyStateIsSilent runs late, when the operator has seen much: from 60 s after the last transition it sends
// nothing but watches and the lease.
func TestSteadyStateIsSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes by its nature")
	}
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	cluster.RequireSilence(t, time.Minute, time.Minute)
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
			t.Error("denied: ", fmt.Sprint(event))
		}
	}
}
