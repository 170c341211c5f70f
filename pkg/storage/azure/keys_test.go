package azure_test

import (
	"slices"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/azure"
)

func TestLookUpsOfTheKeyAreCounted(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	defer s.removed(t, in)
	var hits []bool
	now := time.Now()
	options := s.options()
	options.KeyCache, options.Now = func(hit bool) { hits = append(hits, hit) }, func() time.Time { return now }
	driver := azure.Driver(options)
	for _, step := range []struct {
		name  string
		later time.Duration
		want  []bool
	}{
		{"a new process knows no key", 0, []bool{false}},
		{"the next look has it", time.Minute, []bool{true}},
		{"an old key is asked for again", time.Hour, []bool{false}},
	} {
		now, hits = now.Add(step.later), nil
		b, err := driver.New(in)
		if err != nil {
			t.Fatal(err)
		}
		listings := s.requests(t, func() {
			if _, err := b.Plan(t.Context()); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		})
		if !slices.Equal(hits, step.want) {
			t.Fatalf("%s: look-ups are %v, want %v", step.name, hits, step.want)
		}
		// What is counted is what was sent.
		if asked := len(listings) == 2; asked == hits[0] {
			t.Errorf("%s: sent %v, counted %v", step.name, listings, hits)
		}
	}
}
