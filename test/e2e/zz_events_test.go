package e2e

import (
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestZZEventsAreSpare looks at the whole run: no text was said more than five times about one object, and none shows a
// key.
func TestZZEventsAreSpare(t *testing.T) {
	events, err := cluster.OperatorEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("events by reason: %v", library.EventReasons(events))
	if len(library.EventReasons(events)) < 5 {
		t.Error("the operator has raised next to no events: this test would see nothing")
	}
	for _, text := range library.Repeated(events) {
		t.Errorf("repeated more than %d times: %s", library.MaxRepeats, text)
	}
	for i := range events {
		if strings.Contains(events[i].Message, cluster.S3.SecretAccessKey) {
			t.Errorf("event %s shows a secret key", events[i].Reason)
		}
	}
}
