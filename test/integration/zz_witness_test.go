package integration

import (
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// This file sorts last: what it looks at is the whole run.

func TestNothingWasDenied(t *testing.T) { library.RequireNothingDenied(t, cluster, started) }

// TestEventsAreSpare: no text was said more than five times about one object, and none shows a key.
func TestEventsAreSpare(t *testing.T) { library.RequireSpareEvents(t, cluster, secretValues()...) }

// secretValues are what no event may show.
func secretValues() []string { return []string{cluster.S3.SecretAccessKey, "nosuchsecret"} }
