package imports

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// folder is a path below a folder of packages, as far as ARCHITECTURE.md goes down: pkg/x, pkg/controllers/x, test/x.
var folder = regexp.MustCompile(`^(pkg/controllers/[^/]+|pkg/[^/]+|test/[^/]+)/.`)

// unnamed lists the folders of files that text does not name, with the slash that ends a folder's name.
func unnamed(text string, files []string) []string {
	missing := map[string]bool{}
	for _, file := range files {
		match := folder.FindStringSubmatch(file)
		// pkg/controllers has no row of its own: each of its folders has.
		if match != nil && match[1] != "pkg/controllers" && !strings.Contains(text, match[1]+"/") {
			missing[match[1]] = true
		}
	}
	var sorted []string
	for name := range missing {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

// A reader looks for a folder in "The house", so what is not there does not exist for him.
func TestEveryFolderIsInTheHouse(t *testing.T) {
	_, house, found := strings.Cut(string(read(t, "ARCHITECTURE.md")), "\n## The house\n")
	house, _, ended := strings.Cut(house, "\n## ")
	if !found || !ended {
		t.Fatal(`ARCHITECTURE.md has no section "The house"`)
	}
	for _, missing := range unnamed(house, ourFiles(t)) {
		t.Errorf(`ARCHITECTURE.md, "The house", does not name %s/`, missing)
	}
}

func TestUnnamedFoldersAreFound(t *testing.T) {
	text := "pkg/names/ leaf\npkg/controllers/routes/ routes\ntest/e2e/ promises\n"
	files := []string{
		"pkg/names/names.go", "pkg/controllers/routes/doc.go", "pkg/controllers/trust/doc.go", "pkg/queue/deep/down.go",
		"test/e2e/e2e_test.go", "test/fixtures/README.md", "cmd/x/main.go", "README.md",
	}
	if got, want := unnamed(text, files), []string{"pkg/controllers/trust", "pkg/queue", "test/fixtures"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
