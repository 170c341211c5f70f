package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// flakyModule has a test that fails the first time, one that always does if asked to, and one that passes.
const flakyModule = `package flaky

import (
	"os"
	"testing"
)

func TestFirstTimeFails(t *testing.T) {
	t.Run("inside", func(t *testing.T) {
		if _, err := os.Stat("ran"); err != nil {
			os.WriteFile("ran", nil, 0o644)
			t.Fatal("not the first time")
		}
	})
}

func TestAlwaysFails(t *testing.T) {
	if os.Getenv("FAIL") != "" {
		t.Fatal("never")
	}
}

func TestPasses(t *testing.T) {}
`

func TestAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		again  bool
		final  string
		fail   string
		passed int
		flaky  int
		failed int
		words  string
	}{
		{name: "without -again it fails", passed: 2, failed: 1, words: "not the first time"},
		{name: "a test that passes the second time is flaky", again: true, passed: 3, flaky: 1, words: "s | flaky: "},
		{name: "one that fails again fails the section", again: true, fail: "1", passed: 1, failed: 2, words: "failed: TestAlwaysFails"},
		{name: "one that judges the run is not asked again", again: true, final: "^TestFirst", passed: 2, failed: 1, words: "failed: TestFirstTimeFails"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string]string{"go.mod": "module flaky\n\ngo 1.26\n", "flaky_test.go": flakyModule} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("FAIL", tc.fail)
			t.Setenv("GOFLAGS", "-mod=mod")
			if tc.final == "" {
				tc.final = "^$"
			}
			var out bytes.Buffer
			s := section{name: "s", dir: dir, totals: filepath.Join(dir, "totals"), again: tc.again, final: regexp.MustCompile(tc.final), out: &out}
			err := s.run(t.Context(), []string{"-run", "Test", "./..."})
			if (err != nil) != (tc.failed > 0) {
				t.Errorf("error %v, want one: %v\n%s", err, tc.failed > 0, out.String())
			}
			content, err := os.ReadFile(s.totals)
			if err != nil {
				t.Fatal(err)
			}
			var got counts
			if err := json.Unmarshal(content, &got); err != nil {
				t.Fatal(err)
			}
			if got.Passed != tc.passed || got.Flaky != tc.flaky || got.Failed != tc.failed {
				t.Errorf("counts %+v, want %d passed, %d flaky, %d failed\n%s", got, tc.passed, tc.flaky, tc.failed, out.String())
			}
			if all := strings.Join(got.Words, "\n"); !strings.Contains(all, tc.words) {
				t.Errorf("%q is not among the words:\n%s", tc.words, all)
			}
		})
	}
}
