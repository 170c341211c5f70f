package golden

import (
	"crypto/rand"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/klog/v2"
)

var update = flag.Bool("update", false, "write the expected files anew")

// fives stands for random bytes.
type fives struct{}

func (fives) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0x55
	}
	return len(p), nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	rand.Reader = fives{}
	// What a case leaves is garbage at once: collecting it less often saves a fifth of the time.
	debug.SetGCPercent(800)
	if !testing.Verbose() {
		// One without a sink says nothing.
		klog.SetLogger(klog.Logger{})
	}
	os.Exit(m.Run())
}

// directories finds the folders of cases.
func directories(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern, "test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no case: %v", err)
	}
	for i := range files {
		files[i] = filepath.Dir(files[i])
	}
	return files
}

func TestGolden(t *testing.T) {
	for _, dir := range directories(t, "*") {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			about := readCase(t, dir)
			r := runCase(t, about, about.objects(t, dir))
			compare(t, filepath.Join(dir, "expected"), r.outcome())
		})
	}
}

// compare holds the outcome against the files below dir, or writes these.
func compare(t *testing.T, dir string, got map[string]string) {
	t.Helper()
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for name, content := range got {
			writeFile(t, filepath.Join(dir, name), content)
		}
		return
	}
	want := readTree(t, dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(strings.Split(want[name], "\n"), strings.Split(got[name], "\n")); diff != "" {
			t.Errorf("%s/%s differs (-want +got; go test ./test/golden -update writes it anew):\n%s", dir, name, diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, expected := want[name]; !expected {
			t.Errorf("%s/%s is not expected:\n%s", dir, name, got[name])
		}
	}
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
