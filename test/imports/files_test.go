package imports

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// ourFiles are the files git knows or would add, but for the code of others.
func ourFiles(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
		"--", ".", ":!vendor", ":!*/vendor/*")
	cmd.Dir = repoRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not a git work tree: %v", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		// A file deleted and not yet committed is still listed.
		if info, err := os.Stat(filepath.Join(cmd.Dir, name)); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		t.Fatal("git lists no file: the test would look at nothing")
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repoRoot(t), file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// forbiddenWords never belong into a file: folders of the machine someone worked on, and hosts that serve modules or
// packages. They are put together here so that this file does not contain them. YAML, Go and prose alike are searched.
var forbiddenWords = []*regexp.Regexp{
	regexp.MustCompile(`(^|[^\w.~*}-])/` + `work/`),
	regexp.MustCompile(`(^|[^\w.~*}-])/` + `root/`),
	regexp.MustCompile(`(^|[^\w.~*}-])/` + `home/\w`),
	regexp.MustCompile(`(proxy|sum)\.` + `golang\.org`),
	regexp.MustCompile(`registry\.` + `npmjs\.org`),
	regexp.MustCompile(`(deb|security|snapshot)\.` + `debian\.org`),
}

// findForbidden lists "line: match" for each forbidden word in content.
func findForbidden(content []byte) []string {
	var found []string
	for number, line := range bytes.Split(content, []byte("\n")) {
		for _, word := range forbiddenWords {
			if m := word.Find(line); m != nil {
				found = append(found, fmt.Sprintf("%d: %s", number+1, bytes.TrimSpace(m)))
			}
		}
	}
	return found
}

func TestNoWorkplaceIsNamed(t *testing.T) {
	for _, file := range ourFiles(t) {
		for _, found := range findForbidden(read(t, file)) {
			t.Errorf("%s:%s", file, found)
		}
	}
}

func TestForbiddenWordsBite(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		found      bool
	}{
		{"a folder of a workplace", "cd /" + "work/main", true},
		{"the home of root", "KUBECONFIG=/" + "root/.kube/config", true},
		{"someone's home", "see /" + "home/anna/notes", true},
		{"a module host", "GOPROXY=https://proxy." + "golang.org", true},
		{"a package's folder named work", "pkg/" + "work/queue.go", false},
		{"a home by variable", "${HOME}/" + "work/x", false},
		{"the root folder of a container", "mount / at /rootfs", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := len(findForbidden([]byte(tc.text))) > 0; got != tc.found {
				t.Errorf("found: %v, want %v", got, tc.found)
			}
		})
	}
}

// nolintComment is an exception asked for, not a word in prose or in a test's string.
var nolintComment = regexp.MustCompile(`(?m)//nolint\b`)

// TestNolintOnlyFalls holds the number of exceptions at what testdata/nolint.count says, so that each new one is a decision
// someone can see in the review, and each removed one stays removed.
func TestNolintOnlyFalls(t *testing.T) {
	var found []string
	for _, file := range ourFiles(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasPrefix(file, "test/imports/") {
			continue
		}
		for number, line := range bytes.Split(read(t, file), []byte("\n")) {
			if nolintComment.Match(line) {
				found = append(found, fmt.Sprintf("%s:%d: %s", file, number+1, bytes.TrimSpace(line)))
			}
		}
	}
	const file = "test/imports/testdata/nolint.count"
	allowed, err := strconv.Atoi(strings.TrimSpace(string(read(t, file))))
	if err != nil {
		t.Fatalf("reading %s: %v", file, err)
	}
	switch {
	case len(found) > allowed:
		t.Errorf("%d nolint comments, %s allows %d: mend the code, or raise the number and say why in the commit\n%s",
			len(found), file, allowed, strings.Join(found, "\n"))
	case len(found) < allowed:
		t.Errorf("%d nolint comments, %s allows %d: lower the number", len(found), file, allowed)
	}
}

// TestBudgets holds files to a length that is read in one go. The linters hold functions.
func TestBudgets(t *testing.T) {
	for _, file := range ourFiles(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		limit := 400
		if strings.HasPrefix(file, "pkg/controllers/") && filepath.Base(file) == "controller.go" {
			limit = 150
		}
		content := read(t, file)
		if bytes.HasPrefix(content, []byte("// Code generated ")) {
			continue
		}
		if lines := bytes.Count(content, []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines, at most %d: what of it is a thing of its own?", file, lines, limit)
		}
	}
}
