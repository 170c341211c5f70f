package transport

import (
	"errors"
	"net/http"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestLastServesTheLastConfiguration(t *testing.T) {
	var last Last[int]
	made := 0
	create := func(*http.Transport) (int, error) { made++; return made, nil }
	refuse := func(*http.Transport) (int, error) { return 0, errors.New("no") }
	for _, step := range []struct {
		name          string
		configuration string
		create        func(*http.Transport) (int, error)
		want          int
		fails         bool
	}{
		{"the first is made", "a", create, 1, false},
		{"the same is kept", "a", create, 1, false},
		{"another takes its place", "b", create, 2, false},
		{"one that cannot be made is an error", "c", refuse, 0, true},
		{"and leaves the last in place", "b", create, 2, false},
		{"the first is made anew", "a", create, 3, false},
	} {
		got, err := last.For(step.configuration, storage.CABundle{SystemRoots: true}, step.create)
		if got != step.want || (err != nil) != step.fails {
			t.Errorf("%s: %d, %v, want %d", step.name, got, err, step.want)
		}
	}
}
