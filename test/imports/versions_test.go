package imports

import (
	"os/exec"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/version"
)

// leastVersions are modules whose earlier versions build and pass every test, and still must not come back.
var leastVersions = []struct{ module, version, why string }{
	{
		"google.golang.org/protobuf", "v1.36.12",
		"before it the linker keeps every exported method of the program, and the binary and its memory double",
	},
}

func TestLeastVersions(t *testing.T) {
	for _, least := range leastVersions {
		t.Run(least.module, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", least.module)
			cmd.Dir = repoRoot(t)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("asking for the version of %s: %v", least.module, err)
			}
			got, err := version.ParseSemantic(strings.TrimSpace(string(out)))
			if err != nil {
				t.Fatal(err)
			}
			if got.LessThan(version.MustParseSemantic(least.version)) {
				t.Errorf("%s is %s, want at least %s: %s", least.module, got, least.version, least.why)
			}
		})
	}
}
