package main

import (
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

func TestRunningClusterHasTheShapeThatIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags runFlags
		state lifecycle.State
		want  string
	}{
		{"nothing is asked for", runFlags{nodes: 1}, lifecycle.State{Nodes: 2, Simulated: 3}, ""},
		{"as many real nodes as there are", runFlags{nodes: 2, asked: []string{"nodes"}}, lifecycle.State{Nodes: 2}, ""},
		{"more real nodes", runFlags{nodes: 2, asked: []string{"nodes"}}, lifecycle.State{Nodes: 1}, "1 real node(s), not with 2"},
		{"more simulated nodes", runFlags{nodes: 1, simulated: 3, asked: []string{"simulated"}}, lifecycle.State{Nodes: 2}, "0 simulated node(s), not with 3"},
		{"no real node", runFlags{asked: []string{"nodes"}}, lifecycle.State{Nodes: 1}, "1 real node(s), not with 0"},
		{"no real node where none is", runFlags{asked: []string{"nodes"}}, lifecycle.State{Simulated: 1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.state.Name = "dev"
			c.flags.complete()
			err := c.flags.fits(&c.state)
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(lifecycle.CureOf(err), "`make down NAME=dev`")) {
				t.Errorf("error %v with cure %q, want %q", err, lifecycle.CureOf(err), c.want)
			}
		})
	}
}
