package storagetest

import (
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// cloudCalls prints how often the cloud is asked in the life of a medium: a figure, no test. Calls for tokens are not counted.
func cloudCalls(t *testing.T, h Harness) {
	skipUnless(t, h.Drift, "calls that are counted")
	count := h.Drift.Calls
	in := h.Drift.Inputs(t)
	var made storage.Result
	var err error
	setUp := count(t, func() { in, made, err = h.settle(t, in) })
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Created = made.Coordinates, true
	p := &process{driver: h.Driver(t), in: in}
	again := count(t, func() { p.ensure(t) })
	check := count(t, func() { _, err = p.backend(t, p.looks[0]).Plan(t.Context()) })
	if err != nil {
		t.Fatal(err)
	}
	removal := count(t, func() { h.removeAll(t, p.in) })
	t.Logf("calls: set-up %d, settings anew %d, check %d, removal of an empty medium %d", setUp, again, check, removal)
}
