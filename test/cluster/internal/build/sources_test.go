package build

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestSourcesAreAllOfThem: what a binary is made from and the key does not cover would leave an old binary in use.
func TestSourcesAreAllOfThem(t *testing.T) {
	for _, p := range []Program{Kube, Azure, DockerRegistry, DockerRegistry2, GCS, IBM, OC, Pause, S3, Swift} {
		cmd := exec.Command("go", "list", "-deps", "./cmd/"+p.Name)
		cmd.Dir = "../.."
		output, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		for path := range strings.FieldsSeq(string(output)) {
			local, ours := strings.CutPrefix(path, Module+"/")
			covered := slices.ContainsFunc(p.Sources, func(dir string) bool { return local == dir || strings.HasPrefix(local, dir+"/") })
			if ours && !covered {
				t.Errorf("%s is made from %s too, which its Sources %v do not have", p.Name, local, p.Sources)
			}
		}
	}
}
