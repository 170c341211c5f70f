package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/openshift/cluster-image-registry-operator/"
	aws    = "github.com/aws/"
	azure  = "github.com/Azure/"
	gopher = "github.com/gophercloud/"
)

// backends are the packages that may know a cloud. A new one goes here and into .golangci.yaml.
var backends = []string{"s3", "gcs", "azure", "swift", "ibmcos", "pvc", "emptydir"}

// pkgInfo is what `go list` tells of a package.
type pkgInfo struct {
	ImportPath   string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

// local is the path inside this repository, or empty for a package of someone else.
func local(path string) string {
	rest, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	return rest
}

// under says whether path is dir or below it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func anyUnder(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return under(path, dir) })
}

// controller is the name of the controller package that path belongs to, or empty.
func controller(path string) string {
	rest, ok := strings.CutPrefix(path, "pkg/controllers/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// backend is the name of the storage backend that path belongs to, or empty.
func backend(path string) string {
	rest, _ := strings.CutPrefix(path, "pkg/storage/")
	name, _, _ := strings.Cut(rest, "/")
	if slices.Contains(backends, name) {
		return name
	}
	return ""
}

// rule looks at one import, or with deps at one transitive dependency; both paths are local where they are ours.
type rule struct {
	name    string
	deps    bool // look at everything the package links, not only at what it names
	tests   bool // the tests of the package must obey, too
	forbids func(from, to string) bool
}

// rules are the import rules of ARCHITECTURE.md.
var rules = []rule{
	{name: "names, version and bindata are leaves", forbids: func(from, to string) bool {
		return anyUnder(from, "pkg/names", "pkg/version", "bindata") && isOurs(to)
	}},
	{name: "the pure packages and the small tools know names at most", forbids: func(from, to string) bool {
		return anyUnder(from, "pkg/conditions", "pkg/apply", "pkg/metrics") && isOurs(to) &&
			!anyUnder(to, "pkg/names", firstTwo(from))
	}},
	{name: "pkg/conditions decides and cannot reach a cluster", deps: true, forbids: func(from, to string) bool {
		return under(from, "pkg/conditions") && anyUnder(to, "k8s.io/client-go/kubernetes", "k8s.io/client-go/rest")
	}},
	{name: "no controller imports another controller", deps: true, tests: true, forbids: func(from, to string) bool {
		return controller(from) != "" && controller(to) != "" && controller(from) != controller(to)
	}},
	{name: "only pkg/operator imports backends", forbids: func(from, to string) bool {
		return backend(to) != "" && backend(to) != backend(from) && !anyUnder(from, "pkg/operator", "test")
	}},
	{name: "a backend knows storage and names, and no other backend", deps: true, forbids: func(from, to string) bool {
		return backend(from) != "" && isOurs(to) && backend(to) != backend(from) &&
			!anyUnder(to, "pkg/names", "pkg/version", "pkg/operatorclient", "pkg/storage/transport", "pkg/storage/s3api") && to != "pkg/storage"
	}},
	{name: "the storage seam imports no controller, no backend and no wiring", deps: true, forbids: func(from, to string) bool {
		return from == "pkg/storage" && (controller(to) != "" || backend(to) != "" || under(to, "pkg/operator"))
	}},
	{name: "the AWS SDK is imported only where the S3 protocol is spoken", tests: true, forbids: func(from, to string) bool {
		return strings.HasPrefix(to, aws) && !anyUnder(from, "pkg/storage/s3", "pkg/storage/s3api", "pkg/storage/ibmcos", "test", "hack")
	}},
	{name: "Google's modules are imported only by the gcs backend", tests: true, forbids: func(from, to string) bool {
		return isGoogles(to) && !anyUnder(from, "pkg/storage/gcs", "test", "hack")
	}},
	{name: "the Azure SDK is imported only by the azure backend", tests: true, forbids: func(from, to string) bool {
		return strings.HasPrefix(to, azure) && !anyUnder(from, "pkg/storage/azure", "test", "hack")
	}},
	{name: "the OpenStack SDK is imported only by the swift backend", tests: true, forbids: func(from, to string) bool {
		return strings.HasPrefix(to, gopher) && !under(from, "pkg/storage/swift")
	}},
	{name: "no controller links a cloud SDK", deps: true, forbids: func(from, to string) bool {
		return controller(from) != "" && (strings.HasPrefix(to, aws) || strings.HasPrefix(to, azure) || strings.HasPrefix(to, gopher))
	}},
	{name: "only pkg/operator, cmd and tests import controllers", forbids: func(from, to string) bool {
		return controller(to) != "" && controller(from) == "" && !anyUnder(from, "pkg/operator", "cmd", "test")
	}},
	{name: "the operator never depends on its test equipment", deps: true, tests: true, forbids: func(from, to string) bool {
		return anyUnder(from, "pkg", "cmd", "bindata") && under(to, "test")
	}},
	{
		name: "nothing links the embedded cluster: it is met by command line and files", deps: true, tests: true,
		forbids: func(_, to string) bool { return under(to, "test/cluster") },
	},
}

// isGoogles says whether a path is of the modules that only Google's cloud needs.
func isGoogles(path string) bool {
	return anyUnder(path, "golang.org/x/oauth2", "cloud.google.com/go", "google.golang.org/api", "google.golang.org/grpc")
}

// isOurs says whether a path, after translation, is of this repository.
func isOurs(path string) bool { return anyUnder(path, "pkg", "cmd", "bindata", "test", "hack") }

// firstTwo is the package folder below pkg: pkg/conditions for pkg/conditions/inertia.
func firstTwo(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// violations lists "importer imports imported" for one rule over all packages.
func violations(r rule, pkgs []pkgInfo) []string {
	found := map[string]bool{}
	for _, p := range pkgs {
		from := local(p.ImportPath)
		imports := p.Imports
		if r.deps {
			imports = p.Deps
		}
		if r.tests {
			imports = slices.Concat(imports, p.TestImports, p.XTestImports)
		}
		for _, to := range imports {
			if path := local(to); path != "" {
				to = path
			}
			if r.forbids(from, to) {
				found[from+" imports "+to] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestImportRules(t *testing.T) {
	pkgs := listPackages(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, v := range violations(r, pkgs) {
				t.Error(v)
			}
		})
	}
}

// TestImportRulesBite shows for each rule an import it must find and one it must leave alone.
func TestImportRulesBite(t *testing.T) {
	for _, tc := range []struct {
		rule, from, bad, good string
	}{
		{"names, version and bindata are leaves", "pkg/names", module + "pkg/version", "k8s.io/api/core/v1"},
		{"the pure packages and the small tools know names at most", "pkg/conditions", module + "pkg/storage", module + "pkg/names"},
		{"pkg/conditions decides and cannot reach a cluster", "pkg/conditions", "k8s.io/client-go/rest", "k8s.io/api/apps/v1"},
		{"no controller imports another controller", "pkg/controllers/routes", module + "pkg/controllers/trust", module + "pkg/controllers/routes/host"},
		{"only pkg/operator imports backends", "pkg/controllers/storage", module + "pkg/storage/s3", module + "pkg/storage/storagetest"},
		{"a backend knows storage and names, and no other backend", "pkg/storage/s3", module + "pkg/storage/pvc", module + "pkg/storage"},
		{"the storage seam imports no controller, no backend and no wiring", "pkg/storage", module + "pkg/operator", module + "pkg/operatorclient"},
		{"Google's modules are imported only by the gcs backend", "pkg/storage/s3", "golang.org/x/oauth2/google", "golang.org/x/net/http2"},
		{"the AWS SDK is imported only where the S3 protocol is spoken", "pkg/storage/pvc", aws + "aws-sdk-go-v2/aws", "k8s.io/client-go/kubernetes"},
		{"the Azure SDK is imported only by the azure backend", "pkg/storage/s3", azure + "azure-sdk-for-go/sdk/azcore", aws + "smithy-go"},
		{"the OpenStack SDK is imported only by the swift backend", "pkg/storage/s3", gopher + "gophercloud/v2", "k8s.io/client-go/kubernetes"},
		{"the AWS SDK is imported only where the S3 protocol is spoken", "pkg/storage/pvc", aws + "aws-sdk-go-v2/aws", "k8s.io/client-go/kubernetes"},
		{"no controller links a cloud SDK", "pkg/controllers/storage", aws + "smithy-go", module + "pkg/storage"},
		{"only pkg/operator, cmd and tests import controllers", "pkg/storage", module + "pkg/controllers/storage", module + "pkg/names"},
		{"the operator never depends on its test equipment", "cmd/cluster-image-registry-operator", module + "test/library", module + "pkg/operator"},
		{"nothing links the embedded cluster: it is met by command line and files", "test/e2e", module + "test/cluster/internal/seed", module + "test/library"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			i := slices.IndexFunc(rules, func(r rule) bool { return r.name == tc.rule })
			if i < 0 {
				t.Fatal("no such rule")
			}
			pkg := func(to string) []pkgInfo {
				return []pkgInfo{{ImportPath: module + tc.from, Imports: []string{to}, Deps: []string{to}}}
			}
			if len(violations(rules[i], pkg(tc.bad))) == 0 {
				t.Errorf("%s may import %s", tc.from, tc.bad)
			}
			if v := violations(rules[i], pkg(tc.good)); len(v) > 0 {
				t.Errorf("forbidden: %v", v)
			}
		})
	}
}

// listPackages lists this module's packages with their dependencies, for the platform the operator is built for.
func listPackages(t *testing.T) []pkgInfo {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-json=ImportPath,Imports,Deps,TestImports,XTestImports", module+"...")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = repoRoot(t), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkgInfo
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkgInfo
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
	for _, want := range []string{"pkg/names", "pkg/version", "pkg/storage", "pkg/operatorclient"} {
		if !slices.ContainsFunc(pkgs, func(p pkgInfo) bool { return local(p.ImportPath) == want }) {
			t.Fatalf("go list does not know %s: the rules would look at nothing", want)
		}
	}
	return pkgs
}
