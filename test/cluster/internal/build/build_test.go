package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newModule writes a module with one program and returns its builder.
func newModule(t *testing.T) Builder {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/m\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "go.sum"), "")
	write(t, filepath.Join(dir, "cmd/hello/main.go"), "package main\n\nfunc main() { println(\"hello\") }\n")
	return Builder{Source: dir, Bin: filepath.Join(dir, "bin"), Progress: func(string) {}}
}

var hello = Program{Name: "hello", Sources: []string{"cmd/hello"}}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBuildOnceForTheSameSources(t *testing.T) {
	b := newModule(t)
	if b.Built(hello) {
		t.Error("it counts as built before it is")
	}
	first, err := b.Build(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Built(hello) {
		t.Error("it does not count as built")
	}
	// Were it built again, this would be replaced.
	write(t, first, "mark")
	second, err := b.Build(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(second); second != first || err != nil || string(data) != "mark" {
		t.Errorf("the binary was built again: %s, %v", second, err)
	}
}

func TestKeyFollowsTheSources(t *testing.T) {
	for _, c := range []struct {
		name, file, content string
		same                bool
	}{
		{"another source", "cmd/hello/main.go", "package main\n\nfunc main() { println(\"hallo\") }\n", false},
		{"a new file", "cmd/hello/more.go", "package main\n", false},
		{"another version of a module", "go.sum", "example.test/x v1.0.0 h1:x\n", false},
		{"a test", "cmd/hello/main_test.go", "package main\n", true},
		{"another program", "cmd/other/main.go", "package main\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newModule(t)
			before, err := b.key(hello)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(b.Source, c.file), c.content)
			after, err := b.key(hello)
			if err != nil {
				t.Fatal(err)
			}
			if (before == after) != c.same {
				t.Errorf("key before %s, after %s", before, after)
			}
		})
	}
}

func TestFailedBuildSaysWhyAndLeavesNothing(t *testing.T) {
	b := newModule(t)
	write(t, filepath.Join(b.Source, "cmd/hello/main.go"), "package main\n\nfunc main() { nonsense() }\n")
	_, err := b.Build(t.Context(), hello)
	if err == nil || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("error %v, want the compiler's", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Bin, "*", "hello*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestOldBinariesAreForgotten(t *testing.T) {
	b := newModule(t)
	var last string
	for _, word := range []string{"one", "two", "three"} {
		write(t, filepath.Join(b.Source, "cmd/hello/main.go"), "package main\n\nfunc main() { println(\""+word+"\") }\n")
		path, err := b.Build(t.Context(), hello)
		if err != nil {
			t.Fatal(err)
		}
		last = path
	}
	dirs, err := filepath.Glob(filepath.Join(b.Bin, "hello-*"))
	if err != nil || len(dirs) != kept {
		t.Errorf("%d versions are kept, want %d (%v)", len(dirs), kept, err)
	}
	if _, err := os.Stat(last); err != nil {
		t.Errorf("the latest is not among them: %v", err)
	}
}

func TestFindSource(t *testing.T) {
	root := t.TempDir()
	module := filepath.Join(root, "test", "cluster")
	write(t, filepath.Join(module, "go.mod"), "module "+Module+"\n")
	write(t, filepath.Join(root, "go.mod"), "module example.test/other\n")
	deep := filepath.Join(module, "cmd", "kube")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{root, module, deep, filepath.Join(root, "test")} {
		if got, err := FindSource(from); err != nil || got != module {
			t.Errorf("from %s: %s, %v, want %s", from, got, err, module)
		}
	}
	if got, err := FindSource(t.TempDir()); err == nil {
		t.Errorf("from outside of the repository: %s, want an error", got)
	}
}

func TestKubernetesVersionIsStamped(t *testing.T) {
	flags := kubernetesVersion("v1.36.3")
	for _, want := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.36.3", "version.gitMajor=1 ", "version.gitMinor=36 ",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("flags %q lack %q", flags, want)
		}
	}
}
