package imports

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// A storage's reasons are constants of its package, called reason…. Those that end like this tell of something that went
// well.
var (
	reasonConstant = regexp.MustCompile(`(?m)^\s*(reason[A-Z]\w*)\s*= "([^"]+)"`)
	goodReason     = regexp.MustCompile(`(Exists|Created|Deleted|UserManaged|Tagged)$`)
)

// undocumented lists the reasons of code, in need of a cure, that page does not name in a table.
func undocumented(code, page string) []string {
	var rows strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "|") {
			rows.WriteString(line)
		}
	}
	var missing []string
	for _, match := range reasonConstant.FindAllStringSubmatch(code, -1) {
		if !goodReason.MatchString(match[1]) && !strings.Contains(rows.String(), "`"+match[2]+"`") {
			missing = append(missing, match[2])
		}
	}
	return missing
}

// Who sees a reason looks for it on the page of the storage.
func TestReasonsOfStorageAreInItsPage(t *testing.T) {
	found := 0
	for _, file := range ourFiles(t) {
		if !strings.HasPrefix(file, "pkg/storage/") || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		code := string(read(t, file))
		if !reasonConstant.MatchString(code) {
			continue
		}
		found++
		page := "docs/storage/" + path.Base(path.Dir(file)) + ".md"
		for _, missing := range undocumented(code, string(read(t, page))) {
			t.Errorf("%s has no row for reason %q of %s", page, missing, file)
		}
	}
	if found < 6 {
		t.Errorf("%d files with reasons: they have another form now", found)
	}
}

// Who is called by the alert has the table of its runbook, not that of the storages.
func TestReasonsOfStorageReadyAreInItsRunbook(t *testing.T) {
	_, table, found := strings.Cut(string(read(t, "docs/storage/README.md")), "## Reasons of StorageReady\n")
	runbook := string(read(t, "docs/runbooks/ImageRegistryStorageNotReady.md"))
	reasons := regexp.MustCompile("`(\\w+)`")
	rows := 0
	for line := range strings.Lines(table) {
		if !found || !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		for _, match := range reasons.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			if !strings.Contains(runbook, "`"+match[1]+"`") {
				t.Errorf("the runbook of ImageRegistryStorageNotReady does not name reason %s", match[1])
			}
		}
	}
	if rows < 8 {
		t.Errorf("%d rows with reasons: the table has another form now", rows)
	}
}

func TestUndocumentedReasonsAreFound(t *testing.T) {
	code := "const (\n\treasonExists = \"It Exists\"\n\treasonLost   = \"It Is Lost\"\n\treasonOther  = \"Other\"\n)\n"
	page := "`Other` is told of here.\n\n| reason | cure |\n| --- | --- |\n| `It Is Lost` | look for it |\n"
	if got := undocumented(code, page); len(got) != 1 || got[0] != "Other" {
		t.Errorf("found %q", got)
	}
}
