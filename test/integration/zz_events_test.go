package integration

import "testing"

// TestZZEventsAreSpare looks at the whole run: no text was said more than five times about one object.
func TestZZEventsAreSpare(t *testing.T) { requireSpareEvents(t) }
