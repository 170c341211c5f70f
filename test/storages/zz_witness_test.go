package storages

import (
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// This file sorts last: what it looks at is the whole run, on every platform and with every kind of storage.

func TestNothingWasDenied(t *testing.T) { library.RequireNothingDenied(t, cluster, time.Time{}) }

// TestEventsAreSpare: no text was said more than five times about one object, and none shows a secret of any cloud.
func TestEventsAreSpare(t *testing.T) {
	library.RequireSpareEvents(t, cluster, cluster.S3.SecretAccessKey, swiftPassword, azureSecret, "api-key", "hmac-secret", "PRIVATE KEY")
}
