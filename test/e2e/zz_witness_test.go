package e2e

import (
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// This file sorts last: what it looks at is the whole run.

// TestSteadyStateIsSilent: over three minutes, counted from 60 s after the last transition, the operator sends nothing
// but watches and the lease.
func TestSteadyStateIsSilent(t *testing.T) {
	managed(t, onS3)
	cluster.RequireSilence(t, time.Minute, 3*time.Minute)
}

func TestNothingWasDenied(t *testing.T) { library.RequireNothingDenied(t, cluster, started) }

// TestEventsAreSpare: no text was said more than five times about one object, and none shows a key.
func TestEventsAreSpare(t *testing.T) {
	library.RequireSpareEvents(t, cluster, cluster.S3.SecretAccessKey, "nosuchsecret")
}
