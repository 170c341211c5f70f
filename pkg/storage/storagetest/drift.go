package storagetest

import (
	"maps"
	"slices"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Drift is what the suite needs to change settings of a medium past the backend.
type Drift struct {
	// Inputs are for a medium of the operator's that has all the settings there are.
	Inputs func(t *testing.T) storage.Inputs
	// Spoil changes one setting each, by its name.
	Spoil map[string]func(t *testing.T, in storage.Inputs)
	// Settings is a text of all settings as the cloud has them.
	Settings func(t *testing.T, in storage.Inputs) string
	// Calls counts the calls to the cloud that during causes, without those for tokens.
	Calls func(t *testing.T, during func()) int
	// Refuse makes the reading of settings refused for want of a right, until the test ends, and leaves what shows the medium.
	// Nil where one call shows both, and where Ensure cannot do without what it reads.
	Refuse func(t *testing.T)
}

// process is one process of the operator: its driver keeps tokens and connections.
type process struct {
	driver storage.Driver
	in     storage.Inputs
	looks  []storage.Look
}

// settled is a process in its steady state, with a medium that has all settings.
func (h Harness) settled(t *testing.T) *process {
	t.Helper()
	in, made, err := h.settle(t, h.Drift.Inputs(t))
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Created = made.Coordinates, true
	p := &process{driver: h.Driver(t), in: in}
	p.ensure(t)
	if len(p.looks) == 0 {
		t.Fatal("ensure offers nothing to compare")
	}
	return p
}

func (p *process) backend(t *testing.T, look storage.Look) storage.Backend {
	t.Helper()
	in := p.in
	in.Look = look
	b, err := p.driver.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (p *process) ensure(t *testing.T) {
	t.Helper()
	result, err := p.backend(t, nil).Ensure(t.Context())
	if err != nil || result.RetryAfter > 0 || result.Incomplete {
		t.Fatalf("ensure: %+v, %v", result, err)
	}
	// What Ensure has settled goes to spec: a key, for instance, in the place of one that is gone.
	p.in.Coordinates, p.looks = result.Coordinates, result.Looks
}

// round makes a check with each look, as the controller does in turn, and returns what drifted.
func (p *process) round(t *testing.T, h Harness) (drifted string) {
	t.Helper()
	for _, look := range p.looks {
		var plan storage.Plan
		var err error
		calls := h.Drift.Calls(t, func() { plan, err = p.backend(t, look).Plan(t.Context()) })
		switch {
		case err != nil || !plan.Exists || plan.Unread:
			t.Fatalf("check of %q: %+v, %v", look, plan, err)
		case calls != 1:
			t.Errorf("check of %q makes %d calls, want one", look, calls)
		case plan.Drifted != "":
			return plan.Drifted
		}
	}
	return ""
}

func driftAtTheCheck(t *testing.T, h Harness) {
	skipUnless(t, h.Drift, "settings that could drift")
	p := h.settled(t)
	defer h.removeAll(t, p.in)
	if drifted := p.round(t, h); drifted != "" {
		t.Errorf("drifted although nobody changed anything: %s", drifted)
	}
	want, looks := h.Drift.Settings(t, p.in), len(p.looks)
	for _, name := range slices.Sorted(maps.Keys(h.Drift.Spoil)) {
		h.Drift.Spoil[name](t, p.in)
		if h.Drift.Settings(t, p.in) == want {
			t.Fatalf("%s: nothing is spoilt", name)
		}
		if p.round(t, h) == "" {
			t.Errorf("%s: no check of a whole round sees it", name)
		}
		p.ensure(t)
		if got := h.Drift.Settings(t, p.in); got != want {
			t.Errorf("%s: restored to\n%s\nand not to\n%s", name, got, want)
		}
		if drifted := p.round(t, h); drifted != "" || len(p.looks) != looks {
			t.Errorf("%s: afterwards %q has drifted, looks are %q", name, drifted, p.looks)
		}
	}
}

// unreadSetting: a right that is lost is Ensure's to tell. The medium is there, and what cannot be read is not asked for again.
func unreadSetting(t *testing.T, h Harness) {
	skipUnless(t, h.Drift, "settings that could drift")
	skipUnless(t, h.Drift.Refuse, "call that shows only a setting")
	p := h.settled(t)
	before := p.looks
	t.Run("refused", func(t *testing.T) {
		h.Drift.Refuse(t)
		for _, look := range before {
			plan, err := p.backend(t, look).Plan(t.Context())
			if err != nil || !plan.Exists || plan.Drifted != "" || plan.Unread != (len(look) > 0) {
				t.Errorf("check of %q: %+v, %v", look, plan, err)
			}
		}
		p.ensure(t)
		if p.round(t, h); len(p.looks) > 1 {
			t.Errorf("looks are %q", p.looks)
		}
	})
	h.removeAll(t, p.in)
}
