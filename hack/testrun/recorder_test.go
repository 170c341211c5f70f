package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRecorder(t *testing.T) {
	const ok = `{"Action":"run","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"T/a"}
{"Action":"output","Package":"p","Test":"T/a","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"T/a"}
{"Action":"run","Package":"p","Test":"T/b"}
{"Action":"pass","Package":"p","Test":"T/b"}
{"Action":"pass","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	for _, tc := range []struct {
		name, stream string
		want         counts
		shows, hides []string
	}{
		{
			name: "subtests count and their parent does not", stream: ok,
			want: counts{Passed: 2}, shows: []string{"ok  \tp\t0.1s"}, hides: []string{"noise", "PASS"},
		},
		{
			name: "a failed subtest counts once and its output is shown",
			stream: strings.NewReplacer(`"pass","Package":"p","Test":"T/a"`, `"fail","Package":"p","Test":"T/a"`,
				`"pass","Package":"p","Test":"T"}`, `"fail","Package":"p","Test":"T"}`,
				`"pass","Package":"p"}`, `"fail","Package":"p"}`).Replace(ok),
			want: counts{Passed: 1, Failed: 1}, shows: []string{"noise"},
		},
		{
			name:   "a parent that fails by itself counts",
			stream: strings.ReplaceAll(ok, `"pass","Package":"p","Test":"T"}`, `"fail","Package":"p","Test":"T"}`),
			want:   counts{Passed: 2, Failed: 1},
		},
		{
			name: "a test that the process took down with it is shown and counts as failed",
			stream: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"panic: boom\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`,
			want: counts{Failed: 1}, shows: []string{"panic: boom", "FAIL\tp\t0.1s"},
		},
		{
			name: "a package that does not build counts as one failure and shows the compiler's words",
			stream: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`,
			want: counts{Failed: 1}, shows: []string{"undefined: x", "[build failed]"},
		},
		{
			name: "a skipped test says why",
			stream: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"=== RUN   T\n"}
{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:7: needs root\n"}
{"Action":"skip","Package":"p","Test":"T"}
{"Action":"pass","Package":"p"}
`,
			want: counts{Skipped: 1}, shows: []string{"skip\tT\tx_test.go:7: needs root"},
		},
		{
			name: "words of the go command itself are passed on", stream: "go: warning: matched no packages\n",
			shows: []string{"matched no packages"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			r := newRecorder(&out, false)
			if err := follow(strings.NewReader(tc.stream), r, time.NewTicker(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got := r.finish(); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("counts %v, want %v", got, tc.want)
			}
			for _, s := range tc.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q is not shown in:\n%s", s, out.String())
				}
			}
			for _, s := range tc.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q is shown in:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestReport(t *testing.T) {
	for _, tc := range []struct {
		name     string
		sections []counts
		last     string
		fails    bool
		shows    string
	}{
		{"sections add up", []counts{{Passed: 2, Skipped: 1}, {Passed: 3}}, "5 passed, 0 failed, 1 skipped", false, ""},
		{"one failure fails the report", []counts{{Passed: 2}, {Failed: 1, Words: []string{"why"}}}, "2 passed, 1 failed, 0 skipped", true, "why\n"},
		{"a flaky test does not, and is told", []counts{{Passed: 2, Flaky: 1, Words: []string{"flaky"}}}, "2 passed, 0 failed, 0 skipped", false, "flaky\n"},
		{"nothing passed is a failure", []counts{{Skipped: 4}}, "0 passed, 0 failed, 4 skipped", true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := t.TempDir() + "/totals"
			for _, c := range tc.sections {
				if err := appendCounts(file, c); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			if err := printReport(&out, file); (err != nil) != tc.fails {
				t.Errorf("error %v, want one: %v", err, tc.fails)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if got := lines[len(lines)-1]; got != tc.last {
				t.Errorf("closing line %q, want %q", got, tc.last)
			}
			if !strings.Contains(out.String(), tc.shows) {
				t.Errorf("%q is not shown in:\n%s", tc.shows, out.String())
			}
		})
	}
}
